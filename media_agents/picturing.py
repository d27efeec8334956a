"""A set of pictures as a job asks for it: of a picture, a cover, moments of a video."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_agents.engines.ffmpeg import Engine
from media_agents.frames import frames_at
from media_agents.images.craft import Crafted
from media_agents.images.crafting import PAGE_FORMATS, cover_wishes, craft
from media_agents.images.packing import CONTENT_TYPES
from media_agents.muxing import OutputFile, named_by_content
from schemas.pictures import ImagesInput, PictureWish

# What stands for a video is shown by players of any size.
WHOLE = PictureWish(width=1920, formats=PAGE_FORMATS)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished picture, still local; `at` is the moment (s) it shows."""

    file: OutputFile
    width: int
    height: int
    profiles: tuple[str, ...]
    at: float | None


async def make_pictures(
    source: Path, wanted: ImagesInput, folder: Path, *, engine: Engine
) -> list[Made]:
    """The first one is the picture that is to stand for the video, if one is.

    Raises MediaRefused.
    """
    sources = [source]
    if wanted.at:
        sources = await frames_at(source, wanted.at, folder, engine=engine)
    wishes = wishes_of(wanted)
    crafted = await craft(sources, wishes, folder)
    return [
        await asyncio.to_thread(_named, each, wishes, wanted.at) for each in crafted
    ]


def wishes_of(wanted: ImagesInput) -> tuple[PictureWish, ...]:
    if wanted.wishes:
        return wanted.wishes
    if wanted.at:
        return (PictureWish(),)
    whole = (WHOLE,) if wanted.cover else ()
    return (*whole, *cover_wishes())


def _named(each: Crafted, wishes: Sequence[PictureWish], at: Sequence[float]) -> Made:
    path = Path(each.file)
    kind = CONTENT_TYPES[each.format]
    return Made(
        file=named_by_content(path, path.stem, kind, 0),
        width=each.width,
        height=each.height,
        profiles=wishes[each.wish].profiles,
        at=at[each.source] if at else None,
    )
