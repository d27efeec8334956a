"""The write path: a wish gets its id, goes on the log, and its decision is awaited.

seen before, other body   422, nothing appended
no room                   429 or 503 with Retry-After, nothing appended
not acknowledged          503 with the operation's id, status `unknown`
decided with no           the problem the decider gave
decided with yes          202, or 200/201 once the rows are there (Prefer: wait=N)
not decided in 2 s        202, status `pending`
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Annotated, Literal, TypeAlias
from uuid import uuid4

from fastapi import Depends, Request, Response
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from api import positions
from api.bodies import canonical
from api.callers import Principal
from api.deps import Guarded, here, writer
from api.gate import busy
from api.headers import Preference, expected_version, idempotency_key, preference
from api.parts import Parts, Vector
from api.problems import Problem, invalid, refused
from api.shapes import Item, Receipt
from schemas import ids
from schemas.envelope import TooLarge, command
from schemas.registry import AGGREGATE_OF, Command
from schemas.topics import FAMILY_OF
from streams import tracing
from streams.decisions import Decision
from streams.faults import reach
from streams.log import Appended, Full, NotAcknowledged

Status: TypeAlias = Literal["accepted", "unchanged", "pending"]
Show: TypeAlias = Callable[[], Awaitable[Item | None]]


@dataclass(frozen=True, slots=True)
class Write:
    """One write request: who, under which command id, over which body.

    `follows`: a further step of a request that was let in, which is never refused for
    want of room. `began` is when the request came, on the monotonic clock. `drawn`:
    it came without a key, so nobody can ask for it again.
    """

    parts: Parts
    who: Principal
    command_id: str
    body_mac: str
    expected_version: int | None = None
    prefer: Preference = field(default_factory=Preference)
    repeated: bool = False
    follows: bool = False
    drawn: bool = False
    began: float = field(default_factory=monotonic)

    @property
    def wait_s(self) -> float:
        """What is left of the time to wait for an answer."""
        wished = self.prefer.wait_s
        most = self.parts.edge.decision_s if wished is None else wished
        return max(0.0, self.began + most - monotonic())

    @property
    def location(self) -> str:
        return f"/api/v1/operations/{self.command_id}"

    def new_id(self, aggregate: str) -> str:
        """The id of what this command creates; the same for every repetition."""
        return ids.created_id(self.command_id, aggregate)

    async def seen(self) -> "Write":
        """Marked as repeated where this command was decided before, same body."""
        earlier = await self.parts.decisions.decision(
            self.who.tenant, self.command_id, 0
        )
        if earlier is None:
            return self
        _same_body(self, earlier)
        return replace(self, repeated=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of the command after waiting; `decided` None = not yet."""

    status: Status
    decided: Decision | None = None
    appended: Appended | None = None

    @property
    def place(self) -> Vector:
        """Of the decision, or of the command while nothing is decided."""
        at = self.decided or self.appended
        return {(at.topic, at.partition): at.offset} if at else {}


async def write_context(request: Request) -> Write:
    who = await writer(request)
    parts = here(request)
    key = idempotency_key(request.headers)
    body = canonical(await request.body())
    drawn = key is None
    made = str(uuid4()) if key is None else ids.command_id(who.tenant, who.user_id, key)
    where = f"{request.method} {request.scope['path']}\n".encode()
    write = Write(
        parts=parts,
        who=who,
        command_id=made,
        body_mac=await parts.keyring.mac(who.tenant, where + body),
        expected_version=expected_version(request.headers.get("if-match")),
        prefer=preference(request.headers.get("prefer", "")),
        drawn=drawn,
    )
    return write if drawn else await write.seen()


Writes: TypeAlias = Annotated[Write, Depends(Guarded(write_context))]


def _same_body(write: Write, decided: Decision) -> None:
    if decided.body_mac and decided.body_mac != write.body_mac:
        raise invalid(
            "/headers/Idempotency-Key",
            "This key was used for another request.",
            "Use a new key for a new request, or repeat the earlier one unchanged.",
        )


async def decide(
    write: Write,
    data: Command,
    aggregate_id: str,
    *,
    cause: str = "",
    correlation: str = "",
) -> Outcome:
    """Append the command and wait for what becomes of it; raises Problem for a no."""
    appended = None
    if not write.repeated:
        appended = await append(
            write, data, aggregate_id, cause=cause, correlation=correlation
        )
        if write.prefer.no_wait:
            return Outcome("pending", appended=appended)
    decided = await _decided(write)
    if decided is None:
        return Outcome("pending", appended=appended)
    _same_body(write, decided)
    if decided.problem is not None:
        raise refused(decided.problem)
    return Outcome(
        "unchanged" if decided.status == "unchanged" else "accepted", decided
    )


