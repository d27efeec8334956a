"""Cues in the store: named by their content, believed only if they hash to it."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from media_agents.errors import ObjectDiffers
from media_agents.subtitles.rules import Cue, faults, rules_for
from schemas.jobs import SubtitleText


class Objects(Protocol):
    """The store as far as subtitles need it."""

    async def get_bytes(self, key: str) -> bytes: ...

    async def put_json(self, key: str, value: object) -> None: ...


class Body(Struct, frozen=True):
    """`upright`: made for a picture that is higher than wide."""

    language: str
    cues: tuple[Cue, ...]
    upright: bool = False


class Script(Struct, frozen=True):
    """What is said in a video, by somebody who knows."""

    text: str


class Home(Struct, frozen=True):
    """Whose subtitles they are; they go when the asset goes."""

    tenant: str
    asset_id: str
    language: str

    def key(self, digest: str) -> str:
        return f"{self.tenant}/subtitles/{self.asset_id}/{self.language}-{digest}.json"


async def keep(
    objects: Objects,
    home: Home,
    cues: Sequence[Cue],
    source: str,
    *,
    confidence: str = "exact",
    upright: bool = False,
) -> SubtitleText:
    """The same cues twice are one object."""
    body = Body(home.language, tuple(cues), upright)
    key, digest = await _kept(objects, home, body)
    language = rules_for(home.language, upright=upright)
    return SubtitleText(
        language=home.language,
        object_key=key,
        sha256=digest,
        count=len(cues),
        source=source,
        confidence=confidence,
        faults=sum(1 for _ in faults(cues, language)),
    )


async def keep_script(objects: Objects, home: Home, text: str) -> tuple[str, str]:
    """Its key and hash."""
    return await _kept(objects, home, Script(text))


async def fetched(objects: Objects, key: str, sha256: str) -> bytes:
    """Raises ObjectMissing, or ObjectDiffers for other bytes than were kept."""
    data = await objects.get_bytes(key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ObjectDiffers(f"{key} is not what was kept")
    return data


async def cues_in(objects: Objects, text: SubtitleText) -> Body:
    data = await fetched(objects, text.object_key, text.sha256)
    return msgspec.json.decode(data, type=Body)


async def script_in(objects: Objects, key: str, sha256: str) -> str:
    data = await fetched(objects, key, sha256)
    return msgspec.json.decode(data, type=Script).text


async def _kept(objects: Objects, home: Home, value: Struct) -> tuple[str, str]:
    # As the store will write it, so that the name is the hash of what lies there.
    spelt = msgspec.json.encode(value, order="deterministic")
    digest = hashlib.sha256(spelt).hexdigest()
    key = home.key(digest)
    await objects.put_json(key, value)
    return key, digest
