"""Timeline documents: what is refused with which pointer, and where everything lies."""

import json
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_agents.composing.arranging import Known, arrange, sources
from media_agents.composing.cards import AI_SHARE, ai_mark, card
from media_agents.composing.checking import RATES, check
from media_agents.composing.document import NotATimeline, parse, read, schema
from media_agents.composing.drawing import Footage, Stock, graph
from media_agents.composing.estimating import dry_run
from media_agents.composing.narrating import captions, sentences, spoken_seconds
from media_agents.composing.pieces import cut
from media_agents.composing.problems import Problem, errors, refuse
from media_agents.errors import MediaRefused
from media_agents.facts import Facts
from schemas.timeline import AiMark, Clip, Cue, Line, Source, Timeline, Title

FILM = Known(seconds=10.0, picture=True, sound=True, width=640, height=360)
SONG = Known(seconds=30.0, sound=True)
TRASHED = Known(code="asset_trashed", detail="in the trash", remedy="Restore it.")
KNOWN = {"film": FILM, "song": SONG, "gone": TRASHED}


def clip(name: str = "film", **more: object) -> dict[str, object]:
    return {"type": "clip", "source": {"asset": name}} | more


def title(text: str = "夜骑", seconds: float = 2, **more: object) -> dict[str, object]:
    return {"type": "title", "text": text, "seconds": seconds} | more


