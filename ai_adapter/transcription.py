"""Speech into text: what is asked of a service that hears, and what it answers."""

import asyncio
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_exception

from ai_adapter import price_book
from ai_adapter.attempts import Run, Timing
from ai_adapter.base import Attempt, Spent, Usage
from ai_adapter.errors import Misconfigured, OutcomeUnknown, Refused

# Whether a model tells the time of every word, of every sentence, or of nothing.
Gives: TypeAlias = Literal["words", "segments", "text"]
# Of OpenAI's guide; servers of one's own take more.
MOST_BYTES = 25_000_000


class Ears(Struct, frozen=True):
    """One model of one OpenAI-compatible door, and what it is able to tell.

    `base_url` may be left out for a provider that the registry knows.
    """

    name: str
    model: str
    base_url: str = ""
    api_key: str = ""
    gives: Gives = "words"
    most_bytes: int = MOST_BYTES

    def __repr__(self) -> str:
        """Without the key."""
        return f"Ears({self.name!r}, {self.model!r}, gives={self.gives!r})"


class Hear(Struct, frozen=True, kw_only=True):
    """A file of sound; `language` as ISO 639-1, empty = let the model find out."""

    sound: bytes
    seconds: float
    language: str = ""
    filename: str = "sound.wav"
    content_type: str = "audio/wav"
    deadline_s: float = 300.0


class Said(Struct, frozen=True):
    """Some words, and when they are said: seconds from the beginning of the sound."""

    text: str
    start: float
    end: float


class Heard(Struct, frozen=True):
    """What one call answered; a model that tells no times leaves the tuples empty."""

    text: str
    spent: Spent
    words: tuple[Said, ...] = ()
    segments: tuple[Said, ...] = ()


class Transcript(Struct, frozen=True):
    """`usage` is the sum of all attempts; `attempts` has each one."""

    text: str
    words: tuple[Said, ...]
    segments: tuple[Said, ...]
    provider: str
    model_name: str
    usage: Usage
    attempts: tuple[Attempt, ...]


class Listener(Protocol):
    """Hears once: it neither retries nor prices."""

    @property
    def ears(self) -> Ears: ...

    async def hear(self, asked: Hear) -> Heard:
        """Raises only the classes of `ai_adapter.errors`."""

    async def close(self) -> None: ...


class Transcriber:
    """One service that hears, asked again where that makes sense."""

    def __init__(self, listener: Listener, timing: Timing | None = None) -> None:
        self._listener = listener
        self._timing = timing or Timing()

    @property
    def ears(self) -> Ears:
        return self._listener.ears

    async def hear(self, asked: Hear) -> Transcript:
        """Raises the classes of `ai_adapter.errors`, the last trouble of several."""
        if len(asked.sound) > self.ears.most_bytes:
            size = f"{len(asked.sound)} of {self.ears.most_bytes} bytes"
            raise Refused("sound_too_large", f"the sound has {size}; cut it")
        begun = self._timing.monotonic()
        run = Run(self._timing, begun, begun + asked.deadline_s)
        retrying = AsyncRetrying(
            sleep=self._timing.sleep,
            retry=retry_if_exception(run.again),
            wait=run.wait,
            stop=run.stop,
            reraise=True,
        )
        try:
            heard: Heard = await retrying(self._once, asked, run)
        except Refused as refused:
            refused.attempts = tuple(run.attempts)
            raise
        return self._transcript(heard, run)

    async def close(self) -> None:
        await self._listener.close()

    async def _once(self, asked: Hear, run: Run) -> Heard:
        call = _in_time(self._listener, asked, max(run.left(), 0.001))
        return await run.noted(self.ears.name, self.ears.model, call)

    def _transcript(self, heard: Heard, run: Run) -> Transcript:
        paid = tuple(each.usage for each in run.attempts if each.usage)
        return Transcript(
            text=heard.text,
            words=heard.words,
            segments=heard.segments,
            provider=self.ears.name,
            model_name=heard.spent.model_name,
            usage=price_book.total(paid),
            attempts=tuple(run.attempts),
        )


async def _in_time(listener: Listener, asked: Hear, seconds: float) -> Heard:
    try:
        async with asyncio.timeout(seconds):
            return await listener.hear(asked)
    except TimeoutError as error:
        raise OutcomeUnknown("no answer before the deadline") from error


def transcriber(ears: Ears, timing: Timing | None = None) -> Transcriber:
    """Raises Misconfigured for what no service could be reached with."""
    from ai_adapter.providers.hearing import OpenAICompatible

    if not ears.model:
        raise Misconfigured(f"transcription by {ears.name!r} needs a model")
    timing = timing or Timing()
    return Transcriber(OpenAICompatible(ears, timing.now), timing)
