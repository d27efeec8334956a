"""Text into 256 floats by hashing its pieces: equal texts are near, nothing more.

This is no model of meaning: it finds shared wording, and its vectors are never
compared with a real model's.
"""

import math
from collections.abc import Iterator
from zlib import crc32

SIZE = 256
_LONGEST = 3


def vector(text: str) -> tuple[float, ...]:
    """Length one for every text, the empty one included."""
    sums = [0.0] * SIZE
    for piece in _pieces(text.casefold()):
        mark = crc32(piece.encode())
        # A sign bit of its own keeps collisions from adding up.
        sums[mark % SIZE] += 1.0 if mark & 0x80000000 else -1.0
    norm = math.sqrt(math.fsum(value * value for value in sums))
    if norm == 0.0:
        return (1.0, *sums[1:])
    return tuple(value / norm for value in sums)


def _pieces(text: str) -> Iterator[str]:
    compact = " ".join(text.split())
    for length in range(1, _LONGEST + 1):
        for start in range(len(compact) - length + 1):
            yield compact[start : start + length]
