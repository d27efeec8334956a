"""Platform accounts: who may publish where; the credential goes to the secret store."""

import json
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr, StringConstraints

from api.deps import Cursor, Limit, P, Read
from api.problems import invalid, missing
from api.shapes import Body, Id, Item, Line, Page, Receipt
from api.writes import Writes, answer, decide, receipt
from connectors.errors import UnknownPlatform
from schemas.commands.account import ConnectAccount
from schemas.ids import account_id

router = APIRouter(tags=["accounts"])

_Name = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class NewAccount(Body):
    """`credential` is what the platform's sign-in gave: access_token and the like."""

    platform: _Name
    credential: dict[_Name, SecretStr] = Field(min_length=1, max_length=20)
    open_id: Line | None = None
    name: Line | None = None


class Account(Item):
    platform: str = ""
    open_id: str = ""
    name: str = ""
    mode: str = ""
    status: str = ""


def mode_of(parts: P, name: str) -> str:
    """Raises the 422 that lists the platforms there are."""
    try:
        return parts.platforms.mode(name)
    except UnknownPlatform as unknown:
        known = ", ".join(unknown.known)
        raise invalid(
            "/platform", f"There is no platform {name}.", f"Use one of: {known}."
        ) from unknown


@router.post("/accounts", status_code=202, response_model=Receipt)
async def connect_account(
    body: NewAccount, write: Writes, parts: P, rows: Read
) -> Response:
    """Connecting an account again replaces its credential."""
    mode = mode_of(parts, body.platform)
    plain = {name: kept.get_secret_value() for name, kept in body.credential.items()}
    open_id = body.open_id or plain.get("open_id") or plain.get("openId")
    if not open_id:
        raise invalid("/openId", "The creator's open id is not given.", "Add openId.")
    tenant = write.who.tenant
    key = account_id(tenant, body.platform, open_id)
    ref = await parts.keyring.put_secret(
        tenant, f"account/{key}", json.dumps(plain).encode()
    )
    wish = ConnectAccount(
        platform=body.platform,
        open_id=open_id,
        name=body.name or open_id,
        mode=mode,
        secret_ref=ref,
    )
    outcome = await decide(write, wish, key)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, key),
        lambda: rows.one("accounts", Account, key),
        made=f"/api/v1/accounts/{key}",
    )


@router.get("/accounts")
async def list_accounts(
    rows: Read, platform: Id | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[Account]:
    return await rows.page(
        "accounts", Account, where={"platform": platform}, cursor=cursor, limit=limit
    )


@router.get("/accounts/{account_id}")
async def read_account(account_id: Id, rows: Read, response: Response) -> Account:
    found = await rows.one("accounts", Account, account_id)
    if found is None:
        raise missing("account")
    response.headers["ETag"] = f'"{found.version}"'
    return found
