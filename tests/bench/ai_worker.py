"""Many streams of one gateway in one process: `… URL STREAMS CHUNKS MINUTES`.

MINUTES 0 = once, all at a time. Otherwise again and again, with the memory written
down in between.
"""

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

from ai_adapter.base import Done, Piece
from ai_adapter.gateway import Gateway
from tests.bench.ai_clients import endpoint, question
from tests.bench.ai_provider import PROMPT_TOKENS

PAGE = os.sysconf("SC_PAGE_SIZE")
WARM = 50


def resident_kb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1024


async def one(gateway: Gateway, chunks: int) -> bool:
    """Whether its account has every token."""
    last: Piece | None = None
    async for piece in gateway.stream(question("A lamp.")):
        last = piece
    if not isinstance(last, Done):
        return False
    used = last.answer.usage
    counted = (used.prompt_tokens, used.completion_tokens) == (PROMPT_TOKENS, chunks)
    return counted and not used.estimated and used.cost is not None


async def crowd(gateway: Gateway, streams: int, chunks: int) -> int:
    """How many of so many streams at a time lost something."""
    found = await asyncio.gather(*(one(gateway, chunks) for _ in range(streams)))
    return found.count(False)


async def watched(peak: list[float]) -> None:
    while True:
        peak[0] = max(peak[0], resident_kb())
        await asyncio.sleep(0.05)


async def at_once(gateway: Gateway, streams: int, chunks: int) -> dict[str, float]:
    await crowd(gateway, WARM, chunks)
    gc.collect()
    before = resident_kb()
    peak = [before]
    watching = asyncio.create_task(watched(peak))
    began, cpu = time.monotonic(), time.process_time()
    lost = await crowd(gateway, streams, chunks)
    watching.cancel()
    return {
        "streams": streams,
        "lost_usage": lost,
        "kb_per_stream": round((peak[0] - before) / streams, 1),
        "seconds": round(time.monotonic() - began, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }


async def soaked(
    gateway: Gateway, streams: int, chunks: int, minutes: float
) -> dict[str, float]:
    """The slope is of the second half: what is made once is made by then."""
    began = time.monotonic()
    seen: list[tuple[float, float]] = []
    lost = told = 0
    while (now := (time.monotonic() - began) / 60) < minutes:
        lost += await crowd(gateway, streams, chunks)
        told += streams
        gc.collect()
        seen.append((now, resident_kb()))
    late = [each for each in seen if each[0] >= minutes / 2]
    return {
        "minutes": minutes,
        "streams": told,
        "lost_usage": lost,
        "first_mb": round(seen[0][1] / 1024, 1),
        "last_mb": round(seen[-1][1] / 1024, 1),
        "slope_kb_per_minute": round(slope(late), 2),
    }


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    below = sum((x - middle_x) ** 2 for x, _ in points)
    above = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return above / below if below else 0.0


async def main() -> None:
    url, streams, chunks, minutes = sys.argv[1:]
    gateway = Gateway([endpoint(url)])
    if float(minutes):
        found = await soaked(gateway, int(streams), int(chunks), float(minutes))
    else:
        found = await at_once(gateway, int(streams), int(chunks))
    await gateway.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
