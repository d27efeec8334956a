"""Every refusal of the edge as an RFC 9457 problem; the only place that makes them."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from media_agents.errors import TryLater
from projections.search import SearchAway
from streams.decisions import Refusal

MEDIA_TYPE = "application/problem+json"
_KINDS = {
    "invalid": 422,
    "conflict": 409,
    "stale": 412,
    "missing": 404,
    "forbidden": 403,
    "command_failed": 500,
}
_REMEDIES = {
    "extra_forbidden": "Remove this field; it is not part of this request.",
    "missing": "Add this field.",
    "json_invalid": "Send a well-formed JSON document.",
    "string_too_long": "Shorten the text.",
    "string_too_short": "Give a longer text.",
    "string_pattern_mismatch": "Use the documented form of this field.",
    "literal_error": "Use one of the listed values.",
    "too_long": "Send fewer entries.",
    "greater_than_equal": "Give a larger number.",
    "less_than_equal": "Give a smaller number.",
}
_log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where, and what mends it."""

    pointer: str
    detail: str
    remedy: str


class Problem(Exception):
    """Ends a request; `more` are extension members of the document."""

    def __init__(
        self,
        status: int,
        detail: str,
        *faults: Fault,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.code = code
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def invalid(pointer: str, detail: str, remedy: str) -> Problem:
    return Problem(422, detail, Fault(pointer, detail, remedy), code="invalid")


def missing(what: str, pointer: str = "") -> Problem:
    detail = f"There is no such {what}."
    remedy = f"List the {what}s of this tenant and use an id from there."
    return Problem(404, detail, Fault(pointer, detail, remedy), code="missing")


def conflict(pointer: str, detail: str, remedy: str) -> Problem:
    return Problem(409, detail, Fault(pointer, detail, remedy), code="conflict")


def refused(refusal: Refusal) -> Problem:
    """The problem of a command that was decided with no."""
    status = _KINDS.get(refusal.kind, 409)
    detail = refusal.detail or refusal.code
    fault = Fault(to_camel_pointer(refusal.pointer), detail, _remedy_for(status))
    return Problem(status, detail, fault, code=refusal.code)


def to_camel_pointer(pointer: str) -> str:
    """Deciders name fields as commands do; people know them as JSON spells them."""
    return "/".join(to_camel(part) for part in pointer.split("/"))


def _remedy_for(status: int) -> str:
    if status == 412:
        return "Read the resource again and send its current ETag in If-Match."
    if status == 409:
        return "Read the resource again; its state does not allow this now."
    return "Change what the pointer names and send it again."


def document(problem: Problem) -> Response:
    title = HTTPStatus(problem.status).phrase
    body = {
        "type": f"urn:contentops:problem:{problem.code}"
        if problem.code
        else "about:blank",
        "title": title,
        "status": problem.status,
        "detail": problem.detail,
        "errors": [
            {"pointer": each.pointer, "detail": each.detail, "remedy": each.remedy}
            for each in problem.faults or (_whole(problem),)
        ],
        **problem.more,
    }
    return JSONResponse(
        body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def _whole(problem: Problem) -> Fault:
    return Fault("", problem.detail, _REMEDY_OF.get(problem.status, "Try again later."))


_REMEDY_OF = {
    401: "Send `Authorization: Bearer <key>`; make one with `contentops key create`.",
    402: "Ask an admin to raise the limit, or wait for the next day or month.",
    403: "Ask an admin of this tenant for a key with a wider role.",
    404: "Check the address; /api/v1/openapi.json lists what there is.",
    405: "Use a method from the Allow header.",
    413: "Send less; big files go through /api/v1/assets/presign.",
}


def pointer_of(place: Sequence[int | str]) -> str:
    """A JSON pointer into the body; other places of a request come first by name."""
    where, *rest = place or ("body",)
    parts = rest if where == "body" else [where, *rest]
    return "".join(
        f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts
    )


def install(app: FastAPI) -> None:
    """The one set of handlers; nothing else turns an exception into an answer."""
    app.exception_handler(Problem)(_answer_problem)
    app.exception_handler(RequestValidationError)(_answer_validation)
    app.exception_handler(HTTPException)(_answer_http)
    for away in (PoolTimeout, OperationalError, TryLater, SearchAway):
        app.exception_handler(away)(_answer_away)
    app.exception_handler(Exception)(_answer_unexpected)


async def _answer_problem(_request: Request, error: Problem) -> Response:
    return document(error)


async def _answer_validation(
    _request: Request, error: RequestValidationError
) -> Response:
    return document(faulty(error.errors()))


def faulty(found: Sequence[Mapping[str, Any]]) -> Problem:
    """What pydantic found wrong; an id of no possible form is simply not there."""
    faults = [_fault(each["type"], tuple(each["loc"]), each["msg"]) for each in found]
    if faults[0].pointer.startswith("/path/"):
        return missing("resource", faults[0].pointer)
    where = faults[0].pointer or "the body"
    return Problem(422, f"{where}: {faults[0].detail}", *faults, code="invalid")


def _fault(kind: str, place: tuple[int | str, ...], message: str) -> Fault:
    detail = message.removeprefix("Value error, ")
    if kind == "json_invalid":
        return Fault("", "The body is not JSON.", _REMEDIES[kind])
    remedy = _REMEDIES.get(kind, "Change this value as the detail says.")
    return Fault(pointer_of(place), detail, remedy)


async def _answer_http(_request: Request, error: HTTPException) -> Response:
    return document(
        Problem(error.status_code, error.detail, headers=dict(error.headers or {}))
    )


async def _answer_away(_request: Request, error: Exception) -> Response:
    _log.warning("a part of the installation is away", error=type(error).__name__)
    return document(
        Problem(
            503,
            "A part of this installation does not answer.",
            code="unavailable",
            headers={"Retry-After": "2"},
        )
    )


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    # As text: a renderer that shows local variables would show secrets.
    trace = "".join(traceback.format_exception(error))
    _log.error("unexpected", path=request.url.path, trace=trace)
    return document(Problem(500, "Something unexpected happened; it was recorded."))
