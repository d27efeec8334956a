"""Speaks a text into a WAV file with eSpeak NG; run as a script of its own, confined.

Arguments: library, folder of its data, voice, words a minute, text file, target. It
needs nothing but the standard library, so the child sees no package of ours.
"""

import ctypes
import sys
import wave
from ctypes import c_char_p, c_int, c_size_t, c_uint, c_void_p
from pathlib import Path

# speak_lib.h of eSpeak NG 1.52.
SYNCHRONOUS = 2
DONT_EXIT = 0x8000
RATE, CHARACTERS, UTF8 = 1, 1, 1
OK = 0
Callback = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)


def main(arguments: list[str]) -> None:
    library, data, voice, rate, text, target = arguments
    speaker = ctypes.CDLL(library)
    hertz = speaker.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DONT_EXIT)
    if hertz <= 0:
        sys.exit("the voices cannot be read")
    if speaker.espeak_SetVoiceByName(voice.encode()) != OK:
        sys.exit(f"there is no voice {voice}")
    speaker.espeak_SetParameter(RATE, int(rate), 0)
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, hertz, 0, "NONE", ""))
        _speak(speaker, Path(text).read_bytes(), file)


def _speak(speaker: ctypes.CDLL, text: bytes, file: wave.Wave_write) -> None:
    def heard(samples: int | None, count: int, _events: object) -> int:
        if samples and count > 0:
            file.writeframesraw(ctypes.string_at(samples, 2 * count))
        return 0

    kept = Callback(heard)
    speaker.espeak_SetSynthCallback(kept)
    speaker.espeak_Synth.argtypes = [
        c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p
    ]  # fmt: skip
    done = speaker.espeak_Synth(text, len(text) + 1, 0, CHARACTERS, 0, UTF8, None, None)
    if done != OK:
        sys.exit("the text cannot be spoken")


if __name__ == "__main__":
    main(sys.argv[1:])
