"""Deliveries from platforms: proven, sealed, kept on the log, acknowledged.

unknown platform         404        signature wrong or too old   401
shape nobody documents   422        a question of the platform   200, answered
not kept                 503        kept, or kept before         200, its own ACK
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.deps import P
from api.parts import Parts
from api.problems import Fault, Problem, invalid, missing
from connectors.base import Challenge, Delivery, Webhooks
from connectors.errors import (
    Misconfigured,
    SignatureRefused,
    UnknownPlatform,
    Unreadable,
)
from schemas.envelope import Envelope, Record, TooLarge
from schemas.ids import observation_id
from schemas.observations import DeliveryReceived
from schemas.registry import wire_name
from schemas.topics import INBOUND
from streams import tracing
from streams.faults import reach
from streams.inbound import FIELD, PLATFORM_TENANT, pack
from streams.log import NotAcknowledged

router = APIRouter(tags=["webhooks"])

Platform = Annotated[str, Path(max_length=40)]


@router.post("/webhooks/{platform}")
async def receive(platform: Platform, request: Request, parts: P) -> Response:
    hooks = _hooks(parts, platform)
    headers = dict(request.headers.items())
    body = await request.body()
    _verify(parts, platform, hooks, headers, body)
    try:
        found = hooks.parse(body)
    except Unreadable as wrong:
        pointer = f"/{wrong.field.replace('.', '/')}".removeprefix("/body")
        raise invalid(pointer, "No documented event looks so.", wrong.remedy) from wrong
    if isinstance(found, Challenge):
        return Response(found.reply, media_type="application/json")
    own_id = hooks.message_id(headers, body) or hashlib.sha256(body).hexdigest()
    await _keep(parts, platform, found, own_id, (headers, body))
    return Response(hooks.ACK, media_type="application/json")


def _hooks(parts: Parts, platform: str) -> Webhooks:
    try:
        return parts.platforms.webhooks(platform)
    except UnknownPlatform as unknown:
        raise missing("platform", "/path/platform") from unknown


def _verify(
    parts: Parts,
    platform: str,
    hooks: Webhooks,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    try:
        secrets = parts.platforms.app_secrets(platform)
        hooks.verify(headers, body, secrets, parts.clock())
    except SignatureRefused as refused:
        fault = Fault(f"/headers/{refused.field}", "Not proven.", refused.remedy)
        detail = f"{refused.field}: this delivery is not proven to be genuine."
        raise Problem(401, detail, fault, code="signature") from refused
    except Misconfigured as unset:
        raise missing("platform", "/path/platform") from unset


async def _keep(
    parts: Parts,
    platform: str,
    delivery: Delivery,
    own_id: str,
    received: tuple[Mapping[str, str], bytes],
) -> None:
    """The same delivery has the same id, and every reader collapses by id."""
    seen = observation_id(platform, own_id)
    headers, body = received
    plain = pack(headers, body)
    sealed = await parts.keyring.seal(PLATFORM_TENANT, seen, FIELD, plain)
    data = DeliveryReceived(platform=platform, message_id=own_id, sealed=sealed)
    envelope = Envelope(
        id=seen,
        type=wire_name(DeliveryReceived),
        subject=f"delivery/{seen}",
        tenant=PLATFORM_TENANT,
        time=parts.clock(),
        key=f"{platform}:{delivery.open_id}",
        correlation=seen,
        auth_id=f"platform/{platform}",
        traceparent=tracing.here(),
    )
    reach("api.webhook_verified")
    try:
        await parts.log.append(Record(envelope=envelope, data=data), INBOUND)
    except NotAcknowledged as lost:
        raise Problem(
            503,
            "The delivery could not be kept; send it again.",
            code="unknown",
            headers={"Retry-After": "5"},
        ) from lost
    except TooLarge as big:
        raise Problem(413, "The delivery is too big.") from big
    reach("api.webhook_appended")
