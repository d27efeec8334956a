"""Timelines: documents follow one another, films end once and do not overtake."""

from datetime import UTC, datetime

import pytest
from msgspec import Struct

from schemas.commands.asset import ComposeAsset, PurgeAsset, RequestTranscode
from schemas.commands.timeline import (
    CreateTimeline,
    FailRender,
    RecordRender,
    RequestRender,
    SaveTimeline,
)
from schemas.events.asset import AssetComposed, AssetTrashed
from schemas.events.timeline import TimelineRendered, TimelineRenderRequested
from schemas.jobs import MediaFacts, Rendered
from schemas.timeline import Material, Timeline, Title
from streams.domain.asset_state import Asset
from unit.streams.domain.given import after, refused, when

FACTS = MediaFacts(5000, 1280, 720, 25.0, "h264")
ONE = Timeline(scenes=(Title(text="one", seconds=2.0),))
TWO = Timeline(scenes=(Title(text="two", seconds=2.0),))
CREATE = CreateTimeline("p", "夜骑", ONE)
MATERIAL = Material("a", "t/assets/a/x.mp4", "aa")
RESULT = Rendered("r1", "film", "t/assets/film/k.mp4", 9, "aa", "video/mp4", FACTS)


def told(*commands: Struct) -> tuple[Struct, ...]:
    events: tuple[Struct, ...] = ()
    for command in commands:
        event = when("timeline", command, *events)
        assert event is not None
        events = (*events, event)
    return events


def wish(render: str = "r1", number: int = 1, destination: str = "") -> RequestRender:
    return RequestRender(render, "film", number, (MATERIAL,), destination)


def test_a_document_follows_another_and_the_same_again_changes_nothing() -> None:
    events = told(CREATE, SaveTimeline("夜骑", TWO))

    assert events[1].number == 2  # type: ignore[attr-defined]
    assert when("timeline", SaveTimeline(" 夜骑 ", TWO), *events) is None
    assert when("timeline", CREATE, *events[:1]) is None
    assert refused("timeline", CREATE, *events).code == "timeline_exists"


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
def test_a_title_has_a_length(title: str) -> None:
    no = refused("timeline", CreateTimeline("p", title, ONE))
    assert (no.kind, no.pointer) == ("invalid", "/title")


def test_a_film_is_asked_for_with_the_document_it_was_checked_with() -> None:
    events = told(CREATE, SaveTimeline("夜骑", TWO))

    assert refused("timeline", wish(number=1), *events).code == "document_changed"
    asked = when("timeline", wish(number=2), *events)
    assert isinstance(asked, TimelineRenderRequested)
    assert (asked.document, asked.materials) == (TWO, (MATERIAL,))
    assert when("timeline", wish(number=2), *events, asked) is None


def test_an_empty_timeline_is_kept_and_not_rendered() -> None:
    events = told(CreateTimeline("p", "x", Timeline()))
    no = refused("timeline", wish(), *events)
    assert (no.code, no.pointer) == ("timeline_empty", "/document/scenes")


def test_one_film_at_a_time_for_a_destination() -> None:
    events = told(CREATE, wish("r1"))

    assert refused("timeline", wish("r2"), *events).code == "render_running"
    other = when("timeline", wish("r2", destination="bilibili"), *events)
    assert isinstance(other, TimelineRenderRequested)


def test_a_render_ends_once() -> None:
    events = told(CREATE, wish("r1", destination="bilibili"))
    film = when("timeline", RecordRender("j", RESULT), *events)
    assert isinstance(film, TimelineRendered)
    assert (film.project_id, film.filename, film.destination) == (
        "p",
        "夜骑.mp4",
        "bilibili",
    )

    late = FailRender("j", "r1", "c", "r")
    assert when("timeline", late, *events, film) is None
    assert when("timeline", RecordRender("j", RESULT), *events, film) is None
    again = when("timeline", wish("r2", destination="bilibili"), *events, film)
    assert again is not None
    stranger = FailRender("j", "r9", "c", "r")
    assert refused("timeline", stranger, *events).code == "render_missing"


def test_a_failed_render_makes_room_for_the_next() -> None:
    events = told(CREATE, wish("r1"), FailRender("j", "r1", "c", "r"))
    assert when("timeline", wish("r2"), *events) is not None


@pytest.mark.parametrize(
    "command", [SaveTimeline("x", ONE), wish(), RecordRender("j", RESULT)]
)
def test_nothing_can_be_wished_of_what_is_not_there(command: Struct) -> None:
    assert refused("timeline", command).kind == "missing"


COMPOSE = ComposeAsset(
    "p", "夜骑.mp4", "video/mp4", 9, "t/assets/film/k.mp4", "aa", FACTS, "tl"
)


def test_a_film_is_a_body_that_counts_at_once() -> None:
    first = when("asset", COMPOSE)
    assert isinstance(first, AssetComposed)
    assert when("asset", COMPOSE, first) is None
    second = when(
        "asset",
        ComposeAsset(
            "p", "2.mp4", "video/mp4", 9, "t/assets/film/2.mp4", "bb", FACTS, "tl"
        ),
        first,
    )
    assert isinstance(second, AssetComposed)
    asset = after("asset", first, second)
    assert isinstance(asset, Asset)
    assert (second.number, asset.current) == (2, 2)
    asked = when("asset", RequestTranscode("v", ("bilibili",)), first, second)
    assert asked is not None
    assert asked.object_key == "t/assets/film/2.mp4"  # type: ignore[attr-defined]


def test_a_film_for_an_asset_that_was_deleted_changes_nothing() -> None:
    first = when("asset", COMPOSE)
    assert first is not None
    at = datetime(2026, 1, 1, tzinfo=UTC)
    trashed = AssetTrashed(at, "asked")
    purged = when("asset", PurgeAsset(at), first, trashed)
    assert purged is not None
    assert purged.object_keys == (COMPOSE.object_key,)  # type: ignore[attr-defined]
    assert when("asset", COMPOSE, first, trashed, purged) is None
