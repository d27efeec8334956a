"""Bilibili's deliveries: proof, contents and the acknowledgement it expects."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from connectors.base import AppSecrets, Challenge, Delivery, ReviewState
from connectors.bilibili import signing
from connectors.bilibili.wire import state_of
from connectors.errors import Unreadable

_FINAL: Mapping[str, ReviewState] = {
    "video_open": ReviewState.published,
    "video_fail": ReviewState.rejected,
}


class _Content(msgspec.Struct, frozen=True):
    openid: str = ""
    resource_id: str = ""
    state: int | None = None
    state_desc: str = ""
    share_id: str = ""
    item_id: str = ""
    data: int | str | None = None


class _Hook(msgspec.Struct, frozen=True):
    event: str
    content: _Content = _Content()
    from_user_id: str = ""


class BilibiliWebhooks:
    ACK = b'{"code":0,"message":"ok"}'

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secrets: AppSecrets,
        now: datetime,
    ) -> None:
        signing.verify(headers, body, secrets, now)

    def parse(self, body: bytes) -> Delivery | Challenge:
        try:
            hook = msgspec.json.decode(body, type=_Hook)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Unreadable("body", "send a documented event as JSON") from None
        if hook.event == "verify_webhooks":
            return _challenge(hook)
        return _delivery(hook, _digest(body))

    def message_id(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """No id is documented; a repetition has the same bytes under a new nonce."""
        del headers
        return _digest(body)


def _challenge(hook: _Hook) -> Challenge:
    if hook.content.data is None:
        raise Unreadable("content.data", "send the value to be echoed")
    return Challenge(msgspec.json.encode({"data": hook.content.data}))


def _delivery(hook: _Hook, message_id: str) -> Delivery:
    content = hook.content
    state = _FINAL.get(hook.event)
    if state is not None and not content.resource_id:
        raise Unreadable("content.resource_id", "name the item")
    return Delivery(
        message_id,
        hook.event,
        open_id=content.openid or hook.from_user_id,
        item_id=content.resource_id or content.item_id,
        share_id=content.share_id,
        state=_stated(state, content.state),
        code="" if content.state is None else str(content.state),
        reason=content.state_desc,
    )


def _stated(by_event: ReviewState | None, number: int | None) -> ReviewState | None:
    # the number tells more than the event (a lock, a failed transcode), where it
    # does not contradict it by calling a finished review unfinished
    if by_event is None or number is None:
        return by_event
    told = state_of(number)
    unfinished = {ReviewState.reviewing, ReviewState.processing}
    return by_event if told in unfinished else told


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
