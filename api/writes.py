"""The write path: a wish gets its id, goes on the log, and its decision is awaited.

seen before, other body   422, nothing appended
not acknowledged          503 with the operation's id, status `unknown`
decided with no           the problem the decider gave
decided with yes          202, or 200/201 once the rows are there (Prefer: wait=N)
not decided in 2 s        202, status `pending`
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias
from uuid import uuid4

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse

from api import positions
from api.bodies import canonical
from api.deps import P, Principal, writer
from api.parts import Parts, Vector
from api.problems import Fault, Problem, invalid, refused
from api.shapes import Item, Receipt
from schemas import ids
from schemas.envelope import TooLarge, command
from schemas.registry import Command
from streams.decisions import Decision
from streams.log import Appended, NotAcknowledged

Status: TypeAlias = Literal["accepted", "unchanged", "pending"]
Show: TypeAlias = Callable[[], Awaitable[Item | None]]

WAIT_MAX_S = 10
_KEY_MAX = 200


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait_s` set = answer with the resource; `at_once` = do not wait at all."""

    wait_s: float | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One write request: who, under which command id, over which body."""

    parts: Parts
    who: Principal
    command_id: str
    body_mac: str
    expected_version: int | None = None
    prefer: Preference = Preference()
    repeated: bool = False

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


async def write_context(
    request: Request, who: Annotated[Principal, Depends(writer)], parts: P
) -> Write:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= _KEY_MAX:
        raise invalid(
            "/headers/Idempotency-Key",
            f"The key has {len(key)} characters.",
            f"Use 1 to {_KEY_MAX} characters.",
        )
    body = canonical(await request.body())
    drawn = key is None
    made = str(uuid4()) if key is None else ids.command_id(who.tenant, who.user_id, key)
    where = f"{request.method} {request.url.path}\n".encode()
    write = Write(
        parts=parts,
        who=who,
        command_id=made,
        body_mac=await parts.keyring.mac(who.tenant, where + body),
        expected_version=expected_version(request.headers.get("if-match")),
        prefer=preference(request.headers.get("prefer", "")),
    )
    return write if drawn else await write.seen()


Writes: TypeAlias = Annotated[Write, Depends(write_context)]


def _same_body(write: Write, decided: Decision) -> None:
    if decided.body_mac and decided.body_mac != write.body_mac:
        raise invalid(
            "/headers/Idempotency-Key",
            "This key was used for another request.",
            "Use a new key for a new request, or repeat the earlier one unchanged.",
        )


def expected_version(header: str | None) -> int | None:
    """`"7"` or `"v7"`; `*` asks for nothing in particular."""
    if header is None or header.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"?v?(\d{1,18})"?', header.strip())
    if found is None:
        raise Problem(
            412,
            "If-Match is not an ETag of this API.",
            Fault(
                "/headers/If-Match", "Unknown form.", "Send the ETag you were given."
            ),
            code="stale",
        )
    return int(found[1])


def preference(header: str) -> Preference:
    wishes = [wish.strip().lower() for wish in header.split(",")]
    waits = [re.fullmatch(r"wait=(\d{1,4})", wish) for wish in wishes]
    found = next((wait for wait in waits if wait), None)
    return Preference(
        wait_s=min(int(found[1]), WAIT_MAX_S) if found else None,
        at_once="respond-async" in wishes,
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
        if write.prefer.at_once:
            return Outcome("pending", appended=appended)
    decided = await write.parts.decisions.decision(
        write.who.tenant, write.command_id, write.parts.edge.decision_s
    )
    if decided is None:
        return Outcome("pending", appended=appended)
    _same_body(write, decided)
    if decided.problem is not None:
        raise refused(decided.problem)
    return Outcome(
        "unchanged" if decided.status == "unchanged" else "accepted", decided
    )


async def append(
    write: Write,
    data: Command,
    aggregate_id: str,
    *,
    cause: str = "",
    correlation: str = "",
) -> Appended:
    """Raises Problem 503 when the broker did not confirm in time."""
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
    )
    try:
        return await write.parts.log.append(record)
    except NotAcknowledged as lost:
        raise unknown(write) from lost
    except TooLarge as big:
        raise Problem(413, "This request is too big for the log.") from big


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
        return _json(receipt, 202, headers)
    headers["Preference-Applied"] = f"wait={int(write.prefer.wait_s or 0)}"
    headers["ETag"] = f'"{shown.version}"'
    if made:
        headers["Location"] = made
    return _json(shown, 201 if made else 200, headers)


def receipt(write: Write, outcome: Outcome, resource_id: str) -> Receipt:
    return Receipt(operation_id=write.command_id, status=outcome.status, id=resource_id)


async def _shown(write: Write, outcome: Outcome, show: Show) -> Item | None:
    wait_s = write.prefer.wait_s
    if wait_s is None or outcome.decided is None:
        return None
    readers = write.parts.edge.readers
    if not await write.parts.decisions.reached(outcome.place, readers, wait_s):
        return None
    return await show()


def _json(body: Item | Receipt, status: int, headers: dict[str, str]) -> Response:
    content = body.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, status, headers=headers)


def follow_up(write: Write, step: str) -> Write:
    """A further command of the same request, with an id of its own."""
    return replace(
        write,
        command_id=ids.derived("step", write.command_id, step),
        expected_version=None,
        prefer=Preference(),
        repeated=False,
    )
