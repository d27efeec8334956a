"""Bilibili's signature, bodies and answers, against the recorded vectors."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.base import (
    AppSecrets,
    Challenge,
    Delivery,
    Post,
    Prepared,
    ReviewState,
)
from connectors.bilibili import signing, wire
from connectors.bilibili.routes import CODES, STATES
from connectors.bilibili.webhooks import BilibiliWebhooks
from connectors.errors import Reaction, Refused, SignatureRefused, Unreadable, by_code

GOLDEN = Path(__file__).parents[2] / "golden" / "bilibili"
SECRETS = AppSecrets("bili_client_id_0001", "bili_app_secret_0123456789abcdef")
SENT_AT = datetime.fromtimestamp(1700000004, UTC)
HOOK = (GOLDEN / "BL-W.json").read_bytes()
POST = Post(
    title="五秒看懂",
    text="一段文字",
    tags=("日常", "教程"),
    video=Path("v.mp4"),
    video_url="https://cdn.example/v.mp4",
    cover=None,
    category=None,
    marker="publication-1",
)
PREPARED = Prepared("token", "https://archive.example/c.jpg", "21")


def hook_headers(body: bytes = HOOK, now: datetime = SENT_AT) -> dict[str, str]:
    return signing.sign(body, SECRETS, now=now, nonce="nonce-1")


@pytest.mark.parametrize(
    ("body", "nonce", "second", "md5", "expected"),
    [
        (
            b"",
            "ad184c09-095f-91c3-0849-230dd3744045",
            1700000000,
            "d41d8cd98f00b204e9800998ecf8427e",
            "dda28066368b0e7562b503a250d3ae00ed05e1fb7533ee7f9e6f703e1bf1aecd",
        ),
        (
            b'{"name":"demo.mp4","utype":"0"}',
            "11111111-2222-3333-4444-555555555555",
            1700000001,
            "d5a880b9372ec22626c3e59e1b412776",
            "f02206c318884b36255fd18841294fc632753f1704d61307be43618fd69927a2",
        ),
        (
            HOOK,
            "nonce-1",
            1700000004,
            "61e0eb42d4edb7211d612c81d83adaab",
            "024a29db70212e6bad05eb296cf9880a1b67182ea5600d200201a1ad4abd027c",
        ),
    ],
    ids=["BL-1", "BL-2", "BL-W"],
)
def test_the_documented_signatures_come_out(
    body: bytes, nonce: str, second: int, md5: str, expected: str
) -> None:
    now = datetime.fromtimestamp(second, UTC)

    signed = signing.sign(body, SECRETS, now=now, nonce=nonce)

    assert signed["x-bili-content-md5"] == md5
    assert signed["authorization"] == expected
    signing.verify(signed, body, SECRETS, now)


def changed(name: str, value: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {**headers, name: value}


@pytest.mark.parametrize(
    ("field", "spoil"),
    [
        ("authorization", changed("authorization", "0" * 64)),
        ("authorization", changed("authorization", "é\udcff")),
        ("authorization", lambda h: {**h, "authorization": h["authorization"] + "\n"}),
        (
            "authorization",
            lambda h: {**h, "authorization": "HMAC-SHA256 " + h["authorization"]},
        ),
        ("authorization", changed("x-bili-signature-nonce", "nonce-2")),
        ("x-bili-signature-version", changed("x-bili-signature-version", "1.0")),
        ("x-bili-signature-method", changed("x-bili-signature-method", "MD5")),
        ("x-bili-accesskeyid", changed("x-bili-accesskeyid", "another")),
        ("x-bili-timestamp", changed("x-bili-timestamp", "soon")),
        ("x-bili-timestamp", changed("x-bili-timestamp", "²³")),
        ("x-bili-timestamp", changed("x-bili-timestamp", "9" * 5000)),
        ("x-bili-signature-nonce", changed("x-bili-signature-nonce", "")),
    ],
)
def test_a_spoilt_header_is_refused_by_name(
    field: str, spoil: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    with pytest.raises(SignatureRefused) as refused:
        signing.verify(spoil(hook_headers()), HOOK, SECRETS, SENT_AT)

    assert refused.value.field == field
    assert refused.value.remedy


def test_one_flipped_byte_of_the_body_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="content-md5"):
        signing.verify(
            hook_headers(), HOOK.replace(b"oid-1", b"oid-2"), SECRETS, SENT_AT
        )


def test_a_signature_over_a_trailing_line_feed_is_refused() -> None:
    headers = hook_headers()
    text = "\n".join(f"{name}:{headers[name]}" for name in signing.SIGNED) + "\n"
    import hashlib
    import hmac

    wrong = hmac.new(SECRETS.client_secret.encode(), text.encode(), hashlib.sha256)

    with pytest.raises(SignatureRefused, match="authorization"):
        signing.verify(
            {**headers, "authorization": wrong.hexdigest()}, HOOK, SECRETS, SENT_AT
        )


@pytest.mark.parametrize("off", [timedelta(minutes=11), timedelta(minutes=-11)])
def test_eleven_minutes_off_is_refused(off: timedelta) -> None:
    with pytest.raises(SignatureRefused, match="timestamp"):
        signing.verify(hook_headers(), HOOK, SECRETS, SENT_AT + off)


def test_nine_minutes_off_is_let_in_whatever_the_case_of_names() -> None:
    shouted = {name.upper(): value for name, value in hook_headers().items()}

    signing.verify(shouted, HOOK, SECRETS, SENT_AT + timedelta(minutes=9))


def test_an_opened_video_is_read() -> None:
    read = BilibiliWebhooks().parse(HOOK)

    assert isinstance(read, Delivery)
    assert (read.open_id, read.item_id) == ("oid-1", "BV1xx411c7mD")
    assert (read.state, read.code, read.reason) == (
        ReviewState.published,
        "0",
        "开放浏览",
    )


def test_a_failed_transcode_is_told_apart_from_a_rejection() -> None:
    read = BilibiliWebhooks().parse((GOLDEN / "video_fail.json").read_bytes())

    assert isinstance(read, Delivery)
    assert (read.state, read.code) == (ReviewState.failed, "-16")


def test_the_share_flow_names_the_share() -> None:
    read = BilibiliWebhooks().parse((GOLDEN / "publish_video.json").read_bytes())

    assert isinstance(read, Delivery)
    assert (read.share_id, read.item_id, read.open_id) == ("share-9", "item-9", "oid-2")
    assert read.state is None


def test_the_set_up_question_is_echoed_in_its_own_type() -> None:
    hooks = BilibiliWebhooks()
    text = b'{"event":"verify_webhooks","content":{"data":"abc"}}'

    asked = hooks.parse((GOLDEN / "verify_webhooks.json").read_bytes())

    assert asked == Challenge(b'{"data":1371848576}')
    assert hooks.parse(text) == Challenge(b'{"data":"abc"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"event":1}',
        b'{"event":"video_open","content":{}}',
        b'{"event":"verify_webhooks","content":{}}',
        b"[" * 100_000,
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        BilibiliWebhooks().parse(body)


def test_a_repetition_under_a_new_nonce_has_the_same_message_id() -> None:
    hooks = BilibiliWebhooks()
    later = signing.sign(HOOK, SECRETS, now=SENT_AT, nonce="nonce-2")

    assert hooks.message_id(hook_headers(), HOOK) == hooks.message_id(later, HOOK)
    assert hooks.message_id(later, HOOK) != hooks.message_id(later, HOOK + b" ")


def test_the_submission_is_what_the_page_documents() -> None:
    assert wire.submission(POST, PREPARED) == (GOLDEN / "submission.json").read_bytes()


def test_a_reprint_names_its_source() -> None:
    body = wire.submission(replace(POST, original=False, source="站外"), PREPARED)

    assert b'"copyright":2' in body
    assert '"source":"站外"'.encode() in body


def test_a_submission_without_category_is_refused_before_it_is_sent() -> None:
    with pytest.raises(Refused, match="category"):
        wire.submission(POST, replace(PREPARED, category=""))


TREE = (
    '{"code":0,"data":[{"id":1,"name":"a","children":'
    '[{"id":21,"name":"日常"},{"id":"22","name":"b"}]}]}'
).encode()


@pytest.mark.parametrize(
    ("wanted", "found"), [(None, "21"), ("22", "22"), ("日常", "21")]
)
def test_a_category_is_a_leaf(wanted: str | None, found: str) -> None:
    assert wire.category(TREE, wanted) == found


@pytest.mark.parametrize("wanted", ["1", "a", "99"])
def test_a_branch_or_an_unknown_category_is_refused(wanted: str) -> None:
    with pytest.raises(Refused):
        wire.category(TREE, wanted)


def archive(**changes: object) -> wire.Archive:
    fields = {"title": POST.title, "desc": POST.text, "ctime": 1700000004, **changes}
    return wire.Archive(
        resource_id=str(fields.get("resource_id", "BV1")),
        title=str(fields["title"]),
        desc=str(fields["desc"]),
        ctime=int(str(fields["ctime"])),
        addit_info=wire.Standing(state=-1),
    )


def test_an_earlier_submit_is_found_by_its_words_and_time() -> None:
    since = SENT_AT + timedelta(milliseconds=700)
    listed = [archive(desc="other", resource_id="BV0"), archive()]

    found = wire.find(listed, POST, since, "https://v/")

    assert found is not None
    assert (found.item_id, found.link) == ("BV1", "https://v/BV1")


@pytest.mark.parametrize(
    "other", [{"title": "x"}, {"desc": "x"}, {"ctime": 1700000003}]
)
def test_other_words_or_an_older_item_is_not_taken_for_ours(
    other: dict[str, object],
) -> None:
    assert wire.find([archive(**other)], POST, SENT_AT, "https://v/") is None


@pytest.mark.parametrize(
    ("code", "reaction"),
    [
        (-500, Reaction.busy),
        (127009, Reaction.rate),
        (129012, Reaction.quota),
        (127022, Reaction.restart),
        (127001, Reaction.expired),
        (122007, Reaction.reauthorise),
        (4002, Reaction.setup),
        (123020, Reaction.invalid),
        (4004, Reaction.conflict),
        (127124, Reaction.missing),
        (987654, Reaction.invalid),
    ],
)
def test_a_code_is_classed_and_kept_verbatim(code: int, reaction: Reaction) -> None:
    verdict = wire.judge(f'{{"code":"{code}","message":"说明"}}'.encode())

    assert verdict is not None
    assert (verdict.reaction, verdict.code) == (reaction, str(code))
    assert verdict.reason == "说明"


def test_zero_is_success_and_a_page_is_no_answer() -> None:
    assert wire.judge(b'{"code":0}') is None
    with pytest.raises(Unreadable):
        wire.judge(b"<html>gateway</html>")


def test_a_code_may_not_stand_in_two_classes() -> None:
    assert len(CODES) > 120
    with pytest.raises(ValueError, match="two classes"):
        by_code({Reaction.busy: (1,), Reaction.rate: (1,)})


def test_every_state_is_mapped_and_an_unknown_one_keeps_asking() -> None:
    assert set(STATES.values()) == set(ReviewState)
    assert wire.state_of(-4711) is ReviewState.reviewing
