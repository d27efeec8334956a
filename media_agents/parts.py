"""Sums of a body that went into the store in parts."""

import hashlib


class Sums:
    """Of the whole, and of each part; blocks come in order and of any size."""

    def __init__(self, part_size: int) -> None:
        self._part_size = part_size
        self._whole = hashlib.sha256()
        self._parts = [hashlib.md5(usedforsecurity=False)]
        self._left = part_size

    def update(self, block: bytes) -> None:
        self._whole.update(block)
        while block:
            if not self._left:
                self._parts.append(hashlib.md5(usedforsecurity=False))
                self._left = self._part_size
            taken, block = block[: self._left], block[self._left :]
            self._parts[-1].update(taken)
            self._left -= len(taken)

    def sha256(self) -> str:
        return self._whole.hexdigest()

    def etag(self) -> str:
        """As S3 makes it: the sum of the sums, and how many there are."""
        sums = b"".join(each.digest() for each in self._parts)
        whole = hashlib.md5(sums, usedforsecurity=False)
        return f"{whole.hexdigest()}-{len(self._parts)}"
