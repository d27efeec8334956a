"""Words with times become cues that can be read in each language."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media_agents.subtitles.cues import cues_of, mended
from media_agents.subtitles.rules import (
    GAP_MS,
    LONGEST_MS,
    SHORTEST_MS,
    Cue,
    broken,
    faults,
    length,
    rules_for,
)
from media_agents.subtitles.words import Word, joined, pieces, spread

ENGLISH, CHINESE = rules_for("en"), rules_for("zh-Hans-CN")
TALK = (
    "Welcome back to the workshop. Today we build a lamp that follows the sun, and "
    "because the parts are cheap, everybody can do it at home. You need a board, two "
    "motors and a battery; the list is below the video. Ready? Then let us begin with "
    "the frame, which is made of wood."
)
REDE = (
    "大家好，欢迎回到我们的频道。今天我们来介绍人工智能的历史，以及它为什么会改变我们的生活。"
    "首先，从一九五六年的会议说起；那一年，几位科学家第一次提出了这个名字。准备好了吗？我们开始吧！"
)


def rules(cues: list[Cue], tag: str, *, upright: bool = False) -> set[str]:
    return {fault.rule for fault in faults(cues, rules_for(tag, upright=upright))}


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize(
    ("text", "tag", "pace"), [(TALK, "en", 70), (REDE, "zh", 160)], ids=["en", "zh"]
)
def test_a_talk_at_the_usual_pace_satisfies_every_rule(
    text: str, tag: str, pace: int, upright: bool
) -> None:
    language = rules_for(tag, upright=upright)
    words = spread(text, 500, 500 + len(text) * pace, language)

    cues = cues_of(words, language)

    assert rules(cues, tag, upright=upright) == set()
    assert list(broken(cues)) == []
    said = "".join("".join(cue.lines) for cue in cues).replace(" ", "")
    assert kept(said) == kept(text)


def kept(text: str) -> str:
    return "".join(each for each in text if each.isalnum())


def test_sentences_begin_new_cues_and_nothing_begins_before_it_is_said() -> None:
    words = spread("One is here now. Two is there too.", 0, 4000, ENGLISH)

    cues = cues_of(words, ENGLISH)

    assert [cue.lines for cue in cues] == [
        ("One is here now.",),
        ("Two is there too.",),
    ]
    assert cues[1].start_ms == words[4].start_ms


def test_a_long_silence_ends_a_cue() -> None:
    words = [Word("wait", 0, 900), Word("for", 5000, 5400), Word("it", 5400, 6000)]

    assert [cue.lines for cue in cues_of(words, ENGLISH)] == [("wait",), ("for it",)]


def test_a_short_word_stays_long_enough_where_there_is_room() -> None:
    (cue,) = cues_of([Word("Yes.", 1000, 1200)], ENGLISH)

    assert (cue.start_ms, cue.lasts) == (1000, SHORTEST_MS)


def test_a_cue_without_room_joins_its_neighbour() -> None:
    words = [Word("Yes.", 0, 300), *spread("We do it now.", 350, 2000, ENGLISH)]

    cues = cues_of(words, ENGLISH)

    assert [cue.lines for cue in cues] == [("Yes. We do it now.",)]
    assert rules(cues, "en") == set()


def test_what_is_said_too_fast_to_read_is_told_of() -> None:
    words = spread(TALK, 0, 5000, ENGLISH)

    found = list(faults(cues_of(words, ENGLISH), ENGLISH))

    assert "speed" in {fault.rule for fault in found}
    assert all(fault.detail.startswith("Cue ") and fault.remedy for fault in found)


def test_lines_break_after_a_mark_or_before_a_small_word() -> None:
    text = "The lamp follows the sun all day long, because it has two motors"
    (cue,) = cues_of(spread(text, 0, 5000, ENGLISH), ENGLISH)

    assert cue.lines == (
        "The lamp follows the sun all day long,",
        "because it has two motors",
    )


def test_chinese_lines_end_without_comma_and_never_inside_a_word() -> None:
    text = "人工智能正在改变我们的日常生活，而且速度越来越快。"
    (cue,) = cues_of(spread(text, 0, 5000, CHINESE), CHINESE)

    assert cue.lines == ("人工智能正在改变我们的日常生活", "而且速度越来越快")


def test_marks_stay_with_their_words() -> None:
    assert pieces("你好，世界！“是的”（完）", CHINESE) == [
        ("你好，", True), ("世界！", False),
        ("“是", False), ("的”", False), ("（完）", False),
    ]  # fmt: skip


def test_a_latin_letter_is_half_a_chinese_one() -> None:
    assert length("AI时代", CHINESE) == 3
    assert length("AI时代", ENGLISH) == 4


def test_rules_follow_the_language_and_the_picture() -> None:
    assert rules_for("zh_CN") == CHINESE
    assert rules_for("xx") == ENGLISH
    assert rules_for("zh", upright=True).line == 12


@pytest.mark.parametrize(
    ("cue", "rule"),
    [
        (Cue(0, 500, ("hi",)), "short"),
        (Cue(0, LONGEST_MS + 1, ("hi",)), "long"),
        (Cue(0, 3000, ("a", "b", "c")), "lines"),
        (Cue(0, 6000, ("x" * 43,)), "width"),
        (Cue(0, 1000, ("x" * 21,)), "speed"),
    ],
)
def test_every_rule_sees_what_breaks_it(cue: Cue, rule: str) -> None:
    assert [fault.rule for fault in faults([cue], ENGLISH)] == [rule]


def test_the_gap_and_the_ending_are_rules_too() -> None:
    close = [Cue(0, 2000, ("你好",)), Cue(2000 + GAP_MS - 1, 5000, ("世界。",))]

    assert [fault.rule for fault in faults(close, CHINESE)] == ["ending", "gap"]


def test_cues_of_somebody_are_mended_and_keep_their_words() -> None:
    given_ = [
        Cue(0, 300, ("Hello there.",)),
        Cue(200, 12_000, (TALK[30:150],)),
        Cue(12_000, 14_000, ("- Who?", "- Me.")),
    ]

    found = mended(given_, ENGLISH)

    assert rules(found, "en") == set()
    assert list(broken(found)) == []
    assert found[-1].lines == ("- Who?", "- Me.")
    before = kept("".join("".join(cue.lines) for cue in given_))
    assert kept("".join("".join(cue.lines) for cue in found)) == before


TEXTS = st.text(alphabet="ab 你好，。,.!", min_size=1, max_size=80).filter(str.strip)


@st.composite
def loose(draw: st.DrawFn) -> list[Cue]:
    return [
        Cue(start, start + draw(st.integers(1, 20_000)), (draw(TEXTS),))
        for start in draw(st.lists(st.integers(0, 120_000), min_size=1, max_size=8))
    ]


@given(given_=loose(), tag=st.sampled_from(["en", "zh"]))
@example(
    given_=[Cue(0, 1, ("aaa a 。。 .aaaaaaa。。。。.你。。。。。。。a",))], tag="zh"
)
def test_what_is_mended_can_be_shown_and_loses_no_words(
    given_: list[Cue], tag: str
) -> None:
    found = mended(given_, rules_for(tag))

    assert list(broken(found)) == []
    assert not {"long", "lines", "ending"} & rules(found, tag)
    letters = sorted(kept("".join(line for cue in given_ for line in cue.lines)))
    assert sorted(kept("".join(line for cue in found for line in cue.lines))) == letters


@given(
    text=TEXTS, start=st.integers(0, 10_000), took=st.integers(0, 60_000),
    tag=st.sampled_from(["en", "zh", "ja"]),
)  # fmt: skip
def test_spread_words_are_the_text_and_follow_each_other(
    text: str, start: int, took: int, tag: str
) -> None:
    words = spread(text, start, start + took, rules_for(tag))

    assert joined(words) == " ".join(text.split())
    times = [at for word in words for at in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (start, start + took)
