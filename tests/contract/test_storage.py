"""What the object store promises, asked of a real S3 server over HTTP."""

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from infra.settings import Settings
from media_agents.errors import ObjectDiffers, ObjectMissing, TryLater
from media_agents.storage import MULTIPART_ABOVE, Part, Storage, object_key

BODY = b"a picture, to the last byte"
DIGEST = hashlib.sha256(BODY).hexdigest()
ORIGIN = "http://studio.example"


@pytest.fixture(scope="module")
async def storage(stack: Settings) -> Storage:
    assert stack.s3
    assert stack.s3_access_key
    assert stack.s3_secret_key
    secret = stack.s3_secret_key.get_secret_value()
    made = Storage(stack.s3, stack.s3_access_key, secret, stack.s3_bucket)
    await made.ensure_bucket([ORIGIN])
    return made


@pytest.fixture
def key(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    # The path is new for every run, so keys never meet those of an earlier one.
    fresh = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    return object_key("t_store", "assets", fresh, f"{request.node.name}.bin")


async def _put(url: str, headers: dict[str, str], body: bytes) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.put(url, headers=headers, content=body)).status_code


async def _write(storage: Storage, key: str, path: Path, body: bytes = BODY) -> None:
    await asyncio.to_thread(path.write_bytes, body)
    await storage.upload(path, key, "video/mp4")


async def test_a_signed_put_stores_what_was_announced(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=DIGEST, size=len(BODY), expires=60
    )
    assert await _put(put.url, put.headers, BODY) == 200
    facts = await storage.head(key)
    assert facts
    assert (facts.size, facts.content_type) == (len(BODY), "video/mp4")
    assert facts.sha256 in {None, DIGEST}
    assert await storage.sha256(key) == DIGEST


async def test_other_bytes_than_the_announced_hash_are_refused(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=DIGEST, size=len(BODY), expires=60
    )
    assert await _put(put.url, put.headers, BODY[::-1]) == 400
    assert await storage.head(key) is None


async def test_the_checksum_header_may_not_be_left_out(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=DIGEST, size=len(BODY), expires=60
    )
    bare = {n: v for n, v in put.headers.items() if "checksum" not in n}
    assert await _put(put.url, bare, BODY[::-1]) in {400, 403}
    assert await storage.head(key) is None


async def test_a_put_of_another_size_is_refused(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=None, size=len(BODY), expires=60
    )
    longer = put.headers | {"Content-Length": str(len(BODY) + 1)}
    assert await _put(put.url, longer, BODY + b"!") in {400, 403}
    assert await storage.head(key) is None


async def test_an_unpinned_put_works_once(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=None, size=len(BODY), expires=60
    )
    assert await _put(put.url, put.headers, BODY) == 200
    assert await _put(put.url, put.headers, BODY[::-1]) == 412
    assert await storage.get_bytes(key) == BODY


async def test_a_tampered_signature_is_refused(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=DIGEST, size=len(BODY), expires=60
    )
    other = put.url.replace(quote(key), quote(key + "x"))
    assert await _put(other, put.headers, BODY) == 403


async def test_a_url_stops_working_when_it_expires(storage, key, tmp_path):
    await _write(storage, key, tmp_path / "f")
    url = await storage.presign_get(key, expires=2, content_type="video/mp4")
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 200
        while (answer := await client.get(url)).status_code == 200:
            continue
    assert answer.status_code == 403


async def test_a_signed_get_names_type_and_file_and_serves_ranges(
    storage, key, tmp_path
):
    await _write(storage, key, tmp_path / "f")
    url = await storage.presign_get(
        key, expires=60, content_type="video/mp4", filename="宣传片.mp4"
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url, headers={"Range": "bytes=2-8"})
    assert (answer.status_code, answer.content) == (206, BODY[2:9])
    assert answer.headers["content-type"] == "video/mp4"
    assert quote("宣传片.mp4") in answer.headers["content-disposition"]


async def test_parts_become_one_object_and_completing_twice_is_harmless(storage, key):
    first, last = b"a" * (5 << 20), b"end"
    upload = await storage.create_multipart(key, "video/mp4")
    parts = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for number, body in ((1, first), (2, last)):
            url = await storage.presign_part(key, upload, number, expires=60)
            answer = await client.put(url, content=body)
            parts.append(Part(number, answer.headers["etag"]))
    await storage.complete_multipart(key, upload, parts[::-1])
    await storage.complete_multipart(key, upload, parts)
    assert await storage.sha256(key) == hashlib.sha256(first + last).hexdigest()


async def test_completing_an_unknown_upload_says_it_is_missing(storage, key):
    with pytest.raises(ObjectMissing):
        await storage.complete_multipart(key, "0" * 32, [Part(1, "e" * 32)])


async def test_uploading_the_same_key_again_changes_nothing(storage, key, tmp_path):
    await _write(storage, key, tmp_path / "f")
    before = await storage.head(key)
    await _write(storage, key, tmp_path / "f")
    assert await storage.head(key) == before


