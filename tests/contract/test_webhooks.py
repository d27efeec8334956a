"""Webhooks of the stand-ins arrive signed, are proven, repeated and told apart."""

import queue
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import ReviewState
from connectors.stage import WEBHOOK_ATTEMPTS, Script
from tests.contract.connector_stage import ARRIVAL_SECONDS, Scene, post, scene, script

PLATFORMS = registry.platforms()


@asynccontextmanager
async def published(
    platform: str, folder: Path, orders: Script | None = None, *, busy: int = 0
) -> AsyncIterator[tuple[Scene, str, str]]:
    """A scene with one item on its way: (scene, item id, share id)."""
    with scene(platform, folder, orders) as made:
        made.inbox.busy = busy
        share_id = ""
        if made.connector.mode == "direct":
            item_id = await made.publish(post(folder))
        else:
            handed = await made.hands_off.hand_off(post(folder), made.account)
            item_id = made.confirm(handed.link).json()["itemId"]
            share_id = handed.share_id
        yield made, item_id, share_id
        await made.connector.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_news_of_an_item_arrives_and_is_proven(
    tmp_path: Path, platform: str
) -> None:
    async with published(platform, tmp_path) as (made, item_id, share_id):
        told = made.inbox.accepted.get(timeout=ARRIVAL_SECONDS)

        assert (told.item_id, told.share_id) == (item_id, share_id)
        assert told.open_id == made.account.open_id
        assert told.state in {ReviewState.published, ReviewState.reviewing}
        assert made.inbox.refused.empty()


async def test_a_rejection_arrives_with_the_platforms_reason(tmp_path: Path) -> None:
    orders = script('"review":"rejected"')
    async with published("bilibili", tmp_path, orders) as (made, item_id, _):
        told = made.inbox.accepted.get(timeout=ARRIVAL_SECONDS)

        assert (told.event, told.item_id) == ("video_fail", item_id)
        assert (told.state, told.code) == (ReviewState.rejected, "-2")
        assert told.reason == "稿件内容不符合社区规范"


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_forged_signature_is_refused_each_time(
    tmp_path: Path, platform: str
) -> None:
    orders = script('"webhook":"bad_signature"')
    async with published(platform, tmp_path, orders) as (made, _, _):
        for _attempt in range(WEBHOOK_ATTEMPTS):
            refused = made.inbox.refused.get(timeout=ARRIVAL_SECONDS)
            assert refused.remedy

        assert made.inbox.accepted.empty()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_repeated_message_keeps_its_id(tmp_path: Path, platform: str) -> None:
    orders = script('"webhook":"twice"')
    async with published(platform, tmp_path, orders) as (made, _, _):
        first = made.inbox.accepted.get(timeout=ARRIVAL_SECONDS)
        second = made.inbox.accepted.get(timeout=ARRIVAL_SECONDS)

        assert first == second
        assert len(made.inbox.ids) == 2
        assert len(set(made.inbox.ids)) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_an_unacknowledged_message_is_sent_again(
    tmp_path: Path, platform: str
) -> None:
    async with published(platform, tmp_path, busy=2) as (made, item_id, _):
        told = made.inbox.accepted.get(timeout=ARRIVAL_SECONDS)

        assert told.item_id == item_id
        assert len(made.inbox.ids) == 3
        assert len(set(made.inbox.ids)) == 1


async def test_a_silent_platform_still_answers_a_question(tmp_path: Path) -> None:
    orders = script('"webhook":"none"')
    async with published("bilibili", tmp_path, orders) as (made, item_id, _):
        found = await made.connector.review(item_id, made.account)
        while found.state is ReviewState.reviewing:
            found = await made.connector.review(item_id, made.account)

        assert found.state is ReviewState.published
        with pytest.raises(queue.Empty):
            made.inbox.accepted.get(timeout=0.2)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_address_proves_itself_at_set_up(
    tmp_path: Path, platform: str
) -> None:
    with scene(platform, tmp_path) as made:
        assert made.challenge() == {"ok": True}
        await made.connector.close()
