"""Douyin's deliveries: proof, contents and the acknowledgement it expects."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from connectors.base import AppSecrets, Challenge, Delivery, ReviewState
from connectors.douyin import signing
from connectors.errors import Unreadable

T = TypeVar("T")


class _Hook(msgspec.Struct, frozen=True):
    event: str
    content: msgspec.Raw = msgspec.Raw(b"{}")
    from_user_id: str = ""
    msg_id: str = ""


class _Content(msgspec.Struct, frozen=True):
    share_id: str = ""
    item_id: str = ""


class _Question(msgspec.Struct, frozen=True):
    challenge: int | str


class DouyinWebhooks:
    ACK = b"{}"

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secrets: AppSecrets,
        now: datetime,
    ) -> None:
        del now  # nothing in the message says when it was made
        signing.verify(headers, body, secrets)

    def parse(self, body: bytes) -> Delivery | Challenge:
        hook = _decode(body, _Hook, "body")
        if hook.event == "verify_webhook":
            question = _content(hook.content, _Question)
            return Challenge(msgspec.json.encode({"challenge": question.challenge}))
        return _delivery(hook, body)

    def message_id(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The documented header; without it the body's digest."""
        sent = {name.lower(): value for name, value in headers.items()}
        return sent.get("msg-id") or hashlib.sha256(body).hexdigest()


def _delivery(hook: _Hook, body: bytes) -> Delivery:
    message_id = hook.msg_id or hashlib.sha256(body).hexdigest()
    if hook.event != "create_video":
        return Delivery(message_id, hook.event, open_id=hook.from_user_id)
    content = _content(hook.content, _Content)
    if not content.share_id or not content.item_id:
        raise Unreadable("content", "name share_id and item_id")
    return Delivery(
        message_id,
        hook.event,
        open_id=hook.from_user_id,
        item_id=content.item_id,
        share_id=content.share_id,
        # visible to the creator alone until the platform's review ends
        state=ReviewState.reviewing,
    )


def _content(raw: msgspec.Raw, shape: type[T]) -> T:
    """Some events send an object here, others the same object as a JSON string."""
    inner = bytes(raw)
    if inner.lstrip().startswith(b'"'):
        inner = _decode(inner, str, "content").encode("utf-8", "surrogatepass")
    return _decode(inner, shape, "content")


def _decode(body: bytes, shape: type[T], field: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable(field, "send a documented event as JSON") from None
