"""The write path against a log and a decider that do what the test says."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.callers import Principal
from api.parts import Edge, Keys, Parts, Vector
from schemas.envelope import Record
from schemas.registry import Data
from schemas.topics import Topic
from streams.decisions import Decision, Refusal
from streams.log import Appended, NotAcknowledged

KEY = {"Authorization": "Bearer co_any"}
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass
class FakeLog:
    """Remembers; raises `lost` in place of an acknowledgement."""

    lost: Exception | None = None
    records: list[Record[Data]] = field(default_factory=list)

    async def append(
        self, record: Record[Data], topic: Topic | None = None
    ) -> Appended:
        self.records.append(record)
        if self.lost:
            raise self.lost
        return Appended("contentops.content.commands.v1", 0, len(self.records) - 1)


@dataclass
class FakeDecisions:
    """Decides what was appended as told; `undecided` = the decider is away."""

    log: FakeLog
    problem: Refusal | None = None
    undecided: bool = False
    earlier: dict[str, Decision] = field(default_factory=dict)
    """What other processes had decided before."""

    async def decision(
        self, tenant: str, command_id: str, wait_s: float
    ) -> Decision | None:
        if command_id in self.earlier:
            return self.earlier[command_id]
        sent = [r for r in self.log.records if r.envelope.id == command_id]
        if not sent or self.undecided:
            return None
        return decision(command_id, sent[0].envelope.body_mac, self.problem)

    async def reached(self, wanted: Vector, readers: object, wait_s: float) -> bool:
        return True


def decision(command_id: str, mac: str, problem: Refusal | None = None) -> Decision:
    return Decision(
        id=command_id,
        status="rejected" if problem else "accepted",
        event_id="event",
        event_type="t",
        subject="project/p",
        problem=problem,
        body_mac=mac,
        topic="contentops.content.events.v1",
        partition=0,
        offset=7,
        version=1,
    )


class FakeKeys:
    async def mac(self, tenant: str, message: bytes) -> str:
        return f"{tenant}:{message.decode()}"


@dataclass
class OneCaller:
    """Every key is this principal's."""

    who: Principal

    async def find(self, digest: str) -> Principal | None:
        return self.who


def application(log: FakeLog, decisions: FakeDecisions, role: str = "admin") -> FastAPI:
    nothing = cast("None", None)
    parts = Parts(
        pool=nothing,  # type: ignore[arg-type]  # no row is read here
        log=log,
        decisions=decisions,
        keyring=cast("Keys", FakeKeys()),
        storage=nothing,  # type: ignore[arg-type]  # nor any object
        gateway=nothing,  # type: ignore[arg-type]  # nor any model asked
        platforms=nothing,  # type: ignore[arg-type]  # nor any platform
        analytics=nothing,  # type: ignore[arg-type]  # nor any number
        search=nothing,  # type: ignore[arg-type]  # nor searched
        clock=lambda: NOW,
        edge=Edge(public_url="http://edge", link_key=b"k"),
    )
    app = create_app(parts)
    app.state.callers = OneCaller(Principal("acme", "lin", role))
    return app


async def post(app: FastAPI, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        return await client.post(
            "/api/v1/projects", json={"name": "n"}, headers={**KEY, **headers}
        )


async def test_a_lost_acknowledgement_is_503_with_the_operation() -> None:
    log = FakeLog(lost=NotAcknowledged("timed out"))

    answer = await post(
        application(log, FakeDecisions(log)), **{"Idempotency-Key": "k"}
    )

    assert answer.status_code == 503
    body = answer.json()
    assert body["operationStatus"] == "unknown"
    assert body["operationId"] == log.records[0].envelope.id
    assert answer.headers["retry-after"] == "1"


async def test_repeating_after_a_lost_acknowledgement_is_the_same_command() -> None:
    log = FakeLog(lost=NotAcknowledged("timed out"))
    app = application(log, FakeDecisions(log, undecided=True))

    await post(app, **{"Idempotency-Key": "k"})
    log.lost = None
    answer = await post(app, **{"Idempotency-Key": "k"})

    assert answer.status_code == 202
    first, second = log.records
    assert first.envelope.id == second.envelope.id
    assert first.envelope.key == second.envelope.key


async def test_an_undecided_write_is_202_pending_with_the_commands_position() -> None:
    log = FakeLog()

    answer = await post(application(log, FakeDecisions(log, undecided=True)))

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["position"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid", 422),
        ("conflict", 409),
        ("stale", 412),
        ("missing", 404),
        ("forbidden", 403),
    ],
)
async def test_a_refusal_becomes_its_problem(kind: str, status: int) -> None:
    log = FakeLog()
    refusal = Refusal(kind, "why", "/copy_id", "Because.")

    answer = await post(application(log, FakeDecisions(log, problem=refusal)))

    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == "/copyId"
    assert answer.json()["detail"] == "Because."


async def test_another_body_found_only_after_the_wait_is_422() -> None:
    """Two processes may take the same key at once; the log shows who came first."""
    log = FakeLog()

    @dataclass
    class Late(FakeDecisions):
        asked: int = 0

        async def decision(
            self, tenant: str, command_id: str, wait_s: float
        ) -> Decision | None:
            self.asked += 1
            return None if self.asked == 1 else decision(command_id, "other")

    answer = await post(application(log, Late(log)), **{"Idempotency-Key": "k"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/headers/Idempotency-Key"


async def test_a_known_key_with_another_body_appends_nothing() -> None:
    log = FakeLog()
    decisions = FakeDecisions(log)
    app = application(log, decisions)
    await post(app, **{"Idempotency-Key": "k"})
    sent = log.records.pop()
    decisions.earlier[sent.envelope.id] = decision(sent.envelope.id, "other")

    answer = await post(app, **{"Idempotency-Key": "k"})

    assert answer.status_code == 422
    assert log.records == []


async def test_a_viewer_appends_nothing() -> None:
    log = FakeLog()

    answer = await post(application(log, FakeDecisions(log), role="viewer"))

    assert answer.status_code == 403
    assert log.records == []


async def test_an_unexpected_error_tells_nothing_of_the_inside() -> None:
    log = FakeLog(lost=RuntimeError("password=hunter2"))

    answer = await post(application(log, FakeDecisions(log)))

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text


async def test_the_version_of_if_match_travels_in_the_command() -> None:
    log = FakeLog()

    await post(application(log, FakeDecisions(log)), **{"If-Match": '"4"'})

    assert log.records[0].envelope.expected_version == 4
    assert log.records[0].envelope.auth_id == "user/lin"
