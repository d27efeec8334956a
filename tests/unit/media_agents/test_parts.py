"""Sums of bodies sent in parts."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from media_agents.parts import Sums


@given(st.binary(min_size=1, max_size=200), st.integers(1, 50), st.integers(1, 60))
def test_the_sum_is_that_of_the_parts_however_blocks_come(
    body: bytes, part: int, block: int
) -> None:
    sums = Sums(part)
    for start in range(0, len(body), block):
        sums.update(body[start : start + block])
    parts = [body[start : start + part] for start in range(0, len(body), part)]
    each = [hashlib.md5(one, usedforsecurity=False).digest() for one in parts]
    whole = hashlib.md5(b"".join(each), usedforsecurity=False).hexdigest()

    assert sums.etag() == f"{whole}-{len(parts)}"
    assert sums.sha256() == hashlib.sha256(body).hexdigest()
