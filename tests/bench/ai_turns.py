"""Turns of one client in a process of its own: told what to do, says what it cost.

Every client has the same loop here, so that only the call differs. Standard library
only: it runs in the environments of other tools as well.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing

Call = Callable[[], Awaitable[object]]
Stream = Callable[[], AsyncIterator[object]]


async def call_ms(ask: Call, times: int) -> float:
    """Processor milliseconds of one call, the median of so many, one at a time."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        await ask()
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent)


async def stream_ms(ask: Stream, times: int) -> float:
    """Processor milliseconds of one whole stream, the median of so many."""

    async def read() -> None:
        async with aclosing(ask()) as pieces:  # type: ignore[type-var]
            async for _ in pieces:
                pass

    return await call_ms(read, times)


def take_turns(calls: Mapping[str, Call], streams: Mapping[str, Stream]) -> None:
    """Answers `NAME TIMES` lines with milliseconds until its input ends."""
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            name, times = line.split()
            if name in calls:
                found = runner.run(call_ms(calls[name], int(times)))
            else:
                found = runner.run(stream_ms(streams[name], int(times)))
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
