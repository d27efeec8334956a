"""What media work can answer instead of a result, named after the reaction."""


class MediaRefused(Exception):
    """Permanent: tell the user `reason` and `remedy`; another attempt fails alike."""

    def __init__(self, code: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.remedy = remedy


class FetchRefused(MediaRefused):
    """Permanent: the address given by the user is not one that may be fetched."""


class TryLater(Exception):
    """Transient: release the job and let the next attempt have it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class EngineMissing(Exception):
    """No usable binary on this machine: install one or name its path."""


class ObjectMissing(Exception):
    """No object under this key: the upload never happened or it was deleted."""


class ObjectDiffers(Exception):
    """The key holds other bytes: objects are immutable, choose another key."""
