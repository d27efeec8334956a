"""One rendition made again: one thing at a time, and the rest of the video stays."""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands import asset as wish
from schemas.events import asset as fact
from schemas.jobs import (
    Captioned,
    MediaFacts,
    Remade,
    Rendition,
    SubtitleText,
    TranscodeInput,
)
from unit.streams.domain.given import refused, when

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = MediaFacts(1000, 1280, 720, 25.0, "h264")
BOTH = (Rendition("720p", 1280, 720, 9), Rendition("480p", 854, 480, 5))
OPENED: tuple[Struct, ...] = (
    fact.AssetPresigned("p", "a.mp4", "video/mp4", 10, "t/assets/1/a.mp4", "aa"),
    fact.AssetUploaded("t/assets/1/a.mp4", 10, "aa", "video/mp4"),
    fact.AssetProbed("j", FACTS),
)
ASKED = fact.TranscodeRequested("v", ("720p", "480p"), "k", "aa", ("nvenc",))
DONE = fact.AssetTranscoded("j", "v", "m.mp4", "h.m3u8", "c", FACTS, BOTH, 1.0)
READY = (*OPENED, ASKED, DONE)
WISH = wish.RequestRendition("v", "480p")
WANTED = fact.RenditionRequested(
    "v",
    "480p",
    TranscodeInput("v", "k", "aa", ("720p", "480p"), ("nvenc",)),
    "m.mp4",
    "h.m3u8",
    "m.mp4",
    "h.m3u8",
    BOTH,
    needs=("nvenc",),
    project_id="p",
)
FILES = ("m2.mp4", "h2.m3u8", "m3.mp4", "h3.m3u8")
RESULT = Remade("v", "480p", *FILES, ("480p.mp4",), FACTS)
FOUND = wish.RecordRendition("j2", RESULT)
MADE = fact.RenditionRemade("j2", "v", "480p", *FILES, FACTS)
FAILED = fact.RenditionFailed("j2", "v", "480p", "c", "r")
TEXT = SubtitleText("en", "k", "h", 1, "upload")
WORDS = fact.CaptionsRequested("v", "m.mp4", "h.m3u8", (TEXT,))
WORDED = fact.AssetCaptioned("j1", "v", "mw.mp4", "hw.m3u8", (TEXT,))


def test_a_rendition_is_made_again_as_the_video_was_wished_for() -> None:
    assert when("asset", WISH, *READY) == WANTED
    assert when("asset", FOUND, *READY, WANTED) == MADE
    assert when("asset", FOUND, *READY, WANTED, MADE) is None


def test_the_next_one_begins_with_the_new_files() -> None:
    again = when("asset", wish.RequestRendition("v", "720p"), *READY, WANTED, MADE)

    assert isinstance(again, fact.RenditionRequested)
    assert (again.mp4_key, again.hls_key) == ("m2.mp4", "h2.m3u8")
    assert (again.shown_mp4, again.shown_hls) == ("m3.mp4", "h3.m3u8")
    words = when("asset", wish.RequestCaptions("v", (TEXT,)), *READY, WANTED, MADE)
    assert words == replace(WORDS, mp4_key="m2.mp4", hls_key="h2.m3u8")


def test_words_beside_the_picture_stay() -> None:
    found = when("asset", WISH, *READY, WORDS, WORDED)

    assert isinstance(found, fact.RenditionRequested)
    assert found.texts == (TEXT,)
    assert (found.mp4_key, found.shown_mp4) == ("m.mp4", "mw.mp4")
    assert (found.hls_key, found.shown_hls) == ("h.m3u8", "hw.m3u8")


def test_only_what_the_video_has_is_made_again() -> None:
    no = refused("asset", wish.RequestRendition("v", "4k"), *READY)

    assert (no.kind, no.code, no.pointer) == ("invalid", "no_such_rendition", "/name")
    assert "720p or 480p" in no.detail
    assert (
        refused("asset", wish.RequestRendition("x", "480p"), *READY).kind == "missing"
    )


def test_only_of_a_finished_video() -> None:
    failed = fact.TranscodeFailed("j", "v", "c", "r")
    early = refused("asset", WISH, *OPENED, ASKED)
    never = refused("asset", WISH, *OPENED, ASKED, failed)

    assert early.code == never.code == "video_not_ready"
    assert early.detail.startswith("Wait until")
    assert "POST /media/jobs" in never.detail


def test_one_thing_at_a_time_is_made_of_its_files() -> None:
    other = wish.RequestRendition("v", "720p")
    words = wish.RequestCaptions("v", (TEXT,))

    for asked in (WISH, other, words):
        assert refused("asset", asked, *READY, WANTED).code == "video_in_work"
    assert refused("asset", WISH, *READY, WORDS).code == "video_in_work"
    assert when("asset", WISH, *READY, WORDS, WORDED) is not None
    assert when("asset", other, *READY, WANTED, FAILED) is not None


def test_a_failure_leaves_the_video_as_it_was() -> None:
    no = wish.FailRendition("j2", "v", "480p", "c", "r")

    assert when("asset", no, *READY, WANTED) == FAILED
    assert when("asset", no, *READY, WANTED, FAILED) is None
    assert when("asset", FOUND, *READY, WANTED, FAILED) is None
    # The same wish again: what was told of the first does not end the second.
    assert when("asset", no, *READY, WANTED, FAILED, WANTED) is None
    assert when("asset", WISH, *READY, WANTED, FAILED) == WANTED


def test_what_nobody_asked_for_changes_nothing() -> None:
    assert when("asset", FOUND, *READY) is None
    assert when("asset", wish.FailRendition("j", "x", "480p", "c", "r"), *READY) is None
    late = wish.RecordCaptions("j1", Captioned("v", "x", "y", (TEXT,)))
    assert when("asset", late, *READY, WORDS, WORDED, WANTED) is None


def test_of_what_is_deleted_or_in_the_trash_nothing_is_made_again() -> None:
    trashed = when("asset", wish.TrashAsset(BEGAN), *READY)
    assert trashed is not None
    purged = fact.AssetPurged(("t/assets/1/a.mp4",), ("v",))

    assert refused("asset", WISH, *READY, trashed).code == "asset_trashed"
    no = refused("asset", WISH, *READY, trashed, purged)
    assert (no.kind, no.code) == ("missing", "asset_purged")
    assert "upload the file again" in no.detail


def test_files_that_come_after_the_end_are_cleared_away() -> None:
    purged = fact.AssetPurged(("t/assets/1/a.mp4",), ("v",))

    found = when("asset", FOUND, *READY, WANTED, purged)

    assert isinstance(found, fact.RenditionFailed)
    assert found.code == "asset_purged"
