"""Subtitles of one language: versions that follow, and what is being made."""

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands import asset as asset_wish
from schemas.commands import subtitle as wish
from schemas.events import asset as asset_fact
from schemas.events import subtitle as fact
from schemas.jobs import (
    Captioned,
    MediaFacts,
    Subtitled,
    SubtitleText,
    Transcoded,
    Usage,
)
from unit.streams.domain.given import after, refused, when

TEXT = SubtitleText("en", "t/subtitles/a/en-1.json", "11", 3, "asr", "high", 1)
FIRST, SECOND = replace(TEXT, number=1), replace(TEXT, sha256="22", number=2)
ASKED = fact.SubtitleRequested("a", "en", "asr", "t/assets/a/x.mp4", "aa")
REQUEST = wish.RequestSubtitle("a", "en", "asr", "t/assets/a/x.mp4", "aa")
MADE = fact.SubtitleMade("a", FIRST, "j1", "openai", "whisper-1")
FOUND = wish.RecordSubtitle("j1", Subtitled(TEXT, "openai", "whisper-1"))
EDIT = replace(TEXT, sha256="22", source="edit")
EDITED = fact.SubtitleEdited("a", replace(EDIT, number=2))


def test_what_was_asked_for_is_made_once() -> None:
    assert when("subtitle", REQUEST) == ASKED
    assert when("subtitle", REQUEST, ASKED) is None
    assert when("subtitle", FOUND, ASKED) == MADE
    assert when("subtitle", FOUND, ASKED, MADE) is None


def test_another_wish_waits_for_the_first_to_end() -> None:
    other = replace(REQUEST, source="script", script_key="k", script_sha256="s")

    assert refused("subtitle", other, ASKED).code == "subtitle_in_work"
    assert when("subtitle", other, ASKED, MADE) is not None


def test_an_old_result_is_not_taken_for_a_new_one() -> None:
    before = (ASKED, MADE, ASKED)

    assert when("subtitle", FOUND, *before) is None
    assert when("subtitle", wish.FailSubtitle("j1", "c", "r"), *before) is None
    later = when("subtitle", replace(FOUND, job_id="j2"), *before)
    assert later == replace(MADE, job_id="j2", text=replace(TEXT, number=2))


def test_nobody_asked_for_this_result() -> None:
    assert when("subtitle", FOUND) is None


def test_a_failure_leaves_what_was_there() -> None:
    failed = fact.SubtitleFailed("a", "en", "j2", "no_speech", "silence")
    no = wish.FailSubtitle("j2", "no_speech", "silence")

    assert when("subtitle", no, ASKED, MADE, ASKED) == failed
    assert when("subtitle", no, ASKED, MADE, ASKED, failed) is None
    assert when("subtitle", REQUEST, ASKED, MADE, ASKED, failed) == ASKED
    state = after("subtitle", ASKED, MADE, ASKED, failed)
    assert state.current == 1  # type: ignore[attr-defined]


def test_an_edit_is_the_next_version_and_the_same_words_are_none() -> None:
    put = wish.PutSubtitle("a", EDIT)

    assert when("subtitle", put, ASKED, MADE) == EDITED
    assert when("subtitle", put, ASKED, MADE, EDITED) is None
    assert refused("subtitle", put).kind == "missing"


def test_an_upload_needs_nothing_before_it() -> None:
    text = replace(TEXT, source="upload", confidence="exact")
    made = fact.SubtitleMade("a", replace(text, number=1))

    assert when("subtitle", wish.PutSubtitle("a", text)) == made


def test_an_upload_while_something_is_made_leaves_that_alone() -> None:
    uploaded = fact.SubtitleMade("a", replace(FIRST, source="upload"))

    found = when("subtitle", FOUND, ASKED, uploaded)

    assert isinstance(found, fact.SubtitleMade)
    assert found.text.number == 2


def test_a_translation_says_what_it_is_of() -> None:
    asked = fact.SubtitleRequested("a", "en", "translation", of=FIRST)
    usage = Usage(1, 2, "0.1", "CNY")
    text = replace(TEXT, source="translation")
    found = wish.RecordSubtitle("j1", Subtitled(text, "p", "m", usage))

    assert when("subtitle", found, asked) == fact.SubtitleTranslated(
        "a", replace(text, number=1), FIRST, "j1", "p", "m", usage
    )


