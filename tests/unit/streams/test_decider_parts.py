"""Around a decider's partition: what it remembers, what it counts, its traces."""

import random
from typing import cast

import pytest
from confluent_kafka import Message
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY

from model.world import NOW, NUMBER, PARTITIONS, Channel, World
from schemas.events.content import ProjectCreated
from schemas.events.job import JobRequested
from schemas.events.log import LogRejected, LogUnchanged
from schemas.jobs import ProbeInput
from schemas.registry import Data
from schemas.topics import CONTENT, TENANT
from streams import tracing
from streams.admitting import Place
from streams.counting import count
from streams.decider import Partition
from streams.remembered import (
    Change,
    Mark,
    Outcome,
    Stream,
    Streams,
    keys_filter,
)


def test_a_key_of_a_filter_is_never_denied_and_others_seldom_claimed() -> None:
    keys = [f"t:{number}" for number in range(20_000)]
    gone = keys_filter(len(keys))
    gone.update(keys)

    assert all(key in gone for key in keys)
    assert sum(f"other:{number}" in gone for number in range(20_000)) < 100


class Shelf:
    """A snapshot that notes what it is asked for."""

    def __init__(self) -> None:
        self.mark = Mark()
        self.asked: list[str] = []
        self.keys: set[str] | None = None

    def held(self) -> set[str] | None:
        return self.keys

    def fetch(self, keys: list[str]) -> dict[str, Stream]:
        self.asked += keys
        return {}

    def save(self, mark: Mark, changes: dict[str, Change]) -> None:
        raise AssertionError(mark, changes)

    def outcome(self) -> tuple[Outcome, dict[str, Change]]:
        return Outcome.IDLE, {}


def test_only_streams_that_were_let_go_are_asked_for() -> None:
    """Folded from the first record: what was never seen is new, nobody need say so."""
    shelf = Shelf()
    streams = Streams(shelf, kept=1)
    for key in ("a", "b"):
        streams.of(key)
    streams.let_go([])
    streams.fetch(["a", "b", "c"])
    assert shelf.asked == ["a"]


def test_until_a_snapshot_tells_what_it_holds_everything_is_asked_for() -> None:
    shelf = Shelf()
    streams = Streams(shelf, complete=False, kept=1)
    streams.fetch(["a"])
    shelf.keys = {"held"}
    streams.fetch(["b", "held"])
    assert shelf.asked == ["a", "held"]

    for key in ("a", "b"):
        streams.of(key)
    streams.let_go([])
    streams.fetch(["a", "c"])
    assert shelf.asked == ["a", "held", "a"]


def _counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"contentops_{name}_total", labels) or 0


def test_a_batch_is_counted_by_outcome_reason_and_kind() -> None:
    asked = JobRequested("media", "asset/1", ProbeInput("k", "0"), "d")
    answers: list[Data] = [
        ProjectCreated("x"),
        asked,
        LogUnchanged(),
        LogRejected("conflict", "purse_empty"),
        LogRejected("conflict", "purse_empty"),
    ]
    before = _tallies()
    count(TENANT, answers)

    assert [now - then for now, then in zip(_tallies(), before, strict=True)] == [
        2,
        1,
        2,
        2,
        1,
    ]


def _tallies() -> list[float]:
    """Accepted, unchanged, rejected, of these without money, and probes submitted.

    Other tests count in the same process.
    """
    family = TENANT.name
    outcomes = [
        _counted("commands", family=family, outcome=each)
        for each in ("accepted", "unchanged", "rejected")
    ]
    purses = _counted("rejections", family=family, code="purse_empty")
    return [*outcomes, purses, _counted("jobs_submitted", kind="probe")]


@pytest.mark.parametrize("traced", [True, False])
def test_a_record_continues_the_trace_of_its_command(traced: bool) -> None:
    world, channel = World(random.Random(3)), Channel()
    owner = Partition(Place(CONTENT, NUMBER, PARTITIONS), channel, lambda: NOW)
    owner.claim("commands")
    claim = channel.queue.popleft()
    claim.told(None, cast(Message, world.land(claim)))
    tracing.export_to(TracerProvider().get_tracer("test") if traced else None)
    try:
        owner.serve(cast("list[Message]", world.commands[:1]))
    finally:
        tracing.export_to(None)

    decided = world.land(channel.queue.popleft()).envelope()
    assert bool(decided.traceparent) is traced
