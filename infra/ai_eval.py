"""Scores of suites: asked for, shown, and held against those that were kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

import ai_adapter
from ai_adapter.evaluation import (
    BadSuite,
    Case,
    Drop,
    Score,
    Scored,
    drops,
    evaluate,
    read,
)
from ai_adapter.gateway import Gateway
from infra import prices
from infra.ai_endpoints import endpoints
from infra.ai_keys import ProviderKeys
from infra.problem import Stop
from infra.settings import Settings
from infra.wiring import ports

SHIPPED = Path(ai_adapter.__file__).parent / "suites"


class Held(Struct, frozen=True):
    """A score, and what is worse than in the one that was kept; None = none was."""

    score: Score
    kept: float | None
    drops: tuple[Drop, ...] = ()


def suite(name: str) -> tuple[Path, tuple[Case, ...]]:
    """A file, or the name of one that ships; raises Stop that names the line."""
    path = Path(name)
    if not path.exists():
        path = SHIPPED / f"{name}.jsonl"
    if not path.exists():
        known = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.jsonl")))
        raise Stop(f"There is no suite {name!r}; shipped are {known}.", code=2)
    try:
        return path, read(path.read_text("utf-8"))
    except (BadSuite, UnicodeDecodeError) as wrong:
        raise Stop(f"{path.name}: {wrong}.", code=2) from wrong


def run(
    settings: Settings, cases: tuple[Case, ...], model: str, baseline: Path, most: float
) -> Held:
    """`most` is how much a score may fall without being a drop (0..1)."""
    kept = _kept(baseline, model)
    score = asyncio.run(_asked(settings, cases, model))
    if kept is None:
        return Held(score, None)
    return Held(score, kept.score, drops(kept, score, most))


async def _asked(settings: Settings, cases: tuple[Case, ...], model: str) -> Score:
    async with _gateway(settings) as gateway:
        return await evaluate(gateway.ask, cases, model)


@asynccontextmanager
async def _gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Sealed keys where CONTENTOPS_POSTGRES names them, else the environment's."""
    async with ports(settings, "owner") as opened:
        sealed = settings.postgres is not None
        gateway = Gateway(
            endpoints(settings),
            keys=ProviderKeys(await opened.keyring()) if sealed else None,
            prices=prices.book(settings),
            salt=settings.secret_for("ai:customers").encode(),
        )
        try:
            yield gateway
        finally:
            await gateway.close()


def _kept(baseline: Path, model: str) -> Score | None:
    return _all(baseline).get(model)


def _all(baseline: Path) -> dict[str, Score]:
    if not baseline.exists():
        return {}
    try:
        return msgspec.json.decode(baseline.read_bytes(), type=dict[str, Score])
    except msgspec.DecodeError as wrong:
        raise Stop(f"{baseline.name} is no baseline: {wrong}.", code=2) from wrong


def keep(baseline: Path, score: Score) -> None:
    """Beside those of other models."""
    scores = {**_all(baseline), score.model: score}
    text = msgspec.json.format(msgspec.json.encode(scores), indent=1)
    baseline.write_bytes(text + b"\n")


def as_json(held: Held) -> str:
    return msgspec.json.format(msgspec.json.encode(held), indent=1).decode()


def show(held: Held, console: Console) -> None:
    """One line for each case, the worst first, then the whole and its drops."""
    table = Table(title=f"{held.score.model}: {held.score.score:.3f}")
    for name in ("case", "score", "cost", "ms", "what does not hold"):
        table.add_column(name)
    for case in sorted(held.score.cases, key=lambda each: each.score):
        table.add_row(*_cells(case))
    console.print(table)
    for drop in held.drops:
        name = drop.name or "the whole suite"
        console.print(f"Worse: {name} {drop.before:.3f} → {drop.after:.3f}")
    if held.kept is None:
        console.print("No score of this model is kept yet; --keep keeps this one.")


def _cells(case: Scored) -> tuple[str, ...]:
    money = "?" if case.cost is None else f"{case.cost} {case.currency}"
    took, faults = str(case.latency_ms), "; ".join(case.faults)
    return case.name, f"{case.score:.2f}", money, took, faults
