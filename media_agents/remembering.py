"""What earlier jobs made and learned: finished videos, pieces, and how long it took."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

import msgspec
from msgspec.structs import replace

from media_agents.errors import ObjectMissing
from media_agents.pace import UNKNOWN_PACE, Pace, learned
from media_agents.playlists import references
from media_agents.serving import UNKNOWN, is_public, video_prefix
from media_agents.storage import Storage
from schemas.jobs import Remade, Transcoded
from streams.pools import Pool

PACE_LASTS_S = 600.0
# Below the video, never part of it.
PIECES = "pieces/"
SAME = """
SELECT result::text FROM read.tasks
WHERE tenant = %s AND kind = 'transcode' AND status = 'completed'
  AND result->>'recipe_key' = %s
ORDER BY ended_at DESC LIMIT 1
"""
MADE_AGAIN = """
SELECT result::text FROM read.tasks
WHERE tenant = %s AND subject = %s AND kind = 'remake' AND status = 'completed'
  AND result->>'video_id' = %s AND result->>'recipe_key' = %s
ORDER BY created_at DESC LIMIT 1
"""
PACES = """
SELECT worked_s / (spent->>'weighted_seconds')::float FROM read.tasks
WHERE kind = 'transcode' AND status = 'completed' AND worked_s > 0
  AND (spent->>'weighted_seconds')::float >= 1
ORDER BY ended_at DESC LIMIT 200
"""


class Memory:
    """Asks the read models; whatever they do not know is made again."""

    def __init__(self, pool: Pool, now: Callable[[], float] = monotonic) -> None:
        self._pool = pool
        self._now = now
        self._pace = UNKNOWN_PACE
        self._learned_at = -PACE_LASTS_S

    async def same(self, tenant: str, recipe_key: str) -> Transcoded | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(SAME, (tenant, recipe_key))
            row = await found.fetchone()
        return msgspec.json.decode(row[0], type=Transcoded) if row else None

    async def remade(
        self, tenant: str, subject: str, video_id: str, recipe_key: str
    ) -> Remade | None:
        """The newest of this video: what one recipe makes is the same each time."""
        async with self._pool.connection() as connection:
            asked = (tenant, subject, video_id, recipe_key)
            row = await (await connection.execute(MADE_AGAIN, asked)).fetchone()
        return msgspec.json.decode(row[0], type=Remade) if row else None

    async def pace(self) -> Pace:
        if self._now() - self._learned_at >= PACE_LASTS_S:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(PACES)).fetchall()
            self._pace, self._learned_at = learned([r[0] for r in rows]), self._now()
        return self._pace


class StoredPieces:
    """Pieces of one job in the object store, below the video or film they are for."""

    def __init__(self, storage: Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix

    async def fetch(self, name: str, path: Path) -> bool:
        try:
            await self._storage.download(f"{self._prefix}/{name}", path)
        except ObjectMissing:
            return False
        return True

    async def keep(self, name: str, path: Path) -> None:
        await self._storage.upload(path, f"{self._prefix}/{name}", UNKNOWN)

    async def answer(self) -> Transcoded | None:
        """What the job came to, where whoever did it died before it could tell."""
        try:
            return await self._storage.get_json(self._answer, Transcoded)
        except ObjectMissing:
            return None

    async def settle(self, answer: Transcoded) -> None:
        """Call once all is published: the answer then stands for the pieces."""
        await self._storage.put_json(self._answer, answer)
        await self.forget(but=self._answer)

    async def forget(self, but: str = "") -> None:
        kept = await self._storage.below(f"{self._prefix}/")
        await self._storage.delete([each for each in kept if each != but])

    @property
    def _answer(self) -> str:
        return f"{self._prefix}/answer.json"


def pieces_of(storage: Storage, tenant: str, video_id: str, key: str) -> StoredPieces:
    """Nobody's but ours, whoever may have what is made of them."""
    hidden = video_prefix(tenant, video_id)
    return StoredPieces(storage, f"{hidden}/{PIECES}{key[:16]}")


async def copied(
    storage: Storage, tenant: str, earlier: Transcoded, video_id: str
) -> Transcoded | None:
    """The same video under another id, its master last; None if it is not all there.

    Whoever may have the one may have the other.
    """
    public = is_public(earlier.mp4_key)
    both = (earlier.video_id, video_id)
    old, new = (f"{video_prefix(tenant, each, public=public)}/" for each in both)
    below = [key.removeprefix(old) for key in await storage.below(old)]
    names = [name for name in below if not name.startswith(PIECES)]
    last = (earlier.hls_key or earlier.mp4_key).removeprefix(old)
    try:
        if not await _needed(storage, old, earlier) <= {old + name for name in names}:
            return None
        for name in sorted(names, key=lambda each: (each == last, each)):
            await storage.copy(old + name, new + name)
    except ObjectMissing:
        return None
    return _renamed(earlier, old, new, video_id)


async def _needed(storage: Storage, prefix: str, made: Transcoded) -> set[str]:
    """Whatever its row and its master lead to. Raises ObjectMissing."""
    sides = (made.cover_key, made.thumbnails_key, made.waveform_key)
    covers = (each.key for each in made.covers)
    found, lists = {made.mp4_key, *sides, *covers} - {""}, [made.hls_key]
    while lists and (key := lists.pop()):
        found.add(key)
        text = (await storage.get_bytes(key)).decode()
        named = {prefix + name for name in references(text)} - found
        found |= named
        lists += [each for each in named if each.endswith(".m3u8")]
    return found


def _renamed(earlier: Transcoded, old: str, new: str, video_id: str) -> Transcoded:
    def moved(key: str) -> str:
        return new + key.removeprefix(old) if key else ""

    return replace(
        earlier,
        video_id=video_id,
        mp4_key=moved(earlier.mp4_key),
        hls_key=moved(earlier.hls_key),
        cover_key=moved(earlier.cover_key),
        thumbnails_key=moved(earlier.thumbnails_key),
        waveform_key=moved(earlier.waveform_key),
        covers=tuple(replace(each, key=moved(each.key)) for each in earlier.covers),
    )