async def _decided(write: Write) -> Decision | None:
    """None also while Postgres is away: what is on the log will be decided."""
    try:
        return await write.parts.decisions.decision(
            write.who.tenant, write.command_id, write.wait_s
        )
    except (OperationalError, PoolTimeout):
        if write.repeated:
            raise
        return None


async def append(
    write: Write,
    data: Command,
    aggregate_id: str,
    *,
    cause: str = "",
    correlation: str = "",
) -> Appended:
    """Raises Problem 503 when the broker did not confirm in time.

    Also 429 and 503 `busy`, before anything was sent.
    """
    aggregate = AGGREGATE_OF[type(data)]
    if not write.follows:
        write.parts.gate.admit_write(write.who.tenant, FAMILY_OF[aggregate].name)
    record = command(
        data,
        tenant=write.who.tenant,
        aggregate_id=aggregate_id,
        id=write.command_id,
        time=write.parts.clock(),
        cause=cause,
        correlation=correlation,
        auth_id=write.who.auth_id,
        body_mac=write.body_mac,
        expected_version=write.expected_version,
        traceparent=tracing.here(),
    )
    reach("api.before_append")
    try:
        appended = await write.parts.log.append(record)
    except Full as full:
        detail = "The way to the log is full; nothing was sent."
        raise busy(detail, 1, "producer") from full
    except NotAcknowledged as lost:
        raise unknown(write) from lost
    except TooLarge as big:
        raise Problem(413, "This request is too big for the log.") from big
    reach("api.appended")
    return appended


def unknown(write: Write) -> Problem:
    """The record may or may not be on the log: the same key finds out, safely."""
    return Problem(
        503,
        "The log did not confirm in time; repeat with the same Idempotency-Key.",
        code="unknown",
        headers={"Retry-After": "1", "Location": write.location},
        more={"operationId": write.command_id, "operationStatus": "unknown"},
    )


async def answer(
    write: Write,
    outcome: Outcome,
    receipt: Receipt,
    show: Show,
    *,
    made: str = "",
) -> Response:
    """202 with the receipt, or the resource itself where that was asked for.

    `made` is the address of a resource this request creates: 201 instead of 200.
    """
    headers = {"Location": write.location}
    if outcome.place:
        headers["Position"] = positions.encode(outcome.place, write.parts.clock())
    shown = await _shown(write, outcome, show)
    if shown is None:
        if write.prefer.no_wait:
            headers["Preference-Applied"] = "respond-async"
        return _json(receipt, 202, headers)
    headers["Preference-Applied"] = f"wait={int(write.prefer.wait_s or 0)}"
    headers["ETag"] = f'"{shown.version}"'
    if made:
        headers["Location"] = made
    return _json(shown, 201 if made else 200, headers)


def receipt(write: Write, outcome: Outcome, resource_id: str) -> Receipt:
    return Receipt(operation_id=write.command_id, status=outcome.status, id=resource_id)


async def _shown(write: Write, outcome: Outcome, show: Show) -> Item | None:
    """The resource as its own read model has it, once that has come so far."""
    decided = outcome.decided
    if write.prefer.wait_s is None or decided is None:
        return None
    # Mostly the row came in the transaction of the decision's own row.
    shown = await show()
    if shown is not None and _there(shown, decided):
        return shown
    readers = write.parts.edge.readers
    if not await write.parts.decisions.reached(outcome.place, readers, write.wait_s):
        return None
    return await show()


def _there(shown: Item, decided: Decision) -> bool:
    own = decided.subject.partition("/")[2] == shown.id
    return own and shown.version >= decided.version


def _json(body: Item | Receipt, status: int, headers: dict[str, str]) -> Response:
    content = body.model_dump_json(by_alias=True)
    return Response(content, status, headers, "application/json")


def follow_up(write: Write, step: str) -> Write:
    """A further command of the same request, with an id of its own."""
    return replace(
        write,
        command_id=ids.derived("step", write.command_id, step),
        expected_version=None,
        prefer=Preference(),
        repeated=False,
        follows=True,
        began=monotonic(),
    )
