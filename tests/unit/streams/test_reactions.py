"""Reactions: what an event brings about, and that a repeat brings about nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from fixtures.fix_moderation import JUDGED
from schemas.commands.account import ConnectAccount
from schemas.commands.asset import (
    CompleteUpload,
    PresignAsset,
    RecordProbe,
    RecordTranscode,
    RequestCaptions,
    RequestImages,
    RequestRendition,
    RequestTranscode,
)
from schemas.commands.content import RequestCopy
from schemas.commands.job import RequestJob, StartAttempt
from schemas.commands.prompt import AddPromptVersion, CreatePrompt
from schemas.commands.publication import PlanPublication
from schemas.commands.subtitle import RequestSubtitle
from schemas.commands.timeline import CreateTimeline, RequestRender
from schemas.envelope import Envelope, Record
from schemas.events import account as account_events
from schemas.events import asset as asset_events
from schemas.events import job as job_events
from schemas.events import publication as publication_events
from schemas.events import subtitle as subtitle_events
from schemas.events import timeline as timeline_events
from schemas.events.content import CopyRevised, CopyTranslationRequested, CopyUsed
from schemas.events.experiment import ExperimentDecided
from schemas.ids import derived
from schemas.jobs import (
    Captioned,
    CaptionInput,
    Evidence,
    Generated,
    GenerateInput,
    JobInput,
    JobResult,
    MediaFacts,
    Probed,
    ProbeInput,
    PurgeInput,
    Remade,
    RemakeInput,
    Rendered,
    RenderInput,
    Rendition,
    Schedule,
    Subtitled,
    SubtitleInput,
    SubtitleText,
    Transcoded,
    TranscodeInput,
    TranslateInput,
    Usage,
)
from schemas.pictures import Imaged, ImagesInput
from schemas.prompts import PromptText
from schemas.publishing import PublishInput
from schemas.registry import AGGREGATE_OF, EVENTS_OF, Data, wire_name
from schemas.timeline import Timeline, Title
from streams.domain.asset_images import covers_id
from streams.domain.registry import RULES
from streams.reactions.reaction import Reaction
from streams.reactions.registry import REACTIONS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = MediaFacts(5000, 1280, 720, 25.0, "h264")
UPLOADED = asset_events.AssetUploaded("t/k", 10, "aa", "video/mp4", ("720p",))
PLAN = PlanPublication(
    "p", "v", "acc", "bilibili", "direct", "title", "text", (), "m", "c", "copy",
    Schedule(NOW, "2026-01-01T08:00:00", "Asia/Shanghai"),
    Evidence("copy.approved", "e", 1), Evidence("asset.transcoded", "e", 1),
    JUDGED)  # fmt: skip
GENERATED = Generated("copy", ("one",), Usage(), "p", "m", 1, True, "h", "1")
TRANSCODED = Transcoded("v", "m", "h", "c", FACTS, (), 5.0)


def record(data: Data, aggregate_id: str = "it") -> Record[Data]:
    aggregate = next(name for name, kinds in EVENTS_OF.items() if type(data) in kinds)
    envelope = Envelope(
        id=derived("event", wire_name(type(data)), aggregate_id),
        type=wire_name(type(data)),
        subject=f"{aggregate}/{aggregate_id}",
        tenant="t",
        time=NOW,
        key=f"t:{aggregate_id}",
    )
    return Record(envelope=envelope, data=data)


def reactions(found: Record[Data]) -> list[Reaction]:
    return [each for react in REACTIONS.values() for each in react(found)]


def state(aggregate: str, *commands: Struct) -> Struct:
    """The stream after these commands."""

    def step(before: Struct, command: Struct) -> Struct:
        event = RULES[aggregate].decide(command, before)
        assert event is not None
        return RULES[aggregate].evolve(before, event)

    return reduce(step, commands, RULES[aggregate].initial)


def ended(result: JobResult, subject: str) -> job_events.JobCompleted:
    return job_events.JobCompleted("ai", subject, "tok", 1, result, 1.0)


def failed(given_: JobInput, subject: str) -> job_events.JobFailed:
    return job_events.JobFailed("ai", subject, given_, "tok", 1, "code", "reason")


OPENED = (
    PresignAsset("p", "a", "video/mp4", 10, "t/k", "aa"),
    CompleteUpload(10, "aa", "video/mp4"),
)
WORKING = (*OPENED, RequestTranscode("v", ("720p",)))
PICTURE = MediaFacts(0, 8, 6, 0.0, "png", kind="image")
DRAWING = (*OPENED, RecordProbe("j", PICTURE), RequestImages("i", ()))
ASKED = (RequestCopy("p", "v", "copy", "bilibili", "brief"),)
TEXT = SubtitleText("en", "k", "h", 1, "asr")
MAKING = (RequestSubtitle("a", "en", "asr", "k", "h"),)
CAPTIONED = (*WORKING, RecordTranscode("j", TRANSCODED), RequestCaptions("v", (TEXT,)))
RUNG = Rendition("720p", 1280, 720, 9)
FINISHED = replace(TRANSCODED, renditions=(RUNG,))
REMAKE = RemakeInput("720p", TranscodeInput("v", "k", "h", ()), *"mhmh", (RUNG,))
REMAKING = asset_events.RenditionRequested(
    "v", "720p", REMAKE.wish, *"mhmh", (RUNG,), needs=("nvenc",)
)
REMADE = Remade("v", "720p", *"MHMH", ("r",), FACTS)
AGAIN = (
    *WORKING,
    RecordTranscode("j", FINISHED),
    RequestRendition("v", "720p"),
)
PUBLISH = PublishInput("it")
FILM = Timeline(scenes=(Title(text="夜骑", seconds=2.0),))
RENDERING = (CreateTimeline("p", "夜骑", FILM), RequestRender("r", "film", 1, ()))
RENDERED = Rendered("r", "film", "t/k", 9, "aa", "video/mp4", FACTS)
FILMED = timeline_events.TimelineRendered(
    "j", "r", "film", "p", "夜骑.mp4", "t/k", 9, "aa", "video/mp4", FACTS, "bilibili"
)
WORDED = (
    CreatePrompt("copy", PromptText(system="Write.")),
    AddPromptVersion(PromptText(system="Write well.")),
)
CASES: list[tuple[Data, tuple[Struct, ...], int]] = [
    (ExperimentDecided("cool", "better", "it", 2), WORDED, 1),
    (UPLOADED, (), 2),
    (asset_events.TranscodeRequested("v", ("720p",), "k", "h"), (), 1),
    (asset_events.ImagesRequested("i", "k", ()), (), 1),
    (asset_events.CoverChosen("v", "c"), (), 1),
    (ended(Imaged("i", ()), "asset/it"), DRAWING, 1),
    (failed(ImagesInput("i", "k"), "asset/it"), DRAWING, 1),
    (ended(Probed(FACTS), "asset/it"), OPENED, 1),
    (ended(TRANSCODED, "asset/it"), WORKING, 1),
    (ended(GENERATED, "copy/it"), ASKED, 1),
    (failed(ProbeInput("k", "h"), "asset/it"), OPENED, 1),
    (failed(TranscodeInput("v", "k", "h", ()), "asset/it"), WORKING, 1),
    (failed(GenerateInput("copy", "auto", ("b",)), "copy/it"), ASKED, 1),
    (timeline_events.TimelineRenderRequested("r", "film", 1, FILM, ()), (), 1),
    (ended(RENDERED, "timeline/it"), RENDERING, 1),
    (failed(RenderInput("r", "film", FILM, ()), "timeline/it"), RENDERING, 1),
    (FILMED, (), 1),
    (subtitle_events.SubtitleRequested("a", "en", "asr", "k", "h"), (), 1),
    (subtitle_events.SubtitleRequested("a", "en", "translation", of=TEXT), (), 1),
    (ended(Subtitled(TEXT), "subtitle/it"), MAKING, 1),
    (failed(SubtitleInput("a", "k", "h", "en", "asr"), "subtitle/it"), MAKING, 1),
    (failed(TranslateInput("a", TEXT, "zh"), "subtitle/it"), MAKING, 1),
    (asset_events.CaptionsRequested("v", "m", "h", (TEXT,)), (), 1),
    (ended(Captioned("v", "m", "h", (TEXT,)), "asset/it"), CAPTIONED, 1),
    (REMAKING, (), 1),
    (ended(REMADE, "asset/it"), AGAIN, 1),
    (failed(REMAKE, "asset/it"), AGAIN, 1),
    (asset_events.RenditionFailed("j", "v", "720p", "asset_purged", "r"), (), 1),
    (failed(CaptionInput("v", "m", "h", (TEXT,)), "asset/it"), CAPTIONED, 1),
    (failed(PUBLISH, "publication/it"), (PLAN,), 1),
    (job_events.JobLost("publication/it", PUBLISH, 2), (PLAN,), 1),
    (publication_events.PublicationDue(NOW), (), 1),
    (publication_events.PublicationUnknown("t", NOW, "lost"), (), 1),
    (publication_events.PublicationCleared("t", "look_up"), (), 1),
    (account_events.SlotGranted("it", "v", NOW), (PLAN,), 1),
    (account_events.SlotRefused("it", "c", "r"), (PLAN,), 1),
    (
        state("publication", PLAN).planned,  # type: ignore[attr-defined]
        (ConnectAccount("bilibili", "o", "n", "direct", "ref"), *ASKED),
        2,
    ),
    (CopyRevised(2, "edit", "new", "zh", 1, uses=("it",)), (PLAN,), 1),
    (CopyUsed("it", changed=True), (PLAN,), 1),
    (CopyTranslationRequested(1, "text", "en"), (), 1),
]


def _target(reaction: Reaction, before: Iterable[Struct]) -> tuple[str, Struct]:
    aggregate = AGGREGATE_OF[type(reaction.data)]
    fitting = [each for each in before if AGGREGATE_OF[type(each)] == aggregate]
    return aggregate, state(aggregate, *fitting)


@pytest.mark.parametrize(
    ("event", "before", "count"), CASES, ids=lambda c: type(c).__name__
)
def test_what_a_reaction_asks_for_happens_once(
    event: Data, before: tuple[Struct, ...], count: int
) -> None:
    found = [
        each
        for each in reactions(record(event))
        if not (isinstance(each.data, RequestTranscode) and not before)
    ]

    assert len(found) == count if before else len(found) >= 1
    for reaction in found:
        aggregate, now = _target(reaction, before)
        made = RULES[aggregate].decide(reaction.data, now)
        assert made is not None
        after = RULES[aggregate].evolve(now, made)
        assert RULES[aggregate].decide(reaction.data, after) is None


def test_a_job_that_will_be_tried_again_is_told_to_nobody() -> None:
    again = job_events.JobFailed(
        "ai", "copy/it", GenerateInput("copy", "auto", ("b",)), "t", 1, "c", "r", NOW
    )

    assert reactions(record(again)) == []


def test_a_direct_answer_is_told_to_no_copy() -> None:
    assert reactions(record(ended(GENERATED, "person/somebody"))) == []


def test_a_settling_waits_until_no_call_can_be_under_way() -> None:
    later = NOW + timedelta(seconds=42)

    (found,) = reactions(record(publication_events.PublicationUnknown("t", later, "")))

    assert isinstance(found.data, RequestJob)
    assert found.data.not_before == later


def test_covers_in_all_shapes_come_after_what_was_asked_for() -> None:
    (found,) = reactions(record(asset_events.CoverChosen("v", "t/videos/v/c.jpg")))

    assert isinstance(found.data, RequestJob)
    assert found.data.priority < 0
    assert found.data.input == ImagesInput(
        covers_id("v", "t/videos/v/c.jpg"), "t/videos/v/c.jpg", video_id="v"
    )


def test_what_has_no_picture_gets_no_covers() -> None:
    sound = asset_events.AssetTranscoded("j", "v", "m", "h", "", FACTS, (), 5.0)

    assert reactions(record(sound)) == []


def test_pictures_that_came_after_the_end_are_deleted() -> None:
    late = asset_events.ImagesFailed("j", "i", "asset_purged", "gone")
    other = asset_events.ImagesFailed("j", "i", "not_a_picture", "broken")

    (found,) = reactions(record(late))
    assert isinstance(found.data, RequestJob)
    assert found.data.input == PurgeInput((), image_ids=("i",))
    assert reactions(record(other)) == []


def test_the_job_of_an_event_is_found_by_the_events_id() -> None:
    event = record(publication_events.PublicationDue(NOW))

    (found,) = reactions(event)

    assert found.aggregate_id == derived("job", event.envelope.id)


@given(st.lists(st.sampled_from([case[0] for case in CASES]), max_size=8))
def test_reactions_are_functions_of_the_event_alone(events: list[Data]) -> None:
    once = [reactions(record(event)) for event in events]
    twice = [reactions(record(event)) for event in events]

    assert once == twice


def test_a_started_job_says_nothing() -> None:
    started = state(
        "job",
        RequestJob("publish", "publication/it", PUBLISH, "d"),
        StartAttempt("tok"),
    )

    assert started.token == "tok"  # type: ignore[attr-defined]
    assert reactions(record(job_events.JobStarted(1, "tok"))) == []
