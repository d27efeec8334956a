"""How long after a failing answer the next provider is asked."""

import asyncio
import time
from collections.abc import Sequence
from statistics import median

from ai_adapter.gateway import Gateway
from tests.bench.ai_clients import endpoint, question
from tests.bench.ai_overhead import Figures, provider

DELAY_MS = 2.0


def measure(times: int = 40) -> Figures:
    """Milliseconds above what both providers take to answer; p95 counts."""
    found = asyncio.run(_measured(times))
    ordered = sorted(found)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    return {"p50_ms": round(median(found), 2), "p95_ms": round(p95, 2)}


async def _measured(times: int) -> Sequence[float]:
    wish = ("--delay", str(DELAY_MS))
    with provider(*wish, "--status", "401") as bad, provider(*wish) as good:
        return [await _once(bad, good) for _ in range(times)]


async def _once(bad: str, good: str) -> float:
    """A gateway of its own each time: a breaker would leave the first one out."""
    gateway = Gateway([endpoint(bad), endpoint(good, "other")])
    await gateway.ask(question("A lamp."))  # connections are open now
    began = time.perf_counter()
    answer = await gateway.ask(question("A lamp."))
    took = 1000 * (time.perf_counter() - began)
    assert answer.provider == "other", answer
    await gateway.close()
    return took - 2 * DELAY_MS
