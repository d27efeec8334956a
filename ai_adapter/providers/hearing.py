"""Any endpoint that speaks OpenAI's `/audio/transcriptions`, through its SDK."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import httpx2
import msgspec
import openai
from msgspec import Struct

from ai_adapter.base import Spent
from ai_adapter.errors import AskAgain, Misconfigured
from ai_adapter.providers.reasons import reaction
from ai_adapter.registry import DIALECTS
from ai_adapter.transcription import Ears, Hear, Heard, Said
from schemas.clock import Clock

Granularity: TypeAlias = Literal["word", "segment"]

_CONNECT_S = 5.0
_NO_KEY = "none"  # local servers take any; the SDK insists on having one


class _Word(Struct, frozen=True):
    word: str
    start: float
    end: float


class _Segment(Struct, frozen=True):
    text: str
    start: float
    end: float


class _Input(Struct, frozen=True):
    audio_tokens: int | None = None


class _Used(Struct, frozen=True):
    """Billed by tokens or by seconds."""

    seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: _Input | None = None

    @property
    def audio(self) -> int:
        """Tokens of sound cost more: what is not told apart counts as these."""
        told = (self.input_token_details or _Input()).audio_tokens
        return self.input_tokens if told is None else told


class _Answer(Struct, frozen=True):
    text: str
    duration: float | None = None
    words: tuple[_Word, ...] | None = None
    segments: tuple[_Segment, ...] | None = None
    usage: _Used | None = None


class OpenAICompatible:
    """One endpoint with one client; each `hear` is exactly one HTTP call."""

    def __init__(self, ears: Ears, now: Clock) -> None:
        self.ears = ears
        self._now = now
        known = DIALECTS.get(ears.name)
        url = ears.base_url or (known.base_url if known else "")
        if not url.startswith(("http://", "https://")):
            raise Misconfigured(f"transcription by {ears.name!r} needs a base URL")
        # Retries are the transcriber's alone: two layers would multiply.
        self._client = openai.AsyncOpenAI(
            base_url=url, api_key=ears.api_key or _NO_KEY, max_retries=0
        )

    async def hear(self, asked: Hear) -> Heard:
        try:
            return await self._asked(asked)
        except openai.OpenAIError as error:
            raise reaction(error, self._now) from error
        except httpx2.HTTPError as error:
            raise AskAgain("the answer broke off while it was read") from error

    async def close(self) -> None:
        await self._client.close()

    async def _asked(self, asked: Hear) -> Heard:
        limit = httpx2.Timeout(asked.deadline_s, connect=_CONNECT_S)
        raw = await self._client.audio.transcriptions.with_raw_response.create(
            model=self.ears.model,
            file=(asked.filename, asked.sound, asked.content_type),
            language=asked.language or openai.omit,
            response_format="json" if self.ears.gives == "text" else "verbose_json",
            timestamp_granularities=_granularities(self.ears),
            timeout=limit,
        )
        return heard(raw.content, asked, self.ears.model)


def _granularities(ears: Ears) -> list[Granularity] | openai.Omit:
    match ears.gives:
        case "words":
            return ["word", "segment"]
        case "segments":
            return ["segment"]
        case "text":
            return openai.omit


def heard(body: bytes, asked: Hear, model: str) -> Heard:
    """A 200 proves nothing: raises AskAgain for what is no transcript."""
    try:
        answer = msgspec.json.decode(body.strip(), type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AskAgain(f"the body is not a transcript: {error}") from error
    words = [
        Said(each.word.strip(), each.start, each.end) for each in answer.words or ()
    ]
    parts = [
        Said(each.text.strip(), each.start, each.end) for each in answer.segments or ()
    ]
    return Heard(
        text=answer.text.strip(),
        spent=_spent(answer, asked, model),
        words=in_order(words, asked.seconds),
        segments=in_order(parts, asked.seconds),
    )


def _spent(answer: _Answer, asked: Hear, model: str) -> Spent:
    used = answer.usage or _Used()
    by_tokens = used.input_tokens or used.output_tokens
    told = used.seconds or answer.duration or asked.seconds
    return Spent(
        model_name=model,
        prompt_tokens=used.input_tokens,
        completion_tokens=used.output_tokens,
        audio_tokens=used.audio,
        seconds=0.0 if by_tokens else told,
    )


def in_order(said: Iterable[Said], seconds: float) -> tuple[Said, ...]:
    """Models dream up times: none is before the one before it, none after the end."""
    found: list[Said] = []
    at = 0.0
    for each in said:
        start = min(max(each.start, at), seconds)
        at = min(max(each.end, start), seconds)
        if each.text:
            found.append(Said(each.text, start, at))
    return tuple(found)
