"""Douyin's signatures, links and answers, against the recorded vectors."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.base import AppSecrets, Challenge, Delivery, Post, ReviewState
from connectors.douyin import sandbox_rules, signing, wire
from connectors.douyin.routes import Routes
from connectors.douyin.webhooks import DouyinWebhooks
from connectors.errors import Reaction, Refused, SignatureRefused, Unreadable
from connectors.sandboxes import No

GOLDEN = Path(__file__).parents[2] / "golden" / "douyin"
SECRETS = AppSecrets("aw_example", "dy_client_secret_example_0123456789")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
W1 = (GOLDEN / "DY-W1.json").read_bytes()
W2 = (GOLDEN / "DY-W2.json").read_bytes()
LINK = (GOLDEN / "link.txt").read_text()
MADE = 1700000000.0
POST = Post(
    title="五 & +",
    text="",
    tags=("日常", "a b"),
    video=Path("v.mp4"),
    video_url="https://cdn.example/v.mp4?sig=a+b&e=1",
    cover=None,
    category=None,
    marker="publication-1",
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (W1, "ffabf3c3ca37f903d8cda26e8c0e1671d981f9ab"),
        (W2, "a12fa4bfacfc50e1ddca2753b6e820c00c029cc4"),
    ],
    ids=["DY-W1", "DY-W2"],
)
def test_the_documented_delivery_signatures_come_out(
    body: bytes, expected: str
) -> None:
    assert signing.delivery_signature(body, SECRETS.client_secret) == expected
    DouyinWebhooks().verify({"X-Douyin-Signature": expected}, body, SECRETS, NOW)


def refused_signatures() -> list[str]:
    secret = SECRETS.client_secret.encode()
    return [
        "",
        "0" * 40,
        "é\udcff",
        signing.delivery_signature(W2, SECRETS.client_secret).upper(),
        signing.delivery_signature(W2 + b" ", SECRETS.client_secret),
        hmac.new(secret, W2, hashlib.sha1).hexdigest(),
        hashlib.sha1(W2 + secret, usedforsecurity=False).hexdigest(),
        hashlib.md5(secret + W2, usedforsecurity=False).hexdigest(),
    ]


@pytest.mark.parametrize("given", refused_signatures())
def test_any_other_construction_is_refused(given: str) -> None:
    with pytest.raises(SignatureRefused) as refused:
        DouyinWebhooks().verify({"x-douyin-signature": given}, W2, SECRETS, NOW)

    assert refused.value.field == "x-douyin-signature"


def test_the_documented_share_signature_comes_out() -> None:
    made = signing.share_signature(
        "0123456789abcdefABCDEF0123456789", "@ticket-example-001", "1700000000"
    )

    assert made == "c93ab162ea56a9a27524d0de8aef6938"


@pytest.mark.parametrize("file", ["DY-W2.json", "create_video_object.json"])
def test_content_is_read_as_object_and_as_string(file: str) -> None:
    read = DouyinWebhooks().parse((GOLDEN / file).read_bytes())

    assert isinstance(read, Delivery)
    assert (read.share_id, read.item_id) == ("share-1", "@enc-item")
    assert (read.open_id, read.state) == ("open-id-1", ReviewState.reviewing)


def test_a_withdrawn_consent_is_a_delivery_without_an_item() -> None:
    read = DouyinWebhooks().parse((GOLDEN / "unauthorize.json").read_bytes())

    assert isinstance(read, Delivery)
    assert (read.event, read.open_id) == ("unauthorize", "open-id-1")
    assert (read.item_id, read.state) == ("", None)


def test_the_set_up_question_is_echoed_in_its_own_type() -> None:
    text = b'{"event":"verify_webhook","content":{"challenge":"a"}}'

    assert DouyinWebhooks().parse(W1) == Challenge(b'{"challenge":12345}')
    assert DouyinWebhooks().parse(text) == Challenge(b'{"challenge":"a"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"event":"create_video","content":"{"}',
        b'{"event":"create_video","content":"[]"}',
        b'{"event":"create_video","content":{"share_id":"s"}}',
        b'{"event":"verify_webhook","content":{}}',
        b'{"event":"create_video","content":' + b"[" * 100_000,
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DouyinWebhooks().parse(body)


def test_the_message_id_is_the_header_or_else_the_body() -> None:
    hooks = DouyinWebhooks()

    assert hooks.message_id({"Msg-Id": "m-7"}, W2) == "m-7"
    assert hooks.message_id({}, W2) == hashlib.sha256(W2).hexdigest()


def signed() -> dict[str, str]:
    return {
        "client_key": "aw_example",
        "nonce_str": "0123456789abcdefABCDEF0123456789",
        "timestamp": "1700000000",
        "signature": "c93ab162ea56a9a27524d0de8aef6938",
        "state": "share-1",
    }


def test_the_link_is_percent_encoded_to_the_letter() -> None:
    assert wire.share_link(Routes().schema, POST, signed()) == LINK


def test_the_text_follows_the_title_in_the_one_field_for_words() -> None:
    assert wire.caption(replace(POST, text="更多")) == "五 & +\n更多"


def phone() -> sandbox_rules.State:
    return sandbox_rules.State(
        tickets={"@ticket-example-001": MADE + 7200}, shares={"share-1": MADE}
    )


def test_the_stand_ins_phone_opens_the_documented_link() -> None:
    opened = sandbox_rules.open_link(LINK, phone(), "aw_example", MADE + 60)

    assert opened.caption == POST.title
    assert opened.tags == POST.tags
    assert opened.video_path == POST.video_url


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("snssdk1128", "https", 10002),
        ("openplatform/share", "openplatform/other", 10002),
        ("%20", "+", 10002),
        ("share_type=h5&", "", 10002),
        ("client_key=aw_example", "client_key=another", 10003),
        ("nonce_str=0", "nonce_str=1", 10017),
        ("nonce_str=", "nonce=", 10005),
        ("timestamp=1700000000", "timestamp=1700000001", 10017),
        ("timestamp=1700000000", "timestamp=1600000000", 10007),
        ("signature=c9", "signature=c8", 10017),
        ("state=share-1", "state=share-2", 10002),
        ("video_path=https", "video_path=ftp", 10002),
        ("video_path=", "image_path=", 10002),
        ("hashtag_list=%5B", "hashtag_list=", 10002),
        ("&title=", "&state=share-1&title=", 10002),
    ],
)
def test_the_stand_ins_phone_refuses_a_spoilt_link(
    old: str, new: str, code: int
) -> None:
    assert old in LINK

    with pytest.raises(No) as refused:
        sandbox_rules.open_link(LINK.replace(old, new), phone(), "aw_example", MADE)

    assert refused.value.code == code


def test_a_ticket_that_died_signs_no_link() -> None:
    state = phone()
    state.tickets = {"@ticket-example-001": MADE - 1}

    with pytest.raises(No, match="signature"):
        sandbox_rules.open_link(LINK, state, "aw_example", MADE)


def test_only_the_newest_two_application_tokens_live() -> None:
    state = sandbox_rules.State()

    tokens = [sandbox_rules.issue_token(state, MADE + second) for second in range(3)]

    assert set(state.tokens) == set(tokens[1:])
    assert state.tokens[tokens[1]] == MADE + 2 + timedelta(minutes=5).total_seconds()


def videos(**fields: object) -> bytes:
    import json

    video = {"item_id": "@i+/=", "video_status": 5, "create_time": 1, **fields}
    return json.dumps({"data": {"list": [video], "error_code": 0}}).encode()


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"video_status": 5}, ReviewState.published),
        ({"video_status": "1"}, ReviewState.published),
        ({"video_status": 4}, ReviewState.reviewing),
        ({"video_status": 5, "is_reviewed": False}, ReviewState.reviewing),
        ({"video_status": 2}, ReviewState.rejected),
        ({"video_status": 7}, ReviewState.limited),
        ({"video_status": 99}, ReviewState.limited),
        ({"video_status": 5, "create_time": 0}, ReviewState.limited),
    ],
)
def test_a_status_becomes_one_of_our_states(
    fields: dict[str, object], state: ReviewState
) -> None:
    assert wire.review(videos(**fields), "@i+/=").state is state


def test_an_item_that_is_not_listed_is_refused() -> None:
    with pytest.raises(Refused):
        wire.review(videos(), f"@{quote('other')}")


@pytest.mark.parametrize(
    ("body", "reaction", "code"),
    [
        ('{"data":{"error_code":10020}}', Reaction.reauthorise, "10020"),
        ('{"data":{"error_code":"2190008"}}', Reaction.expired, "2190008"),
        ('{"data":{},"extra":{"error_code":28003018}}', Reaction.rate, "28003018"),
        ('{"err_no":28003017,"err_msg":"q","data":{}}', Reaction.quota, "28003017"),
        ('{"data":{"error_code":2100004}}', Reaction.busy, "2100004"),
        ('{"data":{"error_code":2114005}}', Reaction.frozen, "2114005"),
        ('{"data":{"error_code":10013}}', Reaction.setup, "10013"),
        ('{"data":{"error_code":2190006}}', Reaction.invalid, "2190006"),
        ('{"data":{"error_code":424242}}', Reaction.invalid, "424242"),
    ],
)
def test_a_code_is_found_wherever_the_platform_puts_it(
    body: str, reaction: Reaction, code: str
) -> None:
    verdict = wire.judge(body.encode())

    assert verdict is not None
    assert (verdict.reaction, verdict.code) == (reaction, code)


def test_no_code_is_success_and_nothing_known_is_no_answer() -> None:
    assert wire.judge(b'{"data":{"error_code":0},"extra":{"error_code":0}}') is None
    with pytest.raises(Unreadable):
        wire.judge(b"{}")
