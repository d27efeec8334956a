"""Pictures made to order by a confined child: cut, written on, within their bytes."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import ask
from media_agents.errors import MediaRefused
from media_agents.images.craft import Crafted, Order, Told
from media_agents.images.looking import MAX_BYTES
from media_agents.profiles import profiles
from schemas.pictures import Aspect, PictureWish

_LIMITS = Limits(seconds=300, cpu_seconds=300, memory_bytes=3 << 30)
PAGE_FORMATS = ("jpeg", "webp", "avif")


async def craft(
    sources: Sequence[Path], wishes: Sequence[PictureWish], folder: Path
) -> tuple[Crafted, ...]:
    """Files in `folder`, source by source and wish by wish; raises MediaRefused."""
    await asyncio.to_thread(_check_sizes, sources)
    order = folder / "order.json"
    wanted = Order(tuple(map(str, sources)), str(folder), tuple(wishes))
    await asyncio.to_thread(order.write_bytes, msgspec.json.encode(wanted))
    program = ["-I", "-m", "media_agents.images.craft", str(order)]
    answer = await ask(sys.executable, program, limits=_LIMITS)
    told = msgspec.json.decode(answer, type=Told)
    if told.code:
        raise MediaRefused(told.code, told.reason, told.remedy)
    return told.made


def cover_wishes() -> tuple[PictureWish, ...]:
    """The covers of every destination; those of one shape are one picture."""
    shapes: dict[tuple[int, int], PictureWish] = {}
    for profile in profiles().values():
        for shape in profile.covers:
            wish = PictureWish(
                aspect=Aspect(*shape.aspect),
                width=shape.width,
                least_width=shape.least_width,
                formats=PAGE_FORMATS,
                max_bytes=profile.max_cover_bytes,
                profiles=(profile.name,),
            )
            known = shapes.get(shape.aspect)
            shapes[shape.aspect] = _both(known, wish) if known else wish
    return tuple(shapes.values())


def _both(one: PictureWish, other: PictureWish) -> PictureWish:
    """What satisfies both."""
    return msgspec.structs.replace(
        one,
        width=max(one.width, other.width),
        least_width=max(one.least_width, other.least_width),
        max_bytes=min(one.max_bytes, other.max_bytes),
        profiles=(*one.profiles, *other.profiles),
    )


def _check_sizes(sources: Sequence[Path]) -> None:
    for source in sources:
        size = source.stat().st_size
        if size > MAX_BYTES:
            raise MediaRefused(
                "too_large",
                f"the picture has {size} bytes",
                f"Send one of at most {MAX_BYTES} bytes.",
            )
