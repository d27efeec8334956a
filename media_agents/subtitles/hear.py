"""Recognises English in raw sound, as JSON; run as a script of its own, confined.

The sound is 16 kHz, mono, 16 bit. The work to do is a JSON file of pieces, each with
its place in the sound and, where it is known, what is said there.
"""

import json
import re
import sys
from pathlib import Path
from typing import BinaryIO, Protocol, TypedDict

from pocketsphinx import Decoder

RATE = 16_000
FRAMES = 100
# Wide, so that a voice unlike those of the model is not given up halfway; the second
# pass over what the first one left finds no way to the end where the first one did.
PATIENT = {"beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-60, "bestpath": False}
# How a letter sounds in a word nobody knows: near enough to find where it is said.
SOUNDS = {
    "a": "AH", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F",
    "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L",
    "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R",
    "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K",
    "y": "IY", "z": "Z",
}  # fmt: skip
DIGITS = {
    "0": "Z IH R OW", "1": "W AH N", "2": "T UW", "3": "TH R IY", "4": "F AO R",
    "5": "F AY V", "6": "S IH K S", "7": "S EH V AH N", "8": "EY T", "9": "N AY N",
}  # fmt: skip


class Piece(TypedDict, total=False):
    """Seconds; without a text anything may be said there."""

    start: float
    end: float
    text: str


class Segment(Protocol):
    """What the decoder tells of one word; its frames are hundredths of a second."""

    word: str
    start_frame: int
    end_frame: int


Told = dict[str, str | float]


def main(work: str) -> None:
    asked = json.loads(Path(work).read_text("utf-8"))
    with Path(asked["sound"]).open("rb") as file:
        told = [_heard(file, each) for each in asked["pieces"]]
    sys.stdout.write(json.dumps(told))


def _heard(file: BinaryIO, piece: Piece) -> list[Told]:
    file.seek(round(piece["start"] * RATE) * 2)
    sound = file.read(round((piece["end"] - piece["start"]) * RATE) * 2)
    text = piece.get("text")
    if text is not None and not spoken(text):
        return []
    decoder = Decoder(samprate=RATE) if text is None else _aligner(text)
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    return [_word(each, piece["start"]) for each in decoder.seg() or () if _said(each)]


def _aligner(text: str) -> Decoder:
    decoder = Decoder(samprate=RATE, lm=None, **PATIENT)
    words = spoken(text)
    for word in dict.fromkeys(words):
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, _sounds(word), update=True)
    decoder.set_align_text(" ".join(words))
    return decoder


def spoken(text: str) -> list[str]:
    """One name for each word that is written between blanks; none for marks alone."""
    return [word for each in text.lower().split() if (word := _name(each))]


def _name(word: str) -> str:
    return re.sub(r"[^a-z0-9']", "", word).strip("'")


def _sounds(word: str) -> str:
    known = (SOUNDS | DIGITS).get
    return " ".join(filter(None, map(known, word))) or "AH"


def _said(segment: Segment) -> bool:
    return not segment.word.startswith(("<", "[", "("))


def _word(segment: Segment, at: float) -> Told:
    return {
        "text": re.sub(r"\(\d+\)$", "", segment.word),
        "start": round(at + segment.start_frame / FRAMES, 3),
        "end": round(at + (segment.end_frame + 1) / FRAMES, 3),
    }


if __name__ == "__main__":
    main(sys.argv[1])