async def test_other_bytes_under_a_taken_key_are_an_error(storage, key, tmp_path):
    await _write(storage, key, tmp_path / "f")
    with pytest.raises(ObjectDiffers):
        await _write(storage, key, tmp_path / "f", BODY + b"more")
    assert await storage.get_bytes(key) == BODY


async def test_what_was_uploaded_comes_back(storage, key, tmp_path):
    body = bytes(range(256)) * 9000
    await _write(storage, key, tmp_path / "f", body)
    await storage.download(key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == body


async def test_a_missing_object_is_said_to_be_missing(storage, key, tmp_path):
    assert await storage.head(key) is None
    with pytest.raises(ObjectMissing):
        await storage.download(key, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


async def test_json_is_kept_and_repeated(storage, key):
    await storage.put_json(key, {"lines": ["一", "二"]})
    await storage.put_json(key, {"lines": ["一", "二"]})
    assert await storage.get_json(key, dict[str, list[str]]) == {"lines": ["一", "二"]}


async def test_browsers_of_known_origins_may_upload(storage, key):
    put = await storage.presign_put(
        key, "video/mp4", sha256=DIGEST, size=len(BODY), expires=60
    )
    ask = {"Access-Control-Request-Method": "PUT", "Origin": ORIGIN}
    async with httpx.AsyncClient(trust_env=False) as client:
        known = await client.options(put.url, headers=ask)
        other = await client.options(
            put.url, headers=ask | {"Origin": "http://x.example"}
        )
    assert known.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in other.headers


async def test_a_store_that_is_away_asks_to_try_later():
    away = Storage("http://127.0.0.1:9", "key", "secret", "bucket")
    with pytest.raises(TryLater):
        await away.head("t/assets/1/a")


async def test_big_files_go_up_in_parts_and_only_once(storage, key, tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(MULTIPART_ABOVE + 1)
    await storage.upload(path, key, "video/mp4")
    await storage.upload(path, key, "video/mp4")
    facts = await storage.head(key)
    assert facts
    assert facts.size == MULTIPART_ABOVE + 1
    path.write_bytes(b"other")
    with pytest.raises(ObjectDiffers):
        await storage.upload(path, key, "video/mp4")


async def test_what_arrived_of_a_cut_upload_is_known(storage, key):
    upload = await storage.create_multipart(key, "video/mp4")
    whole = b"x" * (5 << 20)
    for number, body in ((1, whole), (3, b"rest")):
        url = await storage.presign_part(key, upload, number, expires=60)
        assert await _put(url, {}, body) == 200

    sent = await storage.sent_parts(key, upload)

    assert [(each.number, each.size) for each in sent] == [(1, len(whole)), (3, 4)]
    parts = [Part(each.number, each.etag) for each in sent]
    await storage.complete_multipart(key, upload, parts)
    assert await storage.get_bytes(key) == whole + b"rest"
    with pytest.raises(ObjectMissing):
        await storage.sent_parts(key, upload)


async def test_what_is_deleted_is_gone_and_nothing_else(storage, key, tmp_path):
    kept, other = f"{key}.kept", f"{key}.folder/below"
    for each in (key, kept, other):
        await _write(storage, each, tmp_path / "f")
    assert await storage.below(f"{key}.folder/") == [other]

    await storage.delete([key, other, f"{key}.never"])

    assert await storage.head(key) is None
    assert await storage.below(key) == [kept]


async def test_a_given_up_upload_in_parts_leaves_nothing_and_takes_no_part(
    storage, key
):
    """One of another key that begins like it goes on."""
    opened = [await storage.create_multipart(each, "video/mp4") for each in (key, key)]
    longer = await storage.create_multipart(f"{key}2", "video/mp4")
    url = await storage.presign_part(key, opened[0], 1, expires=60)
    assert await _put(url, {}, BODY) == 200

    for _ in range(2):
        await storage.give_up([key])
    for upload in opened:
        with pytest.raises(ObjectMissing):
            await storage.sent_parts(key, upload)
    assert await _put(url, {}, BODY) == 404
    assert await storage.sent_parts(f"{key}2", longer) == []
    await storage.give_up([f"{key}2"])


@pytest.mark.parametrize("claimed", ["text/html", "image/svg+xml", "x/y"])
async def test_what_a_browser_might_run_is_only_ever_saved(
    storage, key, tmp_path, claimed
):
    await _write(storage, key, tmp_path / "f")
    url = await storage.presign_get(key, expires=60, content_type=claimed)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
        other = await client.get(f"{url}&response-content-type=text%2Fhtml")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert other.status_code == 403


async def test_what_is_finished_says_how_long_it_may_be_kept(storage, tmp_path):
    fresh = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    path = tmp_path / "f"
    path.write_bytes(BODY)
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(MULTIPART_ABOVE + 1)
    for where, who in (("public", "public"), ("videos", "private")):
        for file in (path, big):
            key = f"t_store/{where}/{fresh}/{file.name}-0a1b.mp4"
            await storage.upload(file, key, "video/mp4", finished=True)
            seen = storage._client().head_object(Bucket=storage._bucket, Key=key)
            kept = seen["CacheControl"]
            assert kept == f"{who}, max-age=31536000, immutable"
