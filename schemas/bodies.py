"""What lies in the store."""

from msgspec import Struct


class StoredBody(Struct, frozen=True):
    """A file of an asset as it lies in the store."""

    object_key: str
    size: int
    sha256: str
    content_type: str
    filename: str = ""
    duplicate_of: str = ""
