"""A large body passes the API by: its memory is flat, a cut costs at most one part."""

from typing import Any

from infra.settings import Settings
from tests.bench import upload

SIZE = 200 << 20


def test_an_upload_costs_the_api_nothing_and_a_cut_costs_one_part(
    stack: Settings,
) -> None:
    found: dict[str, Any] = upload.measure(stack, SIZE)

    assert found["sha256_same"] is True
    assert found["parts"] == -(-SIZE // found["part_size"])
    assert found["resume"]["parts_sent_again"] == 1
    assert 0 < found["resume"]["bytes_before_the_cut"] < found["part_size"]
    assert found["resume"]["bytes_sent_again"] == found["part_size"]
    assert found["api_mib"]["growth"] < 24


def test_a_body_is_the_same_however_it_is_read() -> None:
    body = upload.Body(3 * upload.BLOCK + 17)
    whole = b"".join(body.read(0, body.size))
    parts = [(0, 5), (5, upload.BLOCK + 1), (upload.BLOCK + 1, body.size)]

    assert len(whole) == body.size
    assert b"".join(block for part in parts for block in body.read(*part)) == whole
    assert whole[: upload.BLOCK] != whole[upload.BLOCK : 2 * upload.BLOCK]
