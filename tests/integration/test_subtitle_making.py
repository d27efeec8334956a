"""Subtitles made of speech, by a service over HTTP, by this machine, and translated."""

import hashlib
import json
from collections.abc import Iterator

import msgspec
import pytest

from ai_adapter.attempts import Timing
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from ai_adapter.transcription import Ears, Gives, Transcriber, transcriber
from fixtures.fix_speech import Spoken, speech
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused, ObjectMissing, TryLater
from media_agents.subtitles import making
from media_agents.subtitles.keeping import Home, cues_in, keep
from media_agents.subtitles.listening import Sound, cut, sound_of
from media_agents.subtitles.making import from_hearing, from_script, marked
from media_agents.subtitles.rules import Cue, faults, rules_for
from media_agents.subtitles.translating import Translating, translated
from media_agents.subtitles.words import Word
from schemas.jobs import SubtitleText, TranslateInput
from streams.agents.work import Impossible, Job
from streams.agents.work import TryLater as Later
from tests.contract.hearing_server import HearingServer, hearing
from tests.contract.openai_server import OpenAIServer, says, serving, status
from tests.contract.test_ai import Naps
from tests.unit.streams.workshop import OpenDoors

SAID = ["Welcome back to the workshop.", "Today we build a lamp."]


@pytest.fixture(scope="module")
def ears() -> Iterator[HearingServer]:
    with hearing() as server:
        yield server


@pytest.fixture
def server(ears: HearingServer) -> HearingServer:
    ears.clear()
    ears.sentences = list(SAID)
    return ears


@pytest.fixture(scope="module")
async def heard(engine: Engine, tmp_path_factory) -> tuple[Spoken, Sound]:
    folder = tmp_path_factory.mktemp("heard")
    spoken = speech(folder / "speech.wav", SAID, "en")
    return spoken, await sound_of(spoken.path, 0, engine, spoken.seconds, folder)


def listener(server: HearingServer, gives: Gives, **more: object) -> Transcriber:
    ears = Ears("openai", "whisper-1", server.url, "key", gives, **more)
    return transcriber(ears, Timing(chance=lambda: 0.0, sleep=Naps()))


@pytest.mark.parametrize("gives", ["words", "segments", "text"])
async def test_whatever_a_service_tells_becomes_readable_cues(
    gives: Gives, server: HearingServer, heard: tuple[Spoken, Sound]
) -> None:
    spoken, sound = heard

    made = await from_hearing(sound, "en", listener(server, gives), upright=False)

    assert [cue.lines for cue in made.cues] == [(each,) for each in SAID]
    assert list(faults(made.cues, rules_for("en"))) == []
    assert (made.confidence, made.provider) == ("high", "openai")
    if gives == "text":
        for cue, (start, _) in zip(made.cues, spoken.times, strict=True):
            assert cue.start_ms / 1000 == pytest.approx(start, abs=0.1)


async def test_long_sound_is_sent_in_pieces_cut_in_silence(
    server: HearingServer, heard: tuple[Spoken, Sound], monkeypatch
) -> None:
    spoken, sound = heard
    monkeypatch.setattr(making, "PIECE_S", 3.0)
    server.sentences = ["Here it is."]

    made = await from_hearing(sound, "en", listener(server, "words"), upright=False)

    assert len(server.asked) == len(cut(sound, 3.0)) > 1
    assert sum(each["bytes"] for each in server.asked) == pytest.approx(
        sound.seconds * 32_000, abs=200
    )
    assert made.cues[-1].end_ms > 1000 * spoken.times[1][0]
    for piece in cut(sound, 3.0)[:-1]:
        assert any(start <= piece.end <= end for start, end in sound.silences)


async def test_a_service_in_trouble_is_not_replaced_in_silence(
    server: HearingServer, heard: tuple[Spoken, Sound]
) -> None:
    _, sound = heard
    server.script += [status(500)] * 3
    with pytest.raises(TryLater):
        await from_hearing(sound, "en", listener(server, "words"), upright=False)
    server.script.clear()
    server.script += [status(401)]
    with pytest.raises(MediaRefused) as no:
        await from_hearing(sound, "en", listener(server, "words"), upright=False)
    assert no.value.code == "asr_misconfigured"


async def test_without_a_service_english_is_recognised_here_and_marked(
    heard: tuple[Spoken, Sound],
) -> None:
    _, sound = heard

    made = await from_hearing(sound, "en", None, upright=False)

    assert (made.confidence, made.provider) == ("low", "pocketsphinx")
    assert made.cues
    with pytest.raises(MediaRefused) as no:
        await from_hearing(sound, "zh-Hans", None, upright=False)
    assert no.value.code == "no_transcription"
    assert "CONTENTOPS_ASR_BASE_URL" in no.value.remedy


async def test_silence_is_told(heard: tuple[Spoken, Sound]) -> None:
    _, sound = heard
    still = Sound(sound.path, 3.0, ((0.0, 3.0),))

    with pytest.raises(MediaRefused) as no:
        await from_hearing(still, "en", None, upright=False)
    assert no.value.code == "no_speech"
    with pytest.raises(MediaRefused):
        await from_script("Hello.", "en", still, upright=False)