def test_an_earlier_version_counts_again() -> None:
    before = (ASKED, MADE, EDITED)

    assert when("subtitle", wish.ChooseSubtitle(1), *before) == fact.SubtitleChosen(
        "a", FIRST
    )
    assert when("subtitle", wish.ChooseSubtitle(2), *before) is None
    assert refused("subtitle", wish.ChooseSubtitle(3), *before).kind == "missing"
    assert refused("subtitle", wish.ChooseSubtitle(0), *before).kind == "missing"


def test_versions_have_an_end() -> None:
    many = [
        fact.SubtitleMade("a", replace(TEXT, sha256=str(n), number=n))
        for n in range(1, 501)
    ]

    assert refused("subtitle", REQUEST, *many).code == "too_many_versions"


FACTS = MediaFacts(1000, 640, 360, 25.0, "h264")
VIDEO = Transcoded("v", "m.mp4", "h.m3u8", "c", FACTS, (), 1.0)
READY: tuple[Struct, ...] = (
    asset_fact.AssetPresigned("p", "a.mp4", "video/mp4", 10, "t/assets/1/a.mp4", "aa"),
    asset_fact.AssetUploaded("t/assets/1/a.mp4", 10, "aa", "video/mp4"),
    asset_fact.AssetProbed("j", FACTS),
    asset_fact.TranscodeRequested("v", (), "t/assets/1/a.mp4", "aa"),
)
DONE = asset_fact.AssetTranscoded("j", "v", "m.mp4", "h.m3u8", "c", FACTS, (), 1.0)
WANTED = asset_fact.CaptionsRequested("v", "m.mp4", "h.m3u8", (FIRST,))
SHOWN = asset_fact.AssetCaptioned("j", "v", "m2.mp4", "h2.m3u8", (FIRST,))
PUT_THERE = asset_wish.RecordCaptions(
    "j", Captioned("v", "m2.mp4", "h2.m3u8", (FIRST,))
)


def test_words_go_beside_the_picture_as_it_was_made() -> None:
    asked = asset_wish.RequestCaptions("v", (FIRST,))

    assert when("asset", asked, *READY, DONE) == WANTED
    assert when("asset", asked, *READY, DONE, WANTED) is None
    assert when("asset", PUT_THERE, *READY, DONE, WANTED) == SHOWN
    assert when("asset", PUT_THERE, *READY, DONE, WANTED, SHOWN) is None
    again = when(
        "asset", asset_wish.RequestCaptions("v", ()), *READY, DONE, WANTED, SHOWN
    )
    assert again == asset_fact.CaptionsRequested("v", "m.mp4", "h.m3u8", ())


def test_words_need_a_finished_video_and_each_language_once() -> None:
    asked = asset_wish.RequestCaptions("v", (FIRST,))
    twice = asset_wish.RequestCaptions("v", (FIRST, SECOND))

    assert refused("asset", asked, *READY).code == "video_not_ready"
    assert refused("asset", twice, *READY, DONE).code == "languages"
    assert (
        refused("asset", asset_wish.RequestCaptions("x", ()), *READY).kind == "missing"
    )


def test_what_was_overtaken_changes_nothing() -> None:
    newer = asset_fact.CaptionsRequested("v", "m.mp4", "h.m3u8", (SECOND,))
    no = asset_wish.FailCaptions("j", "v", (FIRST,), "c", "r")

    assert when("asset", PUT_THERE, *READY, DONE, WANTED, newer) is None
    assert when("asset", no, *READY, DONE, WANTED, newer) is None
    assert when("asset", no, *READY, DONE, WANTED) == asset_fact.CaptionsFailed(
        "j", "v", "c", "r"
    )


def test_an_old_failure_does_not_end_the_same_wish_made_again() -> None:
    no = asset_wish.FailCaptions("j", "v", (FIRST,), "c", "r")
    failed = asset_fact.CaptionsFailed("j", "v", "c", "r")

    assert when("asset", no, *READY, DONE, WANTED, failed, WANTED) is None


def test_words_that_come_after_the_end_are_cleared_away() -> None:
    purged = asset_fact.AssetPurged(("t/assets/1/a.mp4",), ("v",))

    found = when("asset", PUT_THERE, *READY, DONE, WANTED, purged)

    assert isinstance(found, asset_fact.CaptionsFailed)
    assert found.code == "asset_purged"


def test_words_for_the_picture_travel_with_the_wish() -> None:
    asked = asset_wish.RequestTranscode("w", ("360p",), burn=FIRST)

    found = when("asset", asked, *READY)

    assert isinstance(found, asset_fact.TranscodeRequested)
    assert found.burn == FIRST
