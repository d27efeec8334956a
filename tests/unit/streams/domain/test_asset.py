"""The life of an asset: bodies that follow each other, the trash, and what holds it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace

from schemas.bodies import StoredBody
from schemas.commands import asset as wish
from schemas.events import asset as fact
from schemas.jobs import Cover, MediaFacts, Transcoded
from unit.streams.domain.given import after, refused, when

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FACTS = MediaFacts(1000, 640, 360, 25.0, "h264")
FIRST = fact.AssetPresigned("p", "a.mp4", "video/mp4", 10, "t/assets/1/a.mp4", "aa")
UPLOADED = fact.AssetUploaded("t/assets/1/a.mp4", 10, "aa", "video/mp4")
PROBED = fact.AssetProbed("j1", FACTS)
READY = (FIRST, UPLOADED, PROBED)
SECOND = fact.AssetVersionPresigned(2, "b.mp4", "video/mp4", 20, "t/assets/1/b.mp4")
LATER = fact.AssetUploaded(
    "t/assets/1/b.mp4", 20, "bb", "video/mp4", (), 2, "b.mp4", project_id="p"
)
SECOND_BODY = StoredBody("t/assets/1/b.mp4", 20, "bb", "video/mp4", "b.mp4")
FIRST_BODY = StoredBody("t/assets/1/a.mp4", 10, "aa", "video/mp4")
TRASHED = fact.AssetTrashed(NOW, "asked")
PURGED = fact.AssetPurged(("t/assets/1/a.mp4",), ("v",))
ASKED = fact.TranscodeRequested("v", (), "t/assets/1/a.mp4", "aa")
VIDEO = Transcoded("v", "m", "h", "c", FACTS, (), 1.0)


def given(*events: Struct) -> tuple[Struct, ...]:
    return (*READY, *events)


def test_a_later_body_gets_the_next_number() -> None:
    command = wish.PresignVersion("b.mp4", "video/mp4", 20, "t/assets/1/b.mp4")

    assert when("asset", command, *READY) == SECOND
    assert refused("asset", command, FIRST).code == "upload_open"


def test_a_later_body_counts_once_it_is_usable() -> None:
    arrived = wish.CompleteUpload(20, "bb", "video/mp4")
    asked = wish.RequestTranscode("v", ())

    assert when("asset", arrived, *given(SECOND)) == LATER
    before = when("asset", asked, *given(SECOND, LATER))
    usable = when("asset", wish.RecordProbe("j2", FACTS, 2), *given(SECOND, LATER))
    assert usable == fact.AssetProbed("j2", FACTS, 2, SECOND_BODY)
    then = when("asset", asked, *given(SECOND, LATER, usable))

    assert isinstance(before, fact.TranscodeRequested)
    assert isinstance(then, fact.TranscodeRequested)
    assert (before.sha256, then.sha256) == ("aa", "bb")


def test_a_refused_body_leaves_the_old_one_in_its_place() -> None:
    no = fact.AssetRefused("j2", "not_decodable", "broken", 2)
    asked = wish.RequestTranscode("v", ())

    made = when("asset", asked, *given(SECOND, LATER, no))
    assert isinstance(made, fact.TranscodeRequested)
    assert made.sha256 == "aa"
    choice = wish.ChooseVersion(2)
    assert refused("asset", choice, *given(SECOND, LATER, no)).pointer == "/number"


def test_an_earlier_body_may_count_again() -> None:
    usable = fact.AssetProbed("j2", FACTS, 2, SECOND_BODY)
    events = given(SECOND, LATER, usable)

    chosen = when("asset", wish.ChooseVersion(1), *events)
    assert chosen == fact.AssetVersionChosen(1, FACTS, FIRST_BODY)
    assert when("asset", wish.ChooseVersion(1), *events, chosen) is None
    assert refused("asset", wish.ChooseVersion(3), *events).kind == "missing"


def test_the_same_bytes_twice_change_nothing_and_others_are_refused() -> None:
    again = wish.CompleteUpload(10, "aa", "video/mp4")
    other = wish.CompleteUpload(10, "cc", "video/mp4")

    assert when("asset", again, *READY) is None
    assert refused("asset", other, *READY).code == "asset_exists"


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (wish.DescribeAsset(title="x" * 201), "/title"),
        (wish.DescribeAsset(tags=("ok", "x" * 51)), "/tags/1"),
        (wish.DescribeAsset(tags=("x",) * 51), "/tags"),
        (wish.DescribeAsset(folder="a/../b"), "/folder"),
        (wish.DescribeAsset(folder="/".join(["x" * 49] * 9)), "/folder"),
    ],
)
def test_a_wrong_description_names_its_field(
    command: wish.DescribeAsset, pointer: str
) -> None:
    assert refused("asset", command, *READY).pointer == pointer


def test_a_description_is_tidied() -> None:
    command = wish.DescribeAsset(
        "  Night   ride ", ("#骑行", "骑行", " ", "night"), ("＃夜",), "/raw//2026/"
    )

    told = fact.AssetDescribed("Night ride", ("骑行", "night"), ("夜",), "raw/2026")
    assert when("asset", command, *READY) == told
    assert when("asset", command, *given(told)) is None


def test_what_lies_in_the_trash_takes_no_new_work_and_comes_back() -> None:
    asked = wish.RequestTranscode("v", ())

    assert refused("asset", asked, *given(TRASHED)).code == "asset_trashed"
    assert when("asset", wish.RestoreAsset(), *given(TRASHED)) == fact.AssetRestored()
    assert when("asset", wish.RestoreAsset(), *READY) is None
    assert when("asset", asked, *given(TRASHED, fact.AssetRestored())) is not None


def test_its_time_is_up_only_at_the_time_that_holds() -> None:
    until, later = fact.AssetRetained(NOW), fact.AssetRetained(NOW + timedelta(days=1))
    expired = wish.TrashAsset(purge_at=NOW, expired=NOW)

    assert when("asset", expired, *given(until)) == fact.AssetTrashed(NOW, "expired")
    assert when("asset", expired, *given(until, later)) is None
    assert when("asset", expired, *given(until, TRASHED, fact.AssetRestored())) is None


def test_bodies_go_only_at_the_instant_the_trash_said() -> None:
    purge = wish.PurgeAsset(at=NOW)
    other = wish.PurgeAsset(at=NOW - timedelta(days=1))

    assert when("asset", purge, *given(ASKED, TRASHED)) == PURGED
    assert when("asset", other, *given(TRASHED)) is None
    assert when("asset", purge, *given(TRASHED, fact.AssetRestored())) is None
    assert when("asset", purge, *READY) is None


def test_after_the_end_a_late_video_is_given_up() -> None:
    events = given(ASKED, TRASHED, PURGED)

    failed = when("asset", wish.RecordTranscode("j", VIDEO), *events)
    assert isinstance(failed, fact.TranscodeFailed)
    assert failed.code == "asset_purged"
    assert refused("asset", wish.RestoreAsset(), *events).kind == "missing"
    assert refused("asset", wish.DescribeAsset("x"), *events).kind == "missing"
    assert when("asset", wish.RecordProbe("j", FACTS), *events) is None


def test_every_body_is_remembered() -> None:
    found = after("asset", *given(SECOND, LATER))

    assert [each.uploaded for each in found.bodies] == [UPLOADED, LATER]  # type: ignore[attr-defined]


def test_one_of_the_videos_own_pictures_stands_for_it() -> None:
    covers = (Cover("c", 0.0), Cover("d", 2.0))
    made = fact.AssetTranscoded("j", "v", "m", "h", "c", FACTS, (), 1.0, covers)
    finished = given(ASKED, made)

    chosen = when("asset", wish.ChooseCover("v", "d"), *finished)

    assert chosen == fact.CoverChosen("v", "d")
    assert when("asset", wish.ChooseCover("v", "c"), *finished) is None
    assert when("asset", wish.ChooseCover("v", "d"), *finished, chosen) is None
    assert when("asset", wish.ChooseCover("v", "c"), *finished, chosen) is not None
    assert refused("asset", wish.ChooseCover("v", "x"), *finished).code == (
        "no_such_cover"
    )
    assert refused("asset", wish.ChooseCover("v", "c"), *given(ASKED)).code == (
        "video_missing"
    )


def test_work_on_an_asset_is_put_down_to_its_project_and_names_its_needs() -> None:
    asked = when("asset", wish.RequestTranscode("v", (), ("nvenc",)), *READY)

    assert isinstance(asked, fact.TranscodeRequested)
    assert (asked.project_id, asked.needs) == ("p", ("nvenc",))


WAITED = replace(FIRST, until=NOW)
AGAIN = replace(SECOND, until=NOW)
GIVEN_UP = fact.AssetUploadAbandoned((1,), (FIRST.object_key,))
TOO_LATE = wish.AbandonUpload(NOW)


def test_what_was_not_sent_in_time_is_given_up() -> None:
    assert when("asset", TOO_LATE, WAITED) == GIVEN_UP
    assert when("asset", TOO_LATE, WAITED, GIVEN_UP) is None
    arrived = wish.CompleteUpload(10, "aa", "video/mp4")
    assert refused("asset", arrived, WAITED, GIVEN_UP).code == "upload_abandoned"


def test_what_has_arrived_or_may_still_arrive_is_not_given_up() -> None:
    before = wish.AbandonUpload(NOW - timedelta(seconds=1))

    assert when("asset", before, WAITED) is None
    assert when("asset", TOO_LATE, FIRST) is None
    assert when("asset", TOO_LATE, WAITED, UPLOADED) is None


def test_a_later_body_is_given_up_alone_also_in_the_trash() -> None:
    gone = fact.AssetUploadAbandoned((2,), (SECOND.object_key,))

    assert when("asset", TOO_LATE, *given(AGAIN)) == gone
    assert when("asset", TOO_LATE, *given(AGAIN, TRASHED)) == gone
    assert when("asset", TOO_LATE, *given(AGAIN, TRASHED, PURGED)) is None
    asked = wish.RequestTranscode("v", ())
    assert isinstance(
        when("asset", asked, *given(AGAIN, gone)), fact.TranscodeRequested
    )


def test_the_same_announcement_later_is_the_same() -> None:
    command = wish.PresignAsset(
        "p", "a.mp4", "video/mp4", 10, "t/assets/1/a.mp4", "aa", "", NOW
    )

    assert when("asset", command) == WAITED
    assert when("asset", replace(command, until=NOW + DAY), WAITED) is None
