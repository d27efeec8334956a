"""What every connector promises, shown against the stand-ins over real HTTP."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from connectors import registry
from connectors.base import Account, AppSecrets, Prepared, Review, ReviewState
from connectors.bilibili import signing
from connectors.bilibili.routes import PART_BYTES
from connectors.errors import (
    ConnectorError,
    Frozen,
    Misconfigured,
    OutcomeUnknown,
    Reauthorise,
    Refused,
    TryLater,
)
from connectors.stage import Script
from tests.contract.connector_stage import (
    SECRETS,
    Scene,
    now,
    post,
    scene,
    script,
)

SETTLE_SECONDS = 10.0


@asynccontextmanager
async def at(
    platform: str,
    folder: Path,
    orders: Script | None = None,
    secrets: AppSecrets = SECRETS,
) -> AsyncIterator[Scene]:
    with scene(platform, folder, orders, secrets=secrets) as made:
        yield made
        await made.connector.close()


async def reviewed(made: Scene, item_id: str) -> Review:
    """Poll until the platform has made up its mind."""
    limit = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < limit:
        found = await made.connector.review(item_id, made.account)
        if found.state is not ReviewState.reviewing:
            return found
    raise AssertionError("the review never ended")


@pytest.mark.parametrize("platform", registry.platforms())
async def test_a_connector_says_what_it_is(platform: str) -> None:
    connector = registry.connector(platform, SECRETS)

    assert connector.name == platform
    assert connector.mode == registry.platform(platform).mode
    await connector.close()


async def test_a_video_goes_online_and_is_counted(tmp_path: Path) -> None:
    async with at("bilibili", tmp_path) as made:
        item_id = await made.publish(post(tmp_path))
        review = await reviewed(made, item_id)
        stats = await made.connector.stats(item_id, made.account)

        assert (review.state, review.code) == (ReviewState.published, "0")
        assert review.link.endswith(item_id)
        assert stats.views >= stats.likes >= 0
        assert [each["itemId"] for each in made.submissions()] == [item_id]


async def test_counts_grow_with_time(tmp_path: Path) -> None:
    async with at("bilibili", tmp_path) as made:
        item_id = await made.publish(post(tmp_path))
        await reviewed(made, item_id)
        limit = time.monotonic() + SETTLE_SECONDS
        views = 0
        while not views and time.monotonic() < limit:
            views = (await made.connector.stats(item_id, made.account)).views

        assert views > 0


async def test_nine_mebibytes_go_in_two_parts(tmp_path: Path) -> None:
    size = 9 * 1024 * 1024
    async with at("bilibili", tmp_path) as made:
        await made.publish(post(tmp_path, size=size))

        (found,) = made.submissions()
        assert (found["parts"], found["size"]) == (2, size)
        assert size > PART_BYTES


async def test_preparing_twice_publishes_nothing(tmp_path: Path) -> None:
    wanted = post(tmp_path)
    async with at("bilibili", tmp_path) as made:
        first = await made.direct.prepare(wanted, made.account)
        second = await made.direct.prepare(wanted, made.account)

        assert first.token != second.token
        assert made.submissions() == []


@pytest.mark.parametrize(
    ("order", "there"),
    [
        ('{"do":"drop_answer_after_accepting"}', True),
        ('{"do":"drop_before"}', False),
        ('{"do":"status","status":502}', False),
        ('{"do":"error","code":-500}', False),
    ],
)
async def test_a_lost_answer_is_unknown_and_settled_by_reading(
    tmp_path: Path, order: str, *, there: bool
) -> None:
    wanted, began = post(tmp_path), now()
    async with at("bilibili", tmp_path, script(f'"submit":[{order}]')) as made:
        with pytest.raises(OutcomeUnknown):
            await made.publish(wanted)
        found = await made.direct.look_up(wanted, made.account, began)

        submitted = [each["itemId"] for each in made.submissions()]
        assert submitted == ([found.item_id] if found else [])
        assert (found is not None) is there
        assert made.connector.conclusive


async def test_a_submit_is_never_repeated_by_itself(tmp_path: Path) -> None:
    orders = script('"submit":[{"do":"drop_answer_after_accepting"}]')
    async with at("bilibili", tmp_path, orders) as made:
        with pytest.raises(OutcomeUnknown):
            await made.publish(post(tmp_path))

        assert made.state_file.read_text().count('"submit":1') == 1


async def test_an_older_item_with_the_same_words_is_not_taken_for_ours(
    tmp_path: Path,
) -> None:
    wanted = post(tmp_path)
    async with at("bilibili", tmp_path) as made:
        await made.publish(wanted)
        later = now() + timedelta(seconds=5)

        assert await made.direct.look_up(wanted, made.account, later) is None


async def test_an_item_on_the_second_page_is_found(tmp_path: Path) -> None:
    first, began = post(tmp_path, title="the first"), now()
    async with at("bilibili", tmp_path) as made:
        item_id = await made.publish(first)
        for number in range(20):
            await made.publish(replace(first, title=f"later {number}"))

        found = await made.direct.look_up(first, made.account, began)

        assert found is not None
        assert found.item_id == item_id


async def test_a_used_upload_cannot_be_submitted_again(tmp_path: Path) -> None:
    wanted = post(tmp_path)
    async with at("bilibili", tmp_path) as made:
        prepared = await made.direct.prepare(wanted, made.account)
        await made.publish(wanted, prepared)

        with pytest.raises(TryLater) as refused:
            await made.publish(wanted, prepared)

        assert refused.value.code == "127022"
        assert len(made.submissions()) == 1


async def test_counts_survive_a_restart_of_the_stand_in(tmp_path: Path) -> None:
    orders = script('"submit":[{"do":"pass"},{"do":"error","code":127009}]')
    async with at("bilibili", tmp_path, orders) as made:
        item_id = await made.publish(post(tmp_path))
    async with at("bilibili", tmp_path, orders) as again:
        with pytest.raises(TryLater) as later:
            await again.publish(post(tmp_path))

        assert later.value.after >= timedelta(seconds=30)
        assert [each["itemId"] for each in again.submissions()] == [item_id]


async def test_a_review_interrupted_by_a_restart_still_ends(tmp_path: Path) -> None:
    slow = replace_delay(script(), 0.5)
    async with at("bilibili", tmp_path, slow) as made:
        item_id = await made.publish(post(tmp_path))
        account = made.account
    async with at("bilibili", tmp_path, slow) as again:
        again.account = account

        assert (await reviewed(again, item_id)).state is ReviewState.published


def replace_delay(orders: Script, seconds: float) -> Script:
    return Script(orders.steps, orders.review, orders.webhook, seconds, orders.pause)


async def test_a_rejection_keeps_the_platforms_words(tmp_path: Path) -> None:
    async with at("bilibili", tmp_path, script('"review":"rejected"')) as made:
        found = await reviewed(made, await made.publish(post(tmp_path)))

        assert (found.state, found.code) == (ReviewState.rejected, "-2")
        assert found.reason == "稿件内容不符合社区规范"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "字" * 80}, "4000"),
        ({"title": ""}, "4000"),
        ({"text": "字" * 250}, "4000"),
        ({"tags": ()}, "4000"),
        ({"tags": ("字" * 200,)}, "4000"),
        ({"original": False, "source": ""}, "4000"),
    ],
)
async def test_words_over_the_limits_are_refused(
    tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    wanted = replace(post(tmp_path), **changes)
    async with at("bilibili", tmp_path) as made:
        with pytest.raises(Refused) as refused:
            await made.publish(wanted)

        assert refused.value.code == code
        assert made.submissions() == []


async def test_the_longest_allowed_words_are_taken(tmp_path: Path) -> None:
    limits = registry.limits("bilibili")
    wanted = replace(
        post(tmp_path),
        title="字" * limits.title_max,
        text="字" * limits.text_max,
        tags=("字" * limits.tag_chars_max,),
    )
    async with at("bilibili", tmp_path) as made:
        assert await made.publish(wanted)


@pytest.mark.parametrize("spoil", ["category", "cover", "video"])
async def test_files_and_category_are_checked_before_the_upload(
    tmp_path: Path, spoil: str
) -> None:
    wanted = post(tmp_path)
    text = tmp_path / "cover.txt"
    text.write_text("x")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    changed = {
        "category": replace(wanted, category="99"),
        "cover": replace(wanted, cover=text),
        "video": replace(wanted, video=empty),
    }[spoil]
    async with at("bilibili", tmp_path) as made:
        with pytest.raises(Refused) as refused:
            await made.direct.prepare(changed, made.account)

        assert refused.value.code == spoil


async def test_a_wrong_secret_is_a_wrong_set_up(tmp_path: Path) -> None:
    wrong = AppSecrets(SECRETS.client_id, "another-secret")
    async with at("bilibili", tmp_path, secrets=wrong) as made:
        with pytest.raises(Misconfigured) as refused:
            await made.publish(post(tmp_path))
        assert refused.value.code == "4002"
    async with at("douyin", tmp_path, secrets=wrong) as made:
        with pytest.raises(Misconfigured) as refused:
            await made.hands_off.hand_off(post(tmp_path), made.account)
        assert refused.value.code == "10013"


@pytest.mark.parametrize("platform", registry.platforms())
async def test_an_expired_sign_in_asks_for_a_new_one(
    tmp_path: Path, platform: str
) -> None:
    async with at(platform, tmp_path) as made:
        account = made.open_account(expiresIn=-1)
        with pytest.raises(Reauthorise) as expired:
            await made.connector.review("any", account)
        with pytest.raises(Reauthorise):
            await made.connector.review("any", Account("a", "o", {}))

        assert expired.value.refreshable
        assert account.credential["access_token"] not in repr(expired.value)


@pytest.mark.parametrize("platform", registry.platforms())
async def test_an_item_of_nobody_is_refused(tmp_path: Path, platform: str) -> None:
    async with at(platform, tmp_path) as made:
        with pytest.raises(Refused):
            await made.connector.review("nobody's", made.account)


async def test_another_creators_item_is_not_shown(tmp_path: Path) -> None:
    wanted, began = post(tmp_path), now()
    async with at("bilibili", tmp_path) as made:
        item_id = await made.publish(wanted)
        stranger = made.open_account()

        with pytest.raises(Refused):
            await made.connector.review(item_id, stranger)
        assert await made.direct.look_up(wanted, stranger, began) is None


async def test_a_repeatable_call_is_repeated(tmp_path: Path) -> None:
    busy = '{"do":"drop_before"},{"do":"error","code":-500}'
    orders = script(f'"part":[{busy}],"init":[{busy}],"complete":[{busy}]')
    async with at("bilibili", tmp_path, orders) as made:
        assert await made.publish(post(tmp_path))
        assert len(made.submissions()) == 1


async def test_repeating_has_an_end(tmp_path: Path) -> None:
    broken = ",".join(['{"do":"status","status":503}'] * 3)
    async with at("bilibili", tmp_path, script(f'"init":[{broken}]')) as made:
        with pytest.raises(TryLater):
            await made.direct.prepare(post(tmp_path), made.account)


@pytest.mark.parametrize("platform", registry.platforms())
async def test_nothing_listening_means_nothing_was_sent(
    tmp_path: Path, platform: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        connector = registry.connector(platform, SECRETS, base_url=url)
        account = Account("a", "o", {"access_token": "act.0123456789"})
        with pytest.raises(TryLater):
            await connector.review("any", account)
        if connector.mode == "direct":
            prepared = some_upload()
            with pytest.raises(TryLater):
                await connector.publish(post(tmp_path), prepared, account)
        await connector.close()


def some_upload() -> Prepared:
    return Prepared("upload-token", "", "21")


async def test_an_address_that_is_none_is_a_wrong_set_up() -> None:
    connector = registry.connector("bilibili", SECRETS, base_url="gopher://x")
    account = Account("a", "o", {"access_token": "act.0123456789"})

    with pytest.raises(Misconfigured):
        await connector.stats("any", account)
    await connector.close()


def signed_get(made: Scene, **changes: str) -> dict[str, object]:
    headers = {
        **signing.sign(b"", SECRETS, now=now(), nonce="nonce-1"),
        "accept": "application/json",
        "content-type": "application/json",
        "access-token": made.account.credential["access_token"],
        **changes,
    }
    path = f"{made.url}/arcopen/fn/archive/type/list"
    answer = httpx.get(path, headers=headers).json()
    assert isinstance(answer, dict)
    return answer


async def test_the_stand_in_refuses_a_used_nonce_and_old_news(tmp_path: Path) -> None:
    async with at("bilibili", tmp_path) as made:
        old = now() - timedelta(minutes=11)
        late = signing.sign(b"", SECRETS, now=old, nonce="nonce-0")

        assert signed_get(made)["code"] == 0
        assert signed_get(made)["code"] == 4003
        assert signed_get(made, **late)["code"] == 4003


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("authorization", "0" * 64, 4002),
        ("x-bili-accesskeyid", "other", 122000),
        ("x-bili-content-md5", "0" * 32, 4003),
        ("x-bili-signature-version", "1.0", 4003),
        ("access-token", "", 127000),
        ("access-token", "act.unknown", 127001),
        ("accept", "*/*", 4003),
        ("content-type", "text/plain", 4003),
    ],
)
async def test_the_stand_in_checks_every_header(
    tmp_path: Path, header: str, value: str, code: int
) -> None:
    async with at("bilibili", tmp_path) as made:
        assert signed_get(made, **{header: value})["code"] == code


async def test_a_person_publishes_through_the_link(tmp_path: Path) -> None:
    async with at("douyin", tmp_path) as made:
        handed = await made.hands_off.hand_off(post(tmp_path), made.account)
        answer = made.confirm(handed.link)
        item_id = answer.json()["itemId"]
        review = await reviewed(made, item_id)
        stats = await made.connector.stats(item_id, made.account)

        assert answer.status_code == 201
        assert answer.json()["shareId"] == handed.share_id
        assert review.state is ReviewState.published
        assert stats.views >= 0
        (listed,) = made.submissions()
        assert listed["title"] == "五秒看懂"
        assert listed["desc"] == "一段文字，with spaces & signs +"
        assert listed["tags"] == ["日常", "教程"]


async def test_a_rejected_hand_off_is_told(tmp_path: Path) -> None:
    async with at("douyin", tmp_path, script('"review":"rejected"')) as made:
        handed = await made.hands_off.hand_off(post(tmp_path), made.account)
        item_id = made.confirm(handed.link).json()["itemId"]

        assert (await reviewed(made, item_id)).state is ReviewState.rejected


async def test_a_link_is_opened_once_and_only_unchanged(tmp_path: Path) -> None:
    async with at("douyin", tmp_path) as made:
        handed = await made.hands_off.hand_off(post(tmp_path), made.account)

        assert made.confirm(handed.link.replace("nonce_str=", "nonce_str=0")).is_error
        assert made.confirm(handed.link).is_success
        assert made.confirm(handed.link).is_error
        assert len(made.submissions()) == 1


async def test_links_share_one_token_and_one_ticket(tmp_path: Path) -> None:
    async with at("douyin", tmp_path) as made:
        first = await made.hands_off.hand_off(post(tmp_path), made.account)
        second = await made.hands_off.hand_off(post(tmp_path), made.account)

        assert first.share_id != second.share_id
        kept = made.state_file.read_text()
        assert '"client_token":1' in kept
        assert '"ticket":1' in kept


async def test_a_token_ended_by_another_process_is_fetched_again(
    tmp_path: Path,
) -> None:
    expired = '{"do":"pass"},{"do":"error","code":2190008}'
    async with at("douyin", tmp_path, script(f'"share_id":[{expired}]')) as made:
        await made.hands_off.hand_off(post(tmp_path), made.account)
        again = await made.hands_off.hand_off(post(tmp_path), made.account)

        assert made.confirm(again.link).is_success
        assert '"client_token":2' in made.state_file.read_text()


async def test_an_address_no_phone_can_fetch_is_refused(tmp_path: Path) -> None:
    wanted = replace(post(tmp_path), video_url="file:///etc/passwd")
    async with at("douyin", tmp_path) as made:
        with pytest.raises(Refused):
            await made.hands_off.hand_off(wanted, made.account)


async def test_risk_control_freezes(tmp_path: Path) -> None:
    orders = script('"video_data":[{"do":"error","code":2114005,"message":"封禁"}]')
    async with at("douyin", tmp_path, orders) as made:
        with pytest.raises(Frozen) as frozen:
            await made.connector.review("any", made.account)

        assert (frozen.value.code, frozen.value.reason) == ("2114005", "封禁")


@pytest.mark.parametrize("code", [127009, 4002, 122007, 4000, 127022])
async def test_a_clear_no_to_a_submit_is_not_unknown(tmp_path: Path, code: int) -> None:
    orders = script(f'"submit":[{{"do":"error","code":{code}}}]')
    async with at("bilibili", tmp_path, orders) as made:
        with pytest.raises(ConnectorError) as refused:
            await made.publish(post(tmp_path))

        assert not isinstance(refused.value, OutcomeUnknown)
        assert refused.value.code == str(code)


async def test_a_secret_the_platform_echoes_is_blotted_out(tmp_path: Path) -> None:
    echo = (
        f'"view":[{{"do":"error","code":127001,"message":"{SECRETS.client_secret}"}}]'
    )
    async with at("bilibili", tmp_path, script(echo)) as made:
        with pytest.raises(Reauthorise) as refused:
            await made.connector.review("any", made.account)

        assert refused.value.reason == "***"
