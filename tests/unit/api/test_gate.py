"""Who is let in and who is asked to come later, at each limit and below it."""

from collections import Counter

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.gate import Buckets, Gate, Shedding, above_share
from api.limits import Limits
from api.problems import Problem
from streams.backlog import NOTHING, Load, Waiting


class Pressure:
    """What the gate is told; each test turns one of them up."""

    def __init__(self, limits: Limits) -> None:
        self.depth = 0
        self.load = NOTHING
        self.gate = Gate(limits, lambda: self.depth, lambda _: self.load)

    def write(self, tenant: str = "acme") -> None:
        self.gate.admit_write(tenant, "content")


def pressure(**limits: float) -> Pressure:
    return Pressure(Limits(**limits))  # type: ignore[arg-type]  # numbers all


def refused(status: int, gate: Pressure, tenant: str = "acme") -> Problem:
    with pytest.raises(Problem) as no:
        gate.write(tenant)
    assert no.value.status == status
    assert int(no.value.headers["Retry-After"]) >= 1
    return no.value


@pytest.mark.parametrize(
    ("load", "later"), [(Load(1, 10.0), 10), (Load(50, 0.0), 1), (Load(1, 99.0), 30)]
)
def test_commands_that_wait_too_long_or_too_many_shut_the_gate(
    load: Load, later: int
) -> None:
    gate = pressure(lag_s=10, undecided=50)
    gate.load = Load(49, 9.9)
    gate.write()

    gate.load = load

    no = refused(503, gate)
    assert no.headers["Retry-After"] == str(later)
    assert f"{load.undecided} commands of content wait" in no.detail
    gate.load = NOTHING
    gate.write()


def test_a_full_producer_shuts_the_gate() -> None:
    gate = pressure(producer_records=10)
    gate.depth = 9
    gate.write()

    gate.depth = 10

    refused(503, gate)


def test_under_pressure_who_has_most_is_refused_first() -> None:
    gate = pressure(lag_s=10)
    for _ in range(9):
        gate.write("hog")
    gate.write("mouse")

    gate.load = Load(5, 5.0)

    assert refused(429, gate, "hog").code == "too_many"
    gate.write("mouse")


def test_a_tenant_alone_has_the_whole_limit() -> None:
    gate = pressure(lag_s=10)
    gate.write("hog")

    gate.load = Load(5, 9.0)

    gate.write("hog")
    assert not above_share(Counter({"hog": 1000}), "hog")


def test_a_bucket_empties_and_fills() -> None:
    now = 0.0
    buckets = Buckets(10, lambda: now)

    taken = [buckets.take("acme") for _ in range(21)]

    assert [quota.left for quota in taken[:20] if quota] == list(range(19, -1, -1))
    assert taken[20] is None
    assert buckets.take("other") is not None
    now = 0.1
    assert buckets.take("acme") is not None
    assert buckets.take("acme") is None


def test_above_the_rate_is_429_with_what_is_left() -> None:
    gate = pressure(rate=1).gate
    first = [gate.admit("acme") for _ in range(2)]

    with pytest.raises(Problem) as no:
        gate.admit("acme")

    assert [quota.left for quota in first] == [1, 0]
    assert no.value.status == 429
    assert no.value.headers["RateLimit"] == '"tenant";r=0;t=2'
    assert no.value.headers["RateLimit-Policy"] == '"tenant";q=2;w=2'


async def test_more_requests_than_hands_are_503_and_each_leaves_its_place() -> None:
    gate = Gate(Limits(in_flight=1))
    inside: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        inside.append(gate.in_flight)
        scope["state"]["quota"] = gate.admit("acme")
        if len(inside) == 1:
            await shedding(dict(scope), receive, second.append_message)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    shedding = Shedding(application, gate)
    first, second = Answers(), Answers()
    scope: Scope = {"type": "http", "path": "/api/v1/projects", "state": {}}

    await shedding(scope, first.receive, first.append_message)

    assert (first.status, second.status) == (200, 503)
    assert b"retry-after" in dict(second.headers)
    assert b"ratelimit" in dict(first.headers)
    assert gate.in_flight == 0


class Answers:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.disconnect"}

    async def append_message(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = self.messages[0]["headers"]
        return found


def test_the_oldest_undecided_command_has_its_age() -> None:
    waiting = Waiting()
    waiting.note(100.0, end=10, decided=10)
    assert waiting.load(100.0) == NOTHING

    waiting.note(101.0, end=15, decided=10)
    waiting.note(102.0, end=20, decided=12)
    assert waiting.load(103.0) == Load(8, 2.0)

    waiting.note(104.0, end=20, decided=15)
    assert waiting.load(104.0) == Load(5, 2.0)
    waiting.note(105.0, end=20, decided=20)
    assert waiting.load(105.0) == NOTHING


def test_repetitions_at_the_end_are_no_backlog() -> None:
    waiting = Waiting()
    waiting.note(1.0, end=5, decided=3)

    waiting.skip(5)

    assert waiting.load(9.0) == NOTHING
