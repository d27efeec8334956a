"""Errors ask for one reaction each, and no error shows a secret."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.base import AppSecrets, Challenge, Delivery
from connectors.errors import (
    ConnectorError,
    Frozen,
    Misconfigured,
    Reaction,
    Reauthorise,
    Refused,
    SignatureRefused,
    TryLater,
    UnknownPlatform,
    Unreadable,
    error_for,
    reaction_to_status,
)
from connectors.stage import Step, check_routes, read_script

PLATFORMS = registry.platforms()
SECRETS = AppSecrets("client-id", "client-secret-value")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reaction", "kind"),
    [
        (Reaction.busy, TryLater),
        (Reaction.rate, TryLater),
        (Reaction.quota, TryLater),
        (Reaction.restart, TryLater),
        (Reaction.expired, Reauthorise),
        (Reaction.reauthorise, Reauthorise),
        (Reaction.setup, Misconfigured),
        (Reaction.frozen, Frozen),
        (Reaction.invalid, Refused),
        (Reaction.missing, Refused),
        (Reaction.conflict, Refused),
    ],
)
def test_each_class_has_its_error(
    reaction: Reaction, kind: type[ConnectorError]
) -> None:
    error = error_for(reaction, "7", "why")

    assert type(error) is kind
    assert (error.code, error.reason) == ("7", "why")


def test_every_class_is_listed_above() -> None:
    for reaction in Reaction:
        assert isinstance(error_for(reaction, "", ""), ConnectorError)


def test_only_an_expired_sign_in_may_be_refreshed() -> None:
    expired = error_for(Reaction.expired, "1", "")
    ended = error_for(Reaction.reauthorise, "1", "")

    assert isinstance(expired, Reauthorise)
    assert isinstance(ended, Reauthorise)
    assert (expired.refreshable, ended.refreshable) == (True, False)


@pytest.mark.parametrize(
    ("status", "reaction"),
    [
        (500, Reaction.busy),
        (503, Reaction.busy),
        (429, Reaction.rate),
        (401, Reaction.setup),
        (403, Reaction.setup),
        (404, Reaction.invalid),
    ],
)
def test_a_bare_status_is_classed(status: int, reaction: Reaction) -> None:
    assert reaction_to_status(status) is reaction


def test_an_echoed_secret_is_blotted_out() -> None:
    error = Refused("10008", "token act.0123456789 of 7200 is bad")

    error.without(("act.0123456789", "7200", ""))

    assert error.reason == "token *** of 7200 is bad"
    assert "act." not in f"{error!r} {error}"


def test_secrets_are_not_shown_by_their_holders() -> None:
    assert "client-secret-value" not in repr(SECRETS)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(platform: str, body: bytes) -> None:
    try:
        read = registry.webhooks(platform).parse(body)
    except Unreadable:
        return
    assert isinstance(read, Delivery | Challenge)


EVENTS = ("video_open", "create_video", "verify_webhook", "verify_webhooks", "x")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("share_id", "item_id", "data", "challenge", "state", "k")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(event=st.sampled_from(EVENTS), content=JSON, as_text=st.booleans())
def test_any_content_of_a_known_event_is_read_or_refused(
    platform: str, event: str, content: object, as_text: bool
) -> None:
    inner = msgspec.json.encode(content).decode() if as_text else content
    body = msgspec.json.encode({"event": event, "content": inner})
    try:
        read = registry.webhooks(platform).parse(body)
    except Unreadable:
        return
    assert isinstance(read, Delivery | Challenge)


HEADERS = st.sampled_from(
    ("x-bili-timestamp", "authorization", "X-Douyin-Signature", "x-bili-accesskeyid")
)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(
    headers=st.dictionaries(HEADERS | st.text(max_size=9), st.text(max_size=70)),
    body=st.binary(max_size=50),
)
def test_nothing_unsigned_is_ever_let_in(
    platform: str, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(SignatureRefused):
        registry.webhooks(platform).verify(headers, body, SECRETS, NOW)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_limits_carry_their_source_and_date(platform: str) -> None:
    limits = registry.limits(platform)

    assert limits.title_max > 0
    assert limits.source
    assert limits.as_of.year >= 2026


def test_an_unknown_platform_lists_those_there_are() -> None:
    with pytest.raises(UnknownPlatform, match="known: bilibili, douyin"):
        registry.limits("myspace")
    with pytest.raises(KeyError):
        registry.webhooks("")


def test_a_script_is_read_with_its_steps_by_route() -> None:
    script = read_script(
        b'{"submit":[{"do":"drop_before"},{"do":"error","code":127009}],'
        b'"review":"rejected","webhook":"twice","delay":0.1}'
    )

    assert script.steps["submit"] == (Step("drop_before"), Step("error", code=127009))
    assert (script.review, script.webhook, script.delay) == ("rejected", "twice", 0.1)


@pytest.mark.parametrize(
    "text",
    [b"[]", b'{"review":"maybe"}', b'{"submit":[{"do":"explode"}]}', b'{"delay":"x"}'],
)
def test_a_script_with_a_mistake_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_script(text)


def test_a_script_for_an_unknown_route_is_refused() -> None:
    script = read_script(b'{"sumbit":[{"do":"pass"}]}')

    with pytest.raises(ValueError, match="sumbit"):
        check_routes(script, {"submit"})
