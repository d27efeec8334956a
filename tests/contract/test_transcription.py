"""What a service that hears promises, asked of a server over HTTP."""

import asyncio
import io
import socket
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ai_adapter.attempts import Timing
from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.providers.hearing import in_order
from ai_adapter.transcription import Ears, Gives, Hear, Said, Transcriber, transcriber
from tests.contract.hearing_server import HearingServer, hearing
from tests.contract.openai_server import broken_off, dripping, raw, status
from tests.contract.test_ai import Naps

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)


def tone(seconds: float = 2.0) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(round(seconds * 16_000) * 2))
    return made.getvalue()


@pytest.fixture(scope="module")
def running() -> Iterator[HearingServer]:
    with hearing() as server:
        yield server


@pytest.fixture
def server(running: HearingServer) -> HearingServer:
    running.clear()
    return running


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
async def make(server: HearingServer, naps: Naps):
    made: list[Transcriber] = []

    def build(gives: Gives = "words", **more: object) -> Transcriber:
        ears = {"name": "openai", "model": "whisper-1", "base_url": server.url}
        ears |= {"api_key": "sk-secret", "gives": gives} | more
        timing = Timing(now=lambda: NOW, chance=lambda: 1.0, sleep=naps)
        made.append(transcriber(Ears(**ears), timing))
        return made[-1]

    yield build
    for each in made:
        await each.close()


ASKED = Hear(sound=tone(), seconds=2.0, language="en")


async def test_words_come_with_times_and_text_with_marks(make, server) -> None:
    found = await make().hear(ASKED)

    assert found.text == "Hello there. Good bye."
    assert [word.text for word in found.words] == ["Hello", "there", "Good", "bye"]
    assert found.words[2] == Said("Good", 1.0, 1.5)
    assert [each.text for each in found.segments] == ["Hello there.", "Good bye."]
    (asked,) = server.asked
    assert asked["language"] == "en"
    assert asked["model"] == "whisper-1"
    assert asked["timestamp_granularities[]"] == ["word", "segment"]
    assert (asked["filename"], asked["type"]) == ("sound.wav", "audio/wav")
    assert asked["bytes"] == len(ASKED.sound)
    assert asked["key"] == "Bearer sk-secret"


async def test_a_model_is_asked_only_for_what_it_is_able_to_tell(make, server) -> None:
    parts = await make("segments").hear(ASKED)
    text = await make("text", model="gpt-transcribe").hear(ASKED)

    assert (parts.words, len(parts.segments)) == ((), 2)
    assert (text.words, text.segments) == ((), ())
    assert text.text == parts.text
    assert server.asked[0]["timestamp_granularities[]"] == ["segment"]
    assert server.asked[1]["response_format"] == "json"
    assert "timestamp_granularities[]" not in server.asked[1]


async def test_a_model_that_tells_no_words_after_all_is_no_failure(
    make, server
) -> None:
    server.knows_words = False

    found = await make().hear(ASKED)

    assert found.words == ()
    assert len(found.segments) == 2


async def test_the_minute_is_priced_or_the_tokens_as_those_of_sound(make) -> None:
    minute = await make().hear(ASKED)
    tokens = await make("text", model="gpt-4o-transcribe").hear(ASKED)

    assert minute.usage.cost == Decimal("0.0002")
    assert (minute.usage.seconds, minute.usage.currency) == (2.0, "USD")
    assert tokens.usage.prompt_tokens == 14
    assert tokens.usage.cost == Decimal("0.000144")


async def test_silence_is_an_empty_text(make, server) -> None:
    server.script.append(raw(b'{"text": "", "duration": 2.0, "words": []}'))

    found = await make().hear(ASKED)

    assert (found.text, found.words) == ("", ())


async def test_a_busy_service_is_asked_again_after_its_own_time(
    make, server, naps
) -> None:
    server.script += [status(429, retry_after="3"), status(503)]

    found = await make().hear(ASKED)

    assert found.text
    assert [each.outcome for each in found.attempts] == [
        "try_later",
        "try_later",
        "answered",
    ]
    assert naps.taken[0] == 3.0


@pytest.mark.parametrize(
    ("step", "error", "calls"),
    [
        (status(401), Misconfigured, 1),
        (status(404), Misconfigured, 1),
        (status(429, "insufficient_quota"), Misconfigured, 1),
        (status(400, "invalid_file"), Refused, 1),
        (status(413), Refused, 1),
        (status(500), TryLater, 3),
        (raw(b"<html>"), AskAgain, 2),
        (raw(b'{"words": []}'), AskAgain, 2),
        (raw(b"\xff\xfe"), AskAgain, 2),
        (broken_off(), OutcomeUnknown, 3),
    ],
)  # fmt: skip
async def test_trouble_is_named_after_the_reaction_it_asks_for(
    step, error, calls, make, server
) -> None:
    server.script += [step] * 4

    with pytest.raises(error) as no:
        await make().hear(ASKED)

    assert str(no.value)
    assert len(server.asked) == calls


async def test_an_answer_that_never_ends_is_given_up(make, server) -> None:
    server.script += [dripping()] * 4
    short = Hear(sound=tone(), seconds=2.0, deadline_s=0.5)

    async with asyncio.timeout(10):
        with pytest.raises(OutcomeUnknown):
            await make().hear(short)


async def test_nobody_there_is_worth_another_try(make) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with pytest.raises(TryLater):
            await make(base_url=address).hear(ASKED)


async def test_too_much_sound_is_refused_before_it_is_sent(make, server) -> None:
    with pytest.raises(Refused) as no:
        await make(most_bytes=1000).hear(ASKED)

    assert no.value.code == "sound_too_large"
    assert server.asked == []


@pytest.mark.parametrize(
    "ears", [Ears("openai", ""), Ears("elsewhere", "m"), Ears("x", "m", "ftp://x")]
)
def test_wrong_settings_are_told_at_once(ears: Ears) -> None:
    with pytest.raises(Misconfigured):
        transcriber(ears)


def test_a_key_is_never_shown() -> None:
    assert "sk-secret" not in repr(Ears("openai", "m", api_key="sk-secret"))


def test_times_that_a_model_dreamt_up_are_put_in_order() -> None:
    told = [Said("a", -1, 0.5), Said("b", 0.2, 0.1), Said("", 1, 2), Said("c", 9, 99)]

    assert in_order(told, 3.0) == (
        Said("a", 0.0, 0.5),
        Said("b", 0.5, 0.5),
        Said("c", 3.0, 3.0),
    )
