"""Answers given again: inside the adapter, and over the API of a whole installation."""

import asyncio
import json
import time
from collections import Counter
from statistics import median

from msgspec.structs import replace

from ai_adapter.base import Answer, Ask
from ai_adapter.cache import Cache
from ai_adapter.gateway import Gateway
from ai_adapter.guard.guard import StandardGuard
from infra import keys
from infra.settings import Settings
from tests.bench.ai_api import serving
from tests.bench.ai_clients import MODEL, endpoint, question
from tests.bench.ai_overhead import Figures, provider
from tests.bench.callers import Plan
from tests.bench.edge import _run

TIMES = 2_000
CONNECTIONS, RATE, SECONDS = 2_000, 500, 10.0
BODIES = tuple(
    json.dumps(
        {
            "task": "summary",
            "input": f"The night ride number {n} begins at eight.",
            "params": {"temperature": 0},
        }
    )
    for n in range(20)
)


def inside() -> Figures:
    """Milliseconds of one hit, wall and processor, out of the memory of the process."""
    return asyncio.run(_inside())


async def _inside() -> Figures:
    with provider() as url:
        guard = StandardGuard(b"bench")
        gateway = Gateway([endpoint(url)], cache=Cache(), guard=guard)
        ask = _certain(question("The night ride begins at eight. " * 16))
        first = await gateway.ask(ask)
        assert not first.cached_from, first
        walls, began = [], time.process_time()
        for _ in range(TIMES):
            since = time.perf_counter()
            _expect_hit(await gateway.ask(ask))
            walls.append(1000 * (time.perf_counter() - since))
        cpu = 1000 * (time.process_time() - began) / TIMES
        await gateway.close()
    return {"p50_ms": round(median(walls), 4), "cpu_ms": round(cpu, 4)}


def _certain(ask: Ask) -> Ask:
    return replace(ask, temperature=0.0)


def _expect_hit(answer: Answer) -> None:
    assert answer.cached_from, answer


def over_api() -> Figures:
    """One caller, then 2 000 connections with 500 requests a second in all."""
    with (
        provider() as url,
        serving(
            ai_provider="deepseek", ai_base_url=url, ai_model=MODEL, ai_api_key="k"
        ) as settings,
    ):
        return _asked(settings)


def _asked(settings: Settings) -> Figures:
    asked = {"Authorization": f"Bearer {keys.create(settings, 'bench', 'admin')}"}
    url = f"{settings.api_url}/api/v1/ai/generate"
    _run(Plan(url, BODIES, asked, 5, len(BODIES) / 2, 1))
    alone = _run(Plan(url, BODIES, asked, 0, 5.0, 1))
    crowd = _run(Plan(url, BODIES, asked, RATE, SECONDS, CONNECTIONS, greet=True))
    statuses: Counter[str] = Counter()
    for each in (alone, crowd):
        told = each["statuses"]
        assert isinstance(told, dict)
        statuses.update(told)
    return {
        "alone": alone,
        "crowd": crowd,
        "refused": statuses.total() - statuses["200"],
    }
