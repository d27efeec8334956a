"""What every voice promises: a sound file or a reason; the same tests for each."""

import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.speech import OpenAISpeech, Speech, SpeechEndpoint, Utterance
from contract.openai_server import (
    OpenAIServer,
    Step,
    broken_off,
    raw,
    serving,
    status,
)
from infra.settings import Settings
from infra.wiring import speech
from media_agents.speaking import Espeak


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


@pytest.fixture
async def endpoint(server: OpenAIServer):
    server.clear()
    door = SpeechEndpoint(
        name="speech", base_url=server.url, model="tts-1", api_key="secret"
    )
    speaker = OpenAISpeech(door)
    yield speaker
    await speaker.close()


@pytest.fixture(params=["offline", "endpoint"])
def speaker(request: pytest.FixtureRequest, endpoint: OpenAISpeech) -> Speech:
    return Espeak() if request.param == "offline" else endpoint


def seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("zh", "晚上好。", "今天天气很好，我们去骑车，一起出发吧。"),
        ("en", "Good evening.", "We ride through the town tonight, come with us."),
    ],
)
async def test_more_words_make_more_sound(
    speaker: Speech, tmp_path: Path, language: str, short: str, long: str
) -> None:
    await speaker.speak(Utterance(short, language), tmp_path / "short.wav")
    await speaker.speak(Utterance(long, language), tmp_path / "long.wav")

    assert 0.2 < seconds(tmp_path / "short.wav") < seconds(tmp_path / "long.wav")


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
async def test_what_has_no_words_or_too_many_is_refused(
    speaker: Speech, tmp_path: Path, text: str
) -> None:
    with pytest.raises(Refused) as no:
        await speaker.speak(Utterance(text, "en"), tmp_path / "x.wav")
    assert no.value.code == "bad_narration"
    assert "4000" in no.value.reason


async def test_abilities_are_told_before_anything_is_asked(speaker: Speech) -> None:
    able = speaker.abilities
    assert able.name
    assert "wav" in able.formats
    assert able.synthetic
    assert able.offline == isinstance(speaker, Espeak)
    assert {"zh", "en"} <= set(able.languages or ("zh", "en"))


@pytest.mark.parametrize(
    "wish",
    [Utterance("x", "tlh"), Utterance("x", "en", "../../etc/passwd")],
)
async def test_a_voice_that_nobody_has_is_refused(
    tmp_path: Path, wish: Utterance
) -> None:
    with pytest.raises(Refused) as no:
        await Espeak().speak(wish, tmp_path / "x.wav")
    assert no.value.code == "no_voice"
    assert "en" in no.value.reason


async def test_words_are_spoken_and_never_obeyed(tmp_path: Path) -> None:
    """Neither markup, nor phonemes, nor an option of a command line."""
    for number, text in enumerate(
        ["--help", "[[h@l'oU]] $(reboot)", "<audio src='file:/etc/passwd'/> ok", "-f x"]
    ):
        path = tmp_path / f"{number}.wav"
        await Espeak().speak(Utterance(text, "en"), path)
        assert seconds(path) > 0.2


async def test_the_offline_voice_says_the_same_bytes_every_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    for path in (one, two):
        await Espeak().speak(Utterance("今天天气很好。"), path)
    assert one.read_bytes() == two.read_bytes()
    assert files_in(tmp_path) == {"one.wav", "two.wav"}


# In a process of its own: fixtures of this one load the library to make speech.
SPEAKS = """
import asyncio, pathlib, sys
from media_agents.speaking import Espeak, Utterance
asyncio.run(Espeak().speak(Utterance("ok", "en"), pathlib.Path(sys.argv[1])))
"""
LOADS = "import ctypes, espeakng_loader as it; ctypes.CDLL(it.get_library_path())\n"
LOOKS = "print('espeak' in open('/proc/self/maps').read())"


@pytest.mark.parametrize(("code", "seen"), [(SPEAKS, "False"), (LOADS, "True")])
def test_the_library_is_never_loaded_into_our_own_process(
    tmp_path: Path, code: str, seen: str
) -> None:
    command = [sys.executable, "-c", code + LOOKS, tmp_path / "x.wav"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == seen


def files_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def test_the_endpoint_is_asked_once_with_its_model_and_voice(
    endpoint: OpenAISpeech, server: OpenAIServer, tmp_path: Path
) -> None:
    await endpoint.speak(Utterance("晚上好。", "zh", "nova"), tmp_path / "x.wav")

    assert server.bodies == [
        {
            "model": "tts-1",
            "input": "晚上好。",
            "voice": "nova",
            "response_format": "wav",
        }
    ]
    assert server.headers[0]["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("step", "reaction"),
    [
        (status(429, retry_after="3"), TryLater),
        (status(503), TryLater),
        (status(401), Misconfigured),
        (status(404), Misconfigured),
        (status(400), Refused),
        (raw(b'{"error": "no"}'), AskAgain),
        (raw(b"<html>", "text/html"), AskAgain),
        (raw(b"", "audio/wav"), AskAgain),
        (broken_off(), (AskAgain, OutcomeUnknown)),
    ],
)
async def test_what_goes_wrong_is_named_after_what_to_do(
    endpoint: OpenAISpeech,
    server: OpenAIServer,
    tmp_path: Path,
    step: Step,
    reaction: type[Exception],
) -> None:
    server.script.append(step)
    with pytest.raises(reaction):
        await endpoint.speak(Utterance("ok", "en"), tmp_path / "x.wav")
    assert len(server.bodies) == 1


async def test_nobody_at_the_door_is_a_reason_to_come_again(tmp_path: Path) -> None:
    door = SpeechEndpoint(name="x", base_url="http://127.0.0.1:9/v1", model="m")
    speaker = OpenAISpeech(door)
    with pytest.raises(TryLater):
        await speaker.speak(Utterance("ok", "en"), tmp_path / "x.wav")
    await speaker.close()


def test_settings_choose_the_voice(tmp_path: Path) -> None:
    plain = Settings(data=tmp_path)
    assert isinstance(speech(plain), Espeak)
    given = plain.replace(
        {"speech_base_url": "http://127.0.0.1:9/v1", "speech_model": "tts-1"}
    )
    assert isinstance(speech(given), OpenAISpeech)
