"""Who is asking: a Bearer key becomes a tenant, a principal and a role."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, cast

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.rows import DictRow, dict_row

from api.parts import Parts
from api.positions import NotAToken, decode
from api.problems import Problem, invalid
from api.rows import PAGE_MAX, SET_TENANT, Rows
from api.shapes import Id

Role: TypeAlias = Literal["admin", "operator", "viewer"]
POSITION_WAIT_S = 2.0
KEY = "SELECT tenant, id, user_id, role, revoked FROM read.keys WHERE id = %s"
_bearer = HTTPBearer(auto_error=False, description="A key of `contentops key create`.")


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


P: TypeAlias = Annotated[Parts, Depends(parts_of)]


@dataclass(frozen=True, slots=True)
class Principal:
    tenant: str
    user_id: str
    role: str

    @property
    def may_write(self) -> bool:
        return self.role in {"admin", "operator"}

    @property
    def auth_id(self) -> str:
        return f"{'visitor' if self.role == 'visitor' else 'user'}/{self.user_id}"


async def principal(
    parts: P,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """401 for no key, an unknown key and a revoked key alike."""
    if given is None:
        raise _unknown("There is no key in this request.")
    row = await _key_row(parts, hashlib.sha256(given.credentials.encode()).hexdigest())
    if row is None or row["revoked"]:
        raise _unknown("This key is not known here or was revoked.")
    return Principal(row["tenant"], row["user_id"] or row["id"], row["role"])


async def _key_row(parts: Parts, digest: str) -> DictRow | None:
    async with parts.pool.connection() as connection, connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute("SELECT * FROM auth.key(%s)", (digest,))
        known = await cursor.fetchone()
        if known is None or not known["tenant"]:
            return None
        await cursor.execute(SET_TENANT, (known["tenant"],))
        await cursor.execute(KEY, (known["id"],))
        return await cursor.fetchone()


def _unknown(detail: str) -> Problem:
    return Problem(
        401, detail, code="unauthorized", headers={"WWW-Authenticate": "Bearer"}
    )


async def positioned(request: Request, parts: P) -> None:
    """A `Position` header makes the read models come at least that far first."""
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
    readers = parts.edge.readers
    if not await parts.decisions.reached(token.places, readers, POSITION_WAIT_S):
        raise Problem(
            503,
            "The read models have not come that far yet.",
            code="behind",
            headers={"Retry-After": "1"},
        )


async def reader(
    who: Annotated[Principal, Depends(principal)],
    _there: Annotated[None, Depends(positioned)],
) -> Principal:
    return who


async def writer(who: Annotated[Principal, Depends(reader)]) -> Principal:
    if not who.may_write:
        raise Problem(403, f"The role {who.role} may not write.", code="forbidden")
    return who


async def rows_of(who: Annotated[Principal, Depends(reader)], parts: P) -> Rows:
    return Rows(parts.pool, who.tenant)


Who: TypeAlias = Annotated[Principal, Depends(reader)]
Read: TypeAlias = Annotated[Rows, Depends(rows_of)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=400)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=PAGE_MAX)]
ProjectId: TypeAlias = Annotated[Id | None, Query(alias="projectId")]
VideoId: TypeAlias = Annotated[Id | None, Query(alias="videoId")]
