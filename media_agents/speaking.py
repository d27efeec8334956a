"""The voices that need no network: eSpeak NG out of its wheel, in a confined child.

The library is GPL-3.0 and is never loaded into a process of ours; its child gets the
text by a file and answers by a file, without a network and within fixed limits.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from ai_adapter.errors import AskAgain, Refused, TryLater
from ai_adapter.speech import Abilities, Utterance, check
from media_agents import errors
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import ask

# Our languages, and the voice of eSpeak NG that speaks each.
VOICES = {
    "zh": "cmn",
    "en": "en-us",
    "de": "de",
    "es": "es",
    "fr": "fr-fr",
    "it": "it",
    "ko": "ko",
    "pt": "pt",
    "ru": "ru",
}
WORDS_A_MINUTE = "165"
_ESPEAK = Path(__file__).parent / "engines" / "espeak.py"
_LIMITS = Limits(
    seconds=60, cpu_seconds=30, memory_bytes=512 << 20, file_bytes=128 << 20
)


class Espeak:
    """Understandable rather than beautiful, and the same bytes every time."""

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            name="espeak-ng",
            voices=tuple(VOICES.values()),
            languages=tuple(VOICES),
            offline=True,
        )

    async def speak(self, wish: Utterance, target: Path) -> None:
        import espeakng_loader

        check(wish, self.abilities)
        voice = wish.voice or VOICES[wish.language]
        library = espeakng_loader.get_library_path()
        data = espeakng_loader.get_data_path()
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            text = Path(folder) / "text"
            await asyncio.to_thread(text.write_text, wish.text, "utf-8")
            given = [library, data, voice, WORDS_A_MINUTE, str(text), str(target)]
            await _run(["-I", "-S", str(_ESPEAK), *map(str, given)])

    async def close(self) -> None:
        return


async def _run(arguments: list[str]) -> None:
    try:
        await ask(sys.executable, arguments, limits=_LIMITS)
    except errors.TryLater as later:
        raise TryLater(later.reason) from later
    except errors.MediaRefused as no:
        if "there is no voice" in no.reason:
            raise Refused("no_voice", no.reason) from no
        raise AskAgain(no.reason) from no
