"""What the store has of a finished video in HLS, as far as it is needed here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_agents.playlists import key_playlists, references, track_playlists
from media_agents.storage import Storage
from schemas.jobs import Remade, RemakeInput


@dataclass(frozen=True, slots=True)
class Finished:
    """`sounds` and `words` are media and playlist of each track, by their own names.

    `keys` has the playlists of key frames of the renditions, the best one first; of the
    one that is made again only the name.
    """

    master: str
    keys: dict[str, str]
    sounds: tuple[tuple[Path, Path], ...] = ()
    words: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the files of one video lie, and the folder they are brought to."""

    storage: Storage
    prefix: str
    folder: Path

    async def finished(self, master_key: str, name: str) -> Finished:
        """Raises ObjectMissing. Words are of the best rendition's file alone."""
        master = (await self.storage.get_bytes(master_key)).decode()
        lists = key_playlists(master)
        others = {rung: uri for rung, uri in lists.items() if rung != name}
        texts = {rung: await self._text(uri) for rung, uri in others.items()}
        best = next(iter(lists)) == name
        words = track_playlists(master, "SUBTITLES") if best else ()
        return Finished(
            master=master,
            keys={rung: texts.get(rung, "") for rung in lists},
            sounds=await self._tracks(track_playlists(master, "AUDIO")),
            words=await self._tracks(words),
        )

    async def _text(self, name: str) -> str:
        return (await self.storage.get_bytes(f"{self.prefix}/{name}")).decode()

    async def _tracks(self, lists: Sequence[str]) -> tuple[tuple[Path, Path], ...]:
        return tuple([await self._track(each) for each in lists])

    async def _track(self, playlist: str) -> tuple[Path, Path]:
        text = await self._text(playlist)
        (media,) = references(text)
        path, listed = self.folder / media, self.folder / playlist
        listed.write_text(text, "utf-8")
        await self.storage.download(f"{self.prefix}/{media}", path)
        return path, listed


async def shows(
    storage: Storage, prefix: str, wanted: RemakeInput, made: Remade
) -> bool:
    """Whether the video shows what was made, and all of it is there."""
    there = set(await storage.below(f"{prefix}/"))
    kept = {wanted.mp4_key, wanted.hls_key, wanted.shown_mp4, wanted.shown_hls}
    if not (kept - {""}) | {*made.files} <= there:
        return False
    named = {wanted.mp4_key}
    if wanted.hls_key:
        master = (await storage.get_bytes(wanted.hls_key)).decode()
        named |= {f"{prefix}/{name}" for name in references(master)}
    return {each for each in made.files if _is_named(each)} <= named


def _is_named(key: str) -> bool:
    """By a master or a row; media of a rendition is named by its playlists."""
    name = key.rpartition("/")[2]
    return name.endswith(".m3u8") or name.startswith("video-")
