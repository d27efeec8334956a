"""Who is asking: a Bearer key becomes a tenant, a principal and a role."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, cast

from fastapi import Depends, Query, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.datastructures import Headers

from api.callers import Callers, Principal, digest_of
from api.parts import Parts
from api.positions import NotAToken, decode
from api.problems import Problem, invalid
from api.rows import PAGE_MAX, Rows
from api.shapes import Id

T = TypeVar("T")

POSITION_WAIT_S = 2.0


class Guarded(SecurityBase, Generic[T]):
    """What only the owner of a key may have, and says so in the document.

    FastAPI solves a chain of dependencies anew wherever it is asked for, at one
    twentieth of a request for each link; so these are one link each.
    """

    def __init__(self, answer: Callable[[Request], Awaitable[T]]) -> None:
        self.model = HTTPBearer(description="A key of `contentops key create`.")
        self.scheme_name = "HTTPBearer"
        self._answer = answer

    async def __call__(self, request: Request) -> T:
        return await self._answer(request)


def here(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


async def parts_of(request: Request) -> Parts:
    return here(request)


P: TypeAlias = Annotated[Parts, Depends(parts_of)]


async def reader(request: Request) -> Principal:
    """Found once in a request; its read models have then come as far as it wants.

    401 for no key, an unknown key and a revoked key alike; 429 above the rate.
    """
    state: dict[str, Any] = request.scope.setdefault("state", {})
    who: Principal | None = state.get("who")
    if who is None:
        who = await known(request.app.state.callers, bearer(request.headers))
        admitted(request, here(request), who.tenant)
        await positioned(request)
        state["who"] = who
    return who


def bearer(headers: Headers) -> str:
    """The key of this request; empty where there is none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def admitted(request: Request, parts: Parts, tenant: str) -> None:
    """Raises Problem 429; what is let in is this tenant's until it is answered."""
    state: dict[str, Any] = request.scope.setdefault("state", {})
    state["quota"] = parts.gate.admit(tenant)
    if "counted" in state:
        parts.gate.hold(tenant)
        state["tenant"] = tenant


async def known(callers: Callers, key: str) -> Principal:
    if not key:
        raise _unknown("There is no key in this request.")
    found = await callers.find(digest_of(key))
    if found is None:
        raise _unknown("This key is not known here or was revoked.")
    return found


def _unknown(detail: str) -> Problem:
    return Problem(
        401, detail, code="unauthorized", headers={"WWW-Authenticate": "Bearer"}
    )


async def positioned(request: Request, more: Sequence[str] = ()) -> None:
    """A `Position` header makes the read models come at least that far first.

    `more` are readers that this route asks besides.
    """
    text = request.headers.get("position")
    if not text:
        return
    try:
        token = decode(text)
    except NotAToken as wrong:
        raise invalid(
            "/headers/Position",
            "This is not a position of this installation.",
            "Send the Position header of an earlier answer unchanged.",
        ) from wrong
    parts = here(request)
    readers = (*parts.edge.readers, *more)
    if not await parts.decisions.reached(token.places, readers, POSITION_WAIT_S):
        raise Problem(
            503,
            "The read models have not come that far yet.",
            code="behind",
            headers={"Retry-After": "1"},
        )


async def writer(request: Request) -> Principal:
    who = await reader(request)
    if not who.may_write:
        raise Problem(403, f"The role {who.role} may not write.", code="forbidden")
    return who


async def rows_of(request: Request) -> Rows:
    who = await reader(request)
    return Rows(here(request).pool, who.tenant)


Who: TypeAlias = Annotated[Principal, Depends(Guarded(reader))]
Read: TypeAlias = Annotated[Rows, Depends(Guarded(rows_of))]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=400)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=PAGE_MAX)]
ProjectId: TypeAlias = Annotated[Id | None, Query(alias="projectId")]
VideoId: TypeAlias = Annotated[Id | None, Query(alias="videoId")]