def found(document: dict[str, object], destination: str = "") -> list[Problem]:
    return check(read(document), KNOWN, destination=destination)


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"version": 2}, "/version", "bad_version"),
        ({"version": True}, "/version", "bad_version"),
        ({"scene": []}, "/scene", "unknown_field"),
        ({"scenes": [clip(fitt="cover")]}, "/scenes/0/fitt", "unknown_field"),
        ({"scenes": [clip(source={"asset": "a", "a/b": 1})]},
         "/scenes/0/source/a~1b", "unknown_field"),
        ({"scenes": [clip(start="1")]}, "/scenes/0/start", "bad_field"),
        ({"scenes": [{"type": "clip"}]}, "/scenes/0", "bad_field"),
        ({"scenes": [{"type": "song"}]}, "/scenes/0/type", "bad_field"),
        ({"scenes": [clip(), clip(transition={"kind": "spin", "seconds": 1})]},
         "/scenes/1/transition/kind", "unknown_transition"),
        ({"scenes": [clip(fit="squeeze")]}, "/scenes/0/fit", "unknown_fit"),
        ({"scenes": [title("x" * 100_000)]}, "", "too_large"),
        ([], "", "bad_field"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_read_says_where(document, pointer, code) -> None:
    with pytest.raises(NotATimeline) as refused:
        read(document)

    (first, *_) = refused.value.problems
    assert (first.pointer, first.code) == (pointer, code)
    assert first.detail
    assert first.remedy


@pytest.mark.parametrize("text", [b"{", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(text) -> None:
    with pytest.raises(NotATimeline) as refused:
        parse(text)
    assert refused.value.problems[0].code == "not_json"


def test_every_unknown_field_is_named_at_once() -> None:
    with pytest.raises(NotATimeline) as refused:
        read({"scenes": [clip(a=1), title(b=2)], "c": 3})
    pointers = [each.pointer for each in refused.value.problems]
    assert pointers == ["/scenes/0/a", "/scenes/1/b", "/c"]


def test_the_schema_knows_each_field_and_no_other() -> None:
    parts = schema()["$defs"]
    assert isinstance(parts, dict)

    assert all(part["additionalProperties"] is False for part in parts.values())
    assert parts["Transition"]["properties"]["kind"]["enum"] == [
        "crossfade", "cut", "fade", "wipe",
    ]  # fmt: skip
    json.dumps(schema())


CASES: list[tuple[dict[str, object], str, str]] = [
    ({}, "/scenes", "timeline_empty"),
    ({"scenes": [title()] * 101}, "/scenes", "too_many"),
    ({"scenes": [clip("lost")]}, "/scenes/0/source", "source_missing"),
    ({"scenes": [clip("gone")]}, "/scenes/0/source", "asset_trashed"),
    ({"scenes": [clip("song")]}, "/scenes/0/source", "no_picture"),
    ({"scenes": [clip(source={})]}, "/scenes/0/source", "bad_source"),
    ({"scenes": [clip(source={"asset": "film", "file": "x"})]},
     "/scenes/0/source", "bad_source"),
    ({"scenes": [clip(source={"objectKey": "t/x"})]}, "/scenes/0/source", "bad_source"),
    ({"scenes": [clip(start=-1)]}, "/scenes/0/start", "cut_outside"),
    ({"scenes": [clip(start=10)]}, "/scenes/0/start", "cut_outside"),
    ({"scenes": [clip(start=2, end=2)]}, "/scenes/0/end", "cut_outside"),
    ({"scenes": [clip(end=10.5)]}, "/scenes/0/end", "cut_outside"),
    ({"scenes": [clip(gainDb=99)]}, "/scenes/0/gainDb", "out_of_range"),
    ({"scenes": [title(" ")]}, "/scenes/0/text", "no_text"),
    ({"scenes": [title("夜骑 " * 60, size=0.3)]}, "/scenes/0/text", "text_too_long"),
    ({"scenes": [title()],
      "marks": [{"destination": "weibo", "watermark": "我" * 200}]},
     "/marks/0/watermark", "text_too_long"),
    ({"scenes": [title("\U0001f6b2")]}, "/scenes/0/text", "font_missing"),
    ({"scenes": [title(colour="blau")]}, "/scenes/0/colour", "bad_colour"),
    ({"scenes": [title(seconds=0)]}, "/scenes/0/seconds", "out_of_range"),
    ({"scenes": [title(size=0.9)]}, "/scenes/0/size", "out_of_range"),
    ({"scenes": [clip(transition={"kind": "fade", "seconds": 1})]},
     "/scenes/0/transition", "transition_first"),
    ({"scenes": [clip(), clip(transition={"kind": "fade", "seconds": 9})]},
     "/scenes/1/transition/seconds", "out_of_range"),
    ({"scenes": [clip(), clip(transition={"kind": "wipe"})]},
     "/scenes/1/transition/seconds", "out_of_range"),
    ({"scenes": [clip(), title(seconds=1, transition={"kind": "wipe", "seconds": 2})]},
     "/scenes/1", "transition_too_long"),
    ({"scenes": [title()], "canvas": {"width": 321}}, "/canvas/width", "bad_canvas"),
    ({"scenes": [title()], "canvas": {"width": 3840, "height": 3840}},
     "/canvas", "bad_canvas"),
    ({"scenes": [title()], "canvas": {"frameRate": "31"}},
     "/canvas/frameRate", "bad_frame_rate"),
    ({"scenes": [title()], "music": {"source": {"asset": "lost"}}},
     "/music/source", "source_missing"),
    ({"scenes": [title()], "music": {"source": {"asset": "song"}, "start": 30}},
     "/music/start", "cut_outside"),
    ({"scenes": [title()], "narration": [{"text": " "}]},
     "/narration/0/text", "bad_narration"),
    ({"scenes": [title()], "narration": [{"text": "x", "language": "xx"}]},
     "/narration/0/language", "no_voice"),
    ({"scenes": [title(seconds=9)],
      "narration": [{"text": "今天天气很好我们去骑车", "at": 1},
                    {"text": "好", "at": 2}]},
     "/narration/1/at", "narration_overlaps"),
    ({"scenes": [title()], "insets": [{"source": {"asset": "film"}, "at": 1,
      "seconds": 2}]}, "/insets/0/seconds", "inset_outside"),
    ({"scenes": [title(seconds=30)], "insets": [{"source": {"asset": "film"}, "at": 1,
      "seconds": 11}]}, "/insets/0/start", "cut_outside"),
    ({"scenes": [title()], "insets": [{"source": {"asset": "song"}, "at": 0,
      "seconds": 1}]}, "/insets/0/source", "no_picture"),
    ({"scenes": [title()], "marks": [{"destination": "myspace"}]},
     "/marks/0/destination", "unknown_destination"),
    ({"scenes": [title()], "marks": [{"destination": "weibo"}] * 2},
     "/marks/1/destination", "mark_twice"),
    ({"scenes": [title()], "marks": [{"destination": "weibo", "watermark": "我",
      "corner": "top_left"}]}, "/marks/0/corner", "corner_taken"),
    ({"scenes": [title(seconds=600)] * 7}, "/scenes", "timeline_too_long"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "pointer", "code"), CASES)
def test_what_is_wrong_is_named_with_its_place(document, pointer, code) -> None:
    wrong = errors(found(document))

    assert (pointer, code) in [(each.pointer, each.code) for each in wrong]
    assert all(each.detail and each.remedy for each in wrong)
    with pytest.raises(MediaRefused):
        refuse(wrong)


def test_a_wrong_canvas_hides_nothing_else() -> None:
    wrong = found({"scenes": [clip("lost")], "canvas": {"width": 1}})
    assert [each.pointer for each in wrong] == ["/canvas/width", "/scenes/0/source"]


def test_music_without_a_sound_and_an_unknown_destination_are_refused() -> None:
    silent = {"film": Known(seconds=10.0, picture=True)}
    music = read({"scenes": [title()], "music": {"source": {"asset": "film"}}})
    (wrong,) = check(music, silent)
    assert (wrong.pointer, wrong.code) == ("/music/source", "no_sound")
    (other,) = found({"scenes": [title()]}, "myspace")
    assert other.code == "unknown_destination"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e300])
@pytest.mark.parametrize(
    "where", ["start", "end", "gain_db", "title", "transition", "at", "inset", "music"]
)
def test_no_number_is_too_odd_for_the_check(value, where) -> None:
    """Numbers come from JSON of all kinds; an answer comes always."""
    odd = {
        "start": clip(start=value),
        "end": clip(end=value),
        "gain_db": clip(gainDb=value),
        "title": title(seconds=value),
        "transition": clip(transition={"kind": "fade", "seconds": value}),
    }
    document: dict[str, object] = {"scenes": [clip(), odd.get(where, clip())]}
    if where == "at":
        document["narration"] = [{"text": "好", "at": value}]
    if where == "inset":
        document["insets"] = [{"source": {"asset": "film"}, "at": value, "seconds": 1}]
    if where == "music":
        document["music"] = {"source": {"asset": "song"}, "start": value}
    assert errors(found(document))


def test_marks_that_a_destination_forbids_are_only_a_warning() -> None:
    marks = [{"destination": "douyin", "watermark": "我"}]
    (told,) = found({"scenes": [title()], "marks": marks})

    assert (told.code, told.severity) == ("mark_forbidden", "warning")


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    rate = draw(st.sampled_from(RATES))
    scenes = []
    for number in range(draw(st.integers(1, 6))):
        seconds = draw(st.floats(3, 8))
        kind = draw(st.sampled_from(["cut", "fade", "crossfade", "wipe"]))
        turn = {"kind": kind if number else "cut", "seconds": draw(st.floats(0.1, 1.2))}
        if draw(st.booleans()):
            scenes.append(title(seconds=seconds, transition=turn))
        else:
            scenes.append(clip(start=0.5, end=0.5 + seconds, transition=turn))
    at = draw(st.floats(0, 2))
    insets = [
        {"source": {"asset": "film"}, "at": at, "seconds": draw(st.floats(0.1, 1))}
    ]
    return read({"scenes": scenes, "insets": insets, "canvas": {"frameRate": rate}})


@given(timelines())
def test_pieces_cover_a_film_without_a_hole_and_nothing_changes_inside_one(timeline):
    assert errors(check(timeline, KNOWN)) == []
    film = arrange(timeline, KNOWN)
    pieces = cut(film)

    ends = [0, *(piece.begin + piece.frames for piece in pieces)]
    assert [piece.begin for piece in pieces] == ends[:-1]
    assert ends[-1] == film.frames
    rate = Fraction(timeline.canvas.frame_rate)
    length = sum(scene.frames - scene.shared for scene in film.scenes)
    assert film.frames == length
    for before, after in pairwise(film.scenes):
        assert before.end - after.shared == after.begin
        assert after.begin + after.shared <= after.end
    for piece in pieces:
        assert len(piece.under) == (2 if piece.turning else 1)
    assert abs(film.seconds - float(film.frames / rate)) < 1e-9


def test_what_stays_the_same_for_long_is_cut_where_a_death_costs_little() -> None:
    timeline = read({"scenes": [title(seconds=1), clip(), title(seconds=1)]})
    film = arrange(timeline, {"film": msgspec.structs.replace(FILM, seconds=200)})

    pieces = cut(film)

    assert [piece.frames for piece in pieces] == [30, 2000, 2000, 2000, 30]
    starts = [piece.under[0].start for piece in pieces[1:-1]]
    assert starts == [0, Fraction(200, 3), Fraction(400, 3)]
    assert len(cut(film, seconds=1000)) == 3


@given(timelines())
def test_sound_lies_where_its_pictures_lie_to_half_a_sample(timeline):
    film = arrange(timeline, KNOWN)
    for scene in film.scenes:
        exact = scene.begin / film.rate * 48_000
        assert abs(film.samples(scene.begin) - exact) <= Fraction(1, 2)


def test_no_word_of_a_document_comes_into_a_graph() -> None:
    hostile = "a';movie=/etc/passwd[x];[x]"
    document = {
        "scenes": [
            {"type": "clip", "source": {"file": hostile}, "end": 3},
            title(hostile, transition={"kind": "wipe", "seconds": 1}),
        ],
        "insets": [{"source": {"file": hostile}, "at": 0, "seconds": 1}],
    }
    timeline = read(document)
    film = arrange(timeline, {hostile: FILM})
    stock = Stock({hostile: Footage(__file__, Facts(video_index=0))}, {1: __file__})  # type: ignore[arg-type]
    for piece in cut(film):
        assert "movie" not in graph(piece, film, stock)
        assert "passwd" not in graph(piece, film, stock)


def test_a_dry_run_knows_length_and_cost() -> None:
    scenes = [title(seconds=2), clip(end=5, transition={"kind": "fade", "seconds": 1})]
    tried = dry_run(read({"scenes": scenes}), KNOWN)

    assert tried.ok
    assert (tried.estimate.seconds, tried.estimate.frames) == (6.0, 180)
    assert tried.estimate.weighted_seconds == 6.0
    assert tried.estimate.cpu_seconds > 5
    small = read({"scenes": scenes, "canvas": {"width": 640, "height": 360}})
    share = dry_run(small, KNOWN).estimate.weighted_seconds / 6.0
    assert share == pytest.approx((640 * 360 / (1920 * 1080)) ** 0.75, abs=0.01)
    twice = dry_run(read({"scenes": scenes}), KNOWN, "bilibili").estimate
    assert twice.weighted_seconds == 12.0


def test_a_dry_run_of_what_cannot_be_made_says_why_alone() -> None:
    tried = dry_run(read({"scenes": [clip("gone"), clip("lost")]}), KNOWN)

    assert not tried.ok
    assert tried.estimate.seconds == 0
    assert [each.pointer for each in tried.problems] == [
        "/scenes/0/source",
        "/scenes/1/source",
    ]


@pytest.mark.parametrize(
    ("document", "marked"),
    [
        ({"scenes": [title()]}, False),
        ({"scenes": [title()], "ai": True}, True),
        ({"scenes": [clip(ai=True)]}, True),
        ({"scenes": [title()], "narration": [{"text": "好"}]}, True),
        ({"scenes": [clip("drawn")]}, True),
    ],
)
def test_a_film_is_marked_where_a_machine_had_part_in_it(document, marked) -> None:
    drawn = Known(seconds=5.0, picture=True, ai=True)
    tried = dry_run(read(document), {**KNOWN, "drawn": drawn})

    assert tried.estimate.by_machine is marked


def test_the_mark_of_ai_is_as_high_as_the_standard_asks() -> None:
    size = (1920, 1080)
    box = ai_mark(AiMark(corner="bottom_left"), size).getbbox()

    assert box is not None
    left, top, _, bottom = box
    assert bottom - top >= 0.05 * 1080
    assert left < 100
    assert top > 900
    assert AI_SHARE >= 0.05


def test_a_card_is_a_whole_picture_and_never_overflows() -> None:
    assert card(Title(text="夜骑\nNight", seconds=1), (320, 180)).size == (320, 180)
    with pytest.raises(MediaRefused) as refused:
        card(Title(text="夜骑 " * 40, seconds=1, size=0.5), (320, 180))
    assert refused.value.code == "text_too_long"


def test_sentences_end_where_people_pause() -> None:
    assert sentences("晚上好。我们出发!准备好了吗？ Good. It is 3.5 km…") == [
        "晚上好。",
        "我们出发!",
        "准备好了吗？",
        "Good.",
        "It is 3.5 km…",
    ]
    assert sentences("…。 !") == []


def test_longer_words_take_longer() -> None:
    short, long = Line(text="好。"), Line(text="今天天气很好。我们去骑车。")
    assert 0 < spoken_seconds(short) < spoken_seconds(long) < 10


def test_captions_cannot_break_out_of_their_format() -> None:
    text = captions([Cue(0.5, 1.0, "a --> b <i>&")])
    assert text.splitlines()[2:4] == [
        "00:00:00.500 --> 00:00:01.000",
        "a → b &lt;i>&amp;",
    ]


def test_each_file_is_asked_for_once() -> None:
    scenes = (Clip(source=Source(asset="a")), Clip(source=Source(asset="a"), start=1.0))
    assert [each.name for each in sources(Timeline(scenes=scenes))] == ["a"]
