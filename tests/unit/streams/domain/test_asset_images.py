"""Pictures made of an asset, and which one stands for a video."""

import pytest
from msgspec import Struct

from schemas.commands import asset as wish
from schemas.events import asset as fact
from schemas.jobs import Cover, Evidence, MediaFacts
from schemas.pictures import Imaged, Picture, PictureWish
from streams.domain.asset_images import covers_id
from unit.streams.domain.given import refused, when

FILM = MediaFacts(5000, 1280, 720, 30.0, "h264")
STILL = MediaFacts(0, 800, 600, 0.0, "png", kind="image")
OPENED = (
    fact.AssetPresigned("p", "a", "video/mp4", 10, "t/assets/1/a", "aa"),
    fact.AssetUploaded("t/assets/1/a", 10, "aa", "video/mp4"),
)
PICTURE = (*OPENED, fact.AssetProbed("j", STILL))
COVERS = (Cover("t/videos/v/c0.jpg", 1.0), Cover("t/videos/v/c1.jpg", 2.0))
VIDEO = (
    *OPENED,
    fact.AssetProbed("j", FILM),
    fact.TranscodeRequested("v", (), "t/assets/1/a", "aa"),
    fact.AssetTranscoded(
        "j", "v", "t/videos/v/m.mp4", "h", COVERS[0].key, FILM, (), 5.0, COVERS
    ),
)
WISH = (PictureWish(),)
MADE = (Picture("t/images/i/p.jpg", 4, 3, 99, "bb", "image/jpeg"),)
OWN = wish.RequestImages(
    "i",
    (),
    video_id="v",
    picture_key="t/assets/2/b.png",
    picture_sha256="cc",
    evidence=(Evidence("asset.probed", "e", 3),),
)


def asked(command: wish.RequestImages, *events: Struct) -> fact.ImagesRequested:
    found = when("asset", command, *events)
    assert isinstance(found, fact.ImagesRequested)
    return found


def test_pictures_of_a_picture_are_made_of_the_body_that_counts() -> None:
    command = wish.RequestImages("i", WISH)
    event = asked(command, *PICTURE)

    assert (event.object_key, event.sha256) == ("t/assets/1/a", "aa")
    assert when("asset", command, *PICTURE, event) is None


def test_pictures_of_a_video_are_made_of_its_cover_or_of_its_film() -> None:
    cover = asked(wish.RequestImages("i", WISH, "v"), *VIDEO)
    moments = asked(wish.RequestImages("i", WISH, "v", (1.0, 2.0)), *VIDEO)
    other = fact.CoverChosen("v", COVERS[1].key)

    assert (cover.object_key, cover.sha256) == (COVERS[0].key, "")
    assert (moments.object_key, moments.at) == ("t/videos/v/m.mp4", (1.0, 2.0))
    later = asked(wish.RequestImages("i", WISH, "v"), *VIDEO, other)
    assert later.object_key == COVERS[1].key


@pytest.mark.parametrize(
    ("command", "events", "code"),
    [
        (wish.RequestImages("i", WISH), VIDEO, "no_picture"),
        (wish.RequestImages("i", WISH), OPENED, "not_ready"),
        (wish.RequestImages("i", WISH), OPENED[:1], "not_ready"),
        (wish.RequestImages("i", WISH, "v"), PICTURE, "video_missing"),
        (wish.RequestImages("i", WISH, "v"), VIDEO[:-1], "video_missing"),
        (wish.RequestImages("i", WISH * 21), PICTURE, "too_many"),
        (wish.RequestImages("i", WISH, "v", (1.0,) * 51), VIDEO, "too_many"),
    ],
)
def test_what_cannot_be_made_is_refused(
    command: wish.RequestImages, events: tuple[Struct, ...], code: str
) -> None:
    assert refused("asset", command, *events).code == code


def test_a_set_ends_once() -> None:
    event = asked(wish.RequestImages("i", WISH), *PICTURE)
    done = wish.RecordImages("j", Imaged("i", MADE))
    made = when("asset", done, *PICTURE, event)

    assert made == fact.ImagesMade("j", "i", MADE)
    assert when("asset", done, *PICTURE, event, made) is None
    failed = wish.FailImages("j", "i", "not_a_picture", "broken")
    assert when("asset", failed, *PICTURE, event, made) is None
    assert when("asset", failed, *PICTURE, event) == fact.ImagesFailed(
        "j", "i", "not_a_picture", "broken"
    )
    assert refused("asset", done, *PICTURE).kind == "missing"


def test_the_covers_of_a_video_are_a_set_that_nobody_asked_for() -> None:
    first = covers_id("v", COVERS[0].key)
    second = covers_id("v", COVERS[1].key)
    done = wish.RecordImages("j", Imaged(second, MADE, "v"))
    chosen = fact.CoverChosen("v", COVERS[1].key)

    assert when("asset", wish.RecordImages("j", Imaged(first, MADE, "v")), *VIDEO)
    assert refused("asset", done, *VIDEO).kind == "missing"
    assert when("asset", done, *VIDEO, chosen) == fact.ImagesMade(
        "j", second, MADE, "v"
    )


def test_a_cover_of_ones_own_stands_for_the_video_once_it_is_made() -> None:
    event = asked(OWN, *VIDEO)
    done = wish.RecordImages("j", Imaged("i", MADE, "v", MADE[0].key))
    made = when("asset", done, *VIDEO, event)

    assert event.cover
    assert (event.object_key, event.sha256) == ("t/assets/2/b.png", "cc")
    assert made == fact.ImagesMade("j", "i", MADE, "v", MADE[0].key)
    again = wish.RequestImages("k", WISH, "v")
    assert asked(again, *VIDEO, event, made).object_key == MADE[0].key
    back = wish.ChooseCover("v", COVERS[0].key)
    assert when("asset", back, *VIDEO, event, made) == fact.CoverChosen(
        "v", COVERS[0].key
    )


def test_a_cover_of_ones_own_does_not_undo_a_later_choice() -> None:
    event = asked(OWN, *VIDEO)
    chosen = fact.CoverChosen("v", COVERS[1].key)
    done = wish.RecordImages("j", Imaged("i", MADE, "v", MADE[0].key))

    made = when("asset", done, *VIDEO, event, chosen)

    assert made == fact.ImagesMade("j", "i", MADE, "v", "")


def test_pictures_of_a_deleted_asset_go_with_it() -> None:
    event = asked(wish.RequestImages("i", WISH), *PICTURE)
    gone = fact.AssetPurged(("t/assets/1/a",), (), ("i",))
    done = wish.RecordImages("j", Imaged("i", MADE))

    late = when("asset", done, *PICTURE, event, gone)

    assert isinstance(late, fact.ImagesFailed)
    assert late.code == "asset_purged"
