"""Signed addresses for bodies going into and out of the store."""

import asyncio
from collections.abc import Container
from datetime import datetime, timedelta
from typing import Literal, Protocol
from urllib.parse import quote

from pydantic import Field

from api.parts import Parts
from api.shapes import Shown
from media_agents.serving import SHOWN, UNKNOWN, is_public, served_as
from media_agents.storage import MULTIPART_ABOVE

CONTENT_TYPES = (
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-msvideo",
    "video/mpeg",
    "video/mp2t",
    "video/x-flv",
    "audio/mpeg",
    "audio/mp4",
    "audio/wav",
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/tiff",
    "application/octet-stream",
)
_PART_BYTES = 16 << 20
_PARTS_MAX = 10_000


class UploadPart(Shown):
    number: int
    url: str


class Upload(Shown):
    """One PUT with exactly these headers, or one PUT per part.

    For parts: send each `partSize` bytes, the last what is left, then `complete`; parts
    in `sent` lie in the store already, `etags` tells the store's sum of each. A cut
    upload goes on with GET …/upload; `again` names parts that were cut themselves.
    """

    method: Literal["PUT"] = "PUT"
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    upload_id: str | None = None
    part_size: int | None = None
    parts: list[UploadPart] = Field(default_factory=list)
    sent: list[int] = Field(default_factory=list)
    etags: list[str] = Field(default_factory=list)
    expires_at: datetime


class Wanted(Shown):
    """A body that somebody is about to send."""

    key: str
    content_type: str
    size: int
    sha256: str = ""
    upload_id: str = ""


async def sign_upload(parts: Parts, wanted: Wanted) -> Upload:
    expires_at = parts.clock() + timedelta(seconds=parts.edge.upload_s)
    if wanted.upload_id:
        return Upload(
            upload_id=wanted.upload_id,
            part_size=part_size(wanted.size),
            parts=await _sign_parts(parts, wanted),
            expires_at=expires_at,
        )
    signed = await parts.storage.presign_put(
        wanted.key,
        wanted.content_type,
        sha256=wanted.sha256 or None,
        size=wanted.size,
        expires=parts.edge.upload_s,
    )
    return Upload(url=signed.url, headers=signed.headers, expires_at=expires_at)


async def sign_rest(parts: Parts, wanted: Wanted, again: Container[int] = ()) -> Upload:
    """Only what has not arrived whole; raises ObjectMissing if the store gave up.

    A store may take a part for whole whose line went dead: `again` are signed, too.
    """
    if not wanted.upload_id:
        return await sign_upload(parts, wanted)
    sent = await parts.storage.sent_parts(wanted.key, wanted.upload_id)
    there = {
        each.number: each.etag
        for each in sent
        if each.size == _size_of(each.number, wanted) and each.number not in again
    }
    expires_at = parts.clock() + timedelta(seconds=parts.edge.upload_s)
    return Upload(
        upload_id=wanted.upload_id,
        part_size=part_size(wanted.size),
        parts=await _sign_parts(parts, wanted, there),
        sent=sorted(there),
        etags=[there[each] for each in sorted(there)],
        expires_at=expires_at,
    )


async def _sign_parts(
    parts: Parts, wanted: Wanted, sent: Container[int] = ()
) -> list[UploadPart]:
    numbers = [n for n in range(1, _count(wanted) + 1) if n not in sent]
    urls = await asyncio.gather(
        *(
            parts.storage.presign_part(
                wanted.key, wanted.upload_id, number, expires=parts.edge.upload_s
            )
            for number in numbers
        )
    )
    signed = zip(numbers, urls, strict=True)
    return [UploadPart(number=number, url=url) for number, url in signed]


def _count(wanted: Wanted) -> int:
    return -(-wanted.size // part_size(wanted.size))


def _size_of(number: int, wanted: Wanted) -> int:
    """The last part is what is left."""
    whole = part_size(wanted.size)
    return min(whole, wanted.size - (number - 1) * whole)


def part_size(size: int) -> int:
    """16 MiB, or more where that would make more parts than the store takes."""
    return max(_PART_BYTES, -(-size // _PARTS_MAX))


def in_parts(size: int) -> bool:
    return size > MULTIPART_ABOVE


class Probed(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def container(self) -> str: ...


class Stored(Protocol):
    """A body as its row tells of it."""

    @property
    def status(self) -> str: ...

    @property
    def object_key(self) -> str: ...

    @property
    def filename(self) -> str: ...

    @property
    def facts(self) -> Probed | None: ...


async def sign_body(parts: Parts, body: Stored) -> str | None:
    """As what was found in it; before anybody looked, it is only ever saved."""
    if body.status not in {"uploaded", "ready"}:
        return None
    facts = body.facts
    kind = served_as(facts.kind, facts.container) if facts else UNKNOWN
    return await parts.storage.presign_get(
        body.object_key,
        expires=parts.edge.link_s,
        content_type=kind,
        filename=None if kind in SHOWN else body.filename,
    )


async def sign_get(parts: Parts, key: str, content_type: str) -> str | None:
    """Of what is public an address that lasts, of all else a signed one that ends."""
    if not key:
        return None
    if parts.edge.media_url and is_public(key):
        return f"{parts.edge.media_url}/{quote(key)}"
    return await parts.storage.presign_get(
        key, expires=parts.edge.link_s, content_type=content_type
    )