def test_marks_of_the_text_go_to_the_words_of_the_model() -> None:
    words = [Word("Hello", 0, 500), Word("there", 500, 900), Word("ok", 1000, 1400)]
    english = rules_for("en")

    assert marked("Hello, there! OK?", words, english) == [
        Word("Hello,", 0, 500), Word("there!", 500, 900), Word("OK?", 1000, 1400),
    ]  # fmt: skip
    assert marked("Something else", words, english) == words
    chinese = marked(
        "你好，世界。", [Word("你", 0, 200), Word("好世界", 200, 800)], rules_for("zh")
    )
    assert [(w.text, w.start_ms, w.end_ms) for w in chinese] == [
        ("你好，", 0, 400), ("世界。", 400, 800),
    ]  # fmt: skip


class Shelf:
    """Objects in memory, as the store would keep them."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get_bytes(self, key: str) -> bytes:
        if key not in self.kept:
            raise ObjectMissing(key)
        return self.kept[key]

    async def put_json(self, key: str, value: object) -> None:
        self.kept[key] = msgspec.json.encode(value, order="deterministic")


CUES = [Cue(0, 3000, ("大家好",)), Cue(3100, 6000, ("今天我们", "做一盏灯"))]
HOME = Home("t", "a", "zh-Hans")


@pytest.fixture(scope="module")
def models() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
async def kept() -> tuple[Shelf, SubtitleText]:
    shelf = Shelf()
    return shelf, await keep(shelf, HOME, CUES, "upload")


async def test_cues_are_named_by_their_content(
    kept: tuple[Shelf, SubtitleText],
) -> None:
    shelf, text = kept

    assert hashlib.sha256(shelf.kept[text.object_key]).hexdigest() == text.sha256
    assert text.object_key.startswith("t/subtitles/a/zh-Hans-")
    assert list((await cues_in(shelf, text)).cues) == CUES
    assert await keep(shelf, HOME, CUES, "upload") == text
    assert len(shelf.kept) == 1


def asked(text: SubtitleText) -> Job:
    wish = TranslateInput("a", text, "en")
    return Job(id="j", tenant="t", subject="subtitle/s", input=wish, token="k")


def work(models: OpenAIServer, shelf: Shelf) -> Translating:
    models.clear()
    door = Gateway(
        [Endpoint("deepseek", "deepseek-flash", models.url, "key")],
        timing=Timing(chance=lambda: 0.0, sleep=Naps()),
    )
    return Translating(OpenDoors(door), shelf)


def silent(_percent: int, _step: str) -> None:
    return None


async def test_a_line_in_is_a_line_out_at_the_same_time(
    models: OpenAIServer, kept: tuple[Shelf, SubtitleText]
) -> None:
    shelf, text = kept
    translating = work(models, shelf)
    models.script.append(says(json.dumps(["Hello everybody", "Today we make a lamp"])))

    made = await translating.translate(asked(text), silent)

    cues = (await cues_in(shelf, made.text)).cues
    assert [(cue.start_ms, cue.lines) for cue in cues] == [
        (0, ("Hello everybody",)),
        (3100, ("Today we make a lamp",)),
    ]
    assert (made.text.language, made.text.source) == ("en", "translation")
    assert (made.provider, made.usage.prompt_tokens) == ("deepseek", 512)
    messages = models.bodies[0]["messages"]
    assert isinstance(messages, list)
    assert '["大家好","今天我们做一盏灯"]' in messages[1]["content"]
    assert "language: en" in messages[1]["content"]


async def test_a_model_that_cannot_count_is_asked_for_half(
    models: OpenAIServer, kept: tuple[Shelf, SubtitleText]
) -> None:
    shelf, text = kept
    translating = work(models, shelf)
    models.script += [
        says('["one line"]'),
        says("no list"),
        says('["One"]'),
        says('["Two"]'),
    ]

    made = await translating.translate(asked(text), silent)

    cues = (await cues_in(shelf, made.text)).cues
    assert [cue.lines for cue in cues] == [("One",), ("Two",)]
    assert len(models.bodies) == 4


async def test_without_a_model_nothing_pretends_to_be_a_translation(
    models: OpenAIServer, kept: tuple[Shelf, SubtitleText]
) -> None:
    shelf, text = kept
    with pytest.raises(Impossible) as no:
        await Translating(OpenDoors(Gateway()), shelf).translate(asked(text), silent)
    assert no.value.code == "no_model"

    translating = work(models, shelf)
    models.script += [status(500)] * 9
    with pytest.raises(Later):
        await translating.translate(asked(text), silent)


async def test_words_that_are_gone_are_not_translated(models: OpenAIServer) -> None:
    text = SubtitleText("zh", "t/none.json", "0" * 64, 1, "asr")

    with pytest.raises(Impossible) as no:
        await work(models, Shelf()).translate(asked(text), silent)

    assert no.value.code == "subtitle_missing"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["a", "b"]', ["a", "b"]),
        ('```json\n["a", "<b>b</b>"]\n```', ["a", "b"]),
        ('["a"]', None),
        ('["a", ""]', None),
        ('["a", 2]', None),
        ('{"variants": ["a", "b"]}', None),
        ("a\nb", None),
    ],
)
def test_an_answer_is_taken_only_as_a_list_of_as_many(
    text: str, found: list[str] | None
) -> None:
    assert translated(text, 2) == found
