"""Four bugs of the watch path, planted one by one: each is seen by a test of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

import pytest

from api.channel import Change, Channel, Entry, Follower
from api.parts import Vector
from unit.api import test_channel as told

JOIN = Follower.join


def joins_where_the_channel_stands_now(
    self: Follower, seen: Vector, _number: int
) -> None:
    JOIN(self, seen, self.channel.next)


def sends_again_what_it_has_seen(
    _self: Follower, found: list[Entry], _seen: Vector, _now: datetime
) -> Iterator[Entry]:
    yield from found


def forgets_too_early_what_it_has_seen(self: Follower) -> None:
    self.seen = None


def forgets_what_it_was_told_before_it_opened(
    self: Channel, at: Vector
) -> list[Change]:
    self.at = dict(at)
    return []


@pytest.mark.parametrize(
    ("where", "name", "bug", "scene"),
    [
        (
            Follower,
            "join",
            joins_where_the_channel_stands_now,
            told.test_what_comes_while_an_answer_is_on_its_way_is_not_missed,
        ),
        (
            Follower,
            "_own",
            sends_again_what_it_has_seen,
            told.test_who_has_seen_more_than_the_hub_is_not_told_it_again,
        ),
        (
            Follower,
            "_leave_own",
            forgets_too_early_what_it_has_seen,
            told.test_who_has_seen_more_than_the_hub_is_not_told_it_again,
        ),
        (
            Channel,
            "open",
            forgets_what_it_was_told_before_it_opened,
            told.test_what_comes_while_a_channel_opens_is_not_missed,
        ),
    ],
)
async def test_a_planted_bug_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    where: type,
    name: str,
    bug: Callable[..., object],
    scene: Callable[[], Awaitable[None]],
) -> None:
    monkeypatch.setattr(where, name, bug)

    with pytest.raises(AssertionError):
        await asyncio.wait_for(scene(), 10)
