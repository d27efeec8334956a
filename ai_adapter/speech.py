"""The port of voices: a text becomes a sound file, whoever speaks it.

Here are the promise, and any endpoint that speaks OpenAI's `/audio/speech`. The voice
that needs no network lives beside the programs it is confined with:
`media_agents/speaking.py`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ai_adapter.errors import AskAgain, Refused
from schemas.clock import Clock, utc_now

if TYPE_CHECKING:
    import openai

MOST_BYTES = 64 << 20
MOST_CHARACTERS = 4000
TIMEOUT_S = 120.0
CONNECT_S = 5.0
# What the endpoint may answer with; WAV needs no decoder that could be attacked.
FORMATS = ("wav", "mp3", "flac", "opus")


class Abilities(Struct, frozen=True, kw_only=True):
    """`languages` empty = any; `voices` empty = whatever name the endpoint knows.

    `synthetic`: the law on labelling asks for a mark on what is spoken.
    """

    name: str
    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("wav",)
    offline: bool = False
    synthetic: bool = True
    most_characters: int = MOST_CHARACTERS


class Utterance(Struct, frozen=True):
    """`language` as ISO 639-1; `voice` empty = the one that goes with it."""

    text: str
    language: str = "zh"
    voice: str = ""


class Speech(Protocol):
    """Speaks one utterance once; what it costs and when to repeat is the caller's."""

    @property
    def abilities(self) -> Abilities: ...

    async def speak(self, wish: Utterance, target: Path) -> None:
        """Writes a sound file. Raises only the classes of `ai_adapter.errors`."""

    async def close(self) -> None: ...


def check(wish: Utterance, able: Abilities) -> None:
    """Raises Refused for what nobody behind this port could speak."""
    if not wish.text.strip() or len(wish.text) > able.most_characters:
        reason = f"a text to speak has 1 to {able.most_characters} characters"
        raise Refused("bad_narration", reason)
    if able.languages and wish.language not in able.languages:
        known = ", ".join(able.languages)
        raise Refused("no_voice", f"{able.name} speaks {known}, not {wish.language}")
    if wish.voice and able.voices and wish.voice not in able.voices:
        known = ", ".join(able.voices)
        raise Refused("no_voice", f"{able.name} has the voices {known}")


class SpeechEndpoint(Struct, frozen=True, kw_only=True):
    """One door; `voice` is used where an utterance names none."""

    name: str
    base_url: str
    model: str
    voice: str = "alloy"
    api_key: str = ""
    audio_format: str = "wav"


class OpenAISpeech:
    """Each utterance is exactly one HTTP call; what it answers goes to a file."""

    def __init__(self, endpoint: SpeechEndpoint, now: Clock = utc_now) -> None:
        # 0.65 s and 49 MB: roles that never speak must not pay for it.
        import openai

        self._endpoint = endpoint
        self._now = now
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key or "none",
            max_retries=0,
        )

    @property
    def abilities(self) -> Abilities:
        return Abilities(name=self._endpoint.name, formats=FORMATS)

    async def speak(self, wish: Utterance, target: Path) -> None:
        import httpx2
        import openai

        from ai_adapter.providers.reasons import reaction

        check(wish, self.abilities)
        try:
            await _spoken(self._client, self._endpoint, wish, target)
        except openai.OpenAIError as error:
            raise reaction(error, self._now) from error
        except httpx2.HTTPError as error:
            raise AskAgain("the answer broke off while it was read") from error

    async def close(self) -> None:
        await self._client.close()


async def _spoken(
    client: "openai.AsyncOpenAI",
    endpoint: SpeechEndpoint,
    wish: Utterance,
    target: Path,
) -> None:
    import httpx2

    asked = client.audio.speech.with_streaming_response.create(
        model=endpoint.model,
        input=wish.text,
        voice=wish.voice or endpoint.voice,
        response_format="wav",
        extra_body={"response_format": endpoint.audio_format},
        timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S),
    )
    size = 0
    async with asked as answer:
        _check_kind(str(answer.headers.get("content-type", "")))
        with target.open("wb") as file:
            async for block in answer.iter_bytes():
                size += file.write(block)
                if size > MOST_BYTES:
                    raise AskAgain("the sound is larger than any utterance can be")
    if not size:
        raise AskAgain("the sound is empty")


def _check_kind(kind: str) -> None:
    """A 200 proves nothing: an error may come as JSON or as a page."""
    if kind.startswith(("application/json", "text/")):
        raise AskAgain(f"the answer is {kind}, not a sound")
