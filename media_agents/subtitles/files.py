"""SRT, WebVTT and ASS: read with suspicion, written so that they read back alike.

pysubs2 knows the formats; what it would take for granted is seen to before: which
lines are times and which are words, marks that would be tags, encodings, sizes.
Tags of any kind are left out, so no words of a user are ever read as an order.
"""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from media_agents.errors import MediaRefused
from media_agents.subtitles.rules import (
    LATEST_MS,
    MOST_CHARACTERS,
    MOST_CUES,
    Cue,
    broken,
)

Format: TypeAlias = Literal["srt", "vtt", "ass"]
FORMATS: tuple[Format, ...] = get_args(Format)
CONTENT_TYPES: dict[Format, str] = {
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "ass": "text/x-ssa",
}
MOST_BYTES = 1 << 20

# Characters that mean something to one of the formats, and stand-ins for the time
# between us and the library. The stand-ins are private use: no font shows them.
_MEANING = "<>{}\\&"
_HIDE = {ord(each): 0xF8F0 + n for n, each in enumerate(_MEANING)}
_SHOW = {number: chr(letter) for letter, number in _HIDE.items()}
_PRIVATE = "\ue000-\uf8ff"
# Controls, half characters, marks that turn the direction of text, private use.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\u200b\u202a-\u202e\u2060\u2066-\u2069"
    f"\ud800-\udfff{_PRIVATE}]"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>")
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_CLOCK = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMES = re.compile(rf"^\s*({_CLOCK})\s*-->\s*({_CLOCK})(?:\s.*)?$")
_DIALOGUE = re.compile(
    r"^Dialogue:\s*[^,]*,\s*([^,]*?)\s*,\s*([^,]*?)\s*,(?:[^,]*,){6}(.*)$"
)
_ASS_CLOCK = re.compile(r"^\d{1,2}:\d{1,2}:\d{1,2}[.,]\d{1,3}$")
_FIRST = re.compile(
    r"-->|^\ufeff?\[(?:Script Info|Events)\]", re.MULTILINE | re.IGNORECASE
)
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}")
_BREAK = "\\N"
# A word joiner after it keeps a backslash from being the first half of an order.
_APART = "\\\u2060"


def read(data: bytes, *, lenient: bool = False) -> tuple[list[Cue], Format]:
    """Cues in order of time.

    `lenient` leaves overlaps to whoever mends them. Raises MediaRefused.
    """
    text = _withdrawn(decoded(data))
    kind = format_of(text)
    found = sorted(_cues(text, kind), key=lambda cue: (cue.start_ms, cue.end_ms))
    checked(found, lenient=lenient)
    return found, kind


def checked(cues: Sequence[Cue], *, lenient: bool = False) -> None:
    """Raises MediaRefused for what no player could show, and for too much of it."""
    if not cues:
        raise _refused("no_cues", "it has no cues", "Send a file with words in it.")
    total = sum(len(line) for cue in cues for line in cue.lines)
    if len(cues) > MOST_CUES or total > MOST_CHARACTERS:
        raise _refused(
            "too_large",
            f"it has {len(cues)} cues with {total} characters",
            f"Send at most {MOST_CUES} cues with {MOST_CHARACTERS} characters.",
        )
    for fault in broken(cues):
        if not (lenient and fault.rule == "overlap"):
            raise _refused("bad_cue", fault.detail.rstrip("."), fault.remedy)


def decoded(data: bytes) -> str:
    """UTF-8, UTF-16 or GB18030, told by a mark at the beginning or by trying."""
    if len(data) > MOST_BYTES:
        raise _refused(
            "too_large", f"it has {len(data)} bytes", f"Send at most {MOST_BYTES}."
        )
    for encoding in _encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused(
        "bad_encoding",
        "it is no text in UTF-8, UTF-16 or GB18030",
        "Save the subtitles as UTF-8.",
    )


def _withdrawn(text: str) -> str:
    """Private characters go first: they stand for others further on."""
    return re.sub(f"[{_PRIVATE}]", "", text)


def _encodings(data: bytes) -> tuple[str, ...]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    # Of western text in UTF-16 every other byte is zero, of the first of all.
    if b"\0" in data[:200]:
        return ("utf-16-le" if data[1:2] == b"\0" else "utf-16-be",)
    return ("utf-8-sig", "gb18030")


def format_of(text: str) -> Format:
    """By what comes first: words may look like the beginning of another format."""
    if text.lstrip("\ufeff \r\n\t").startswith("WEBVTT"):
        return "vtt"
    first = _FIRST.search(text)
    if first is None:
        raise _refused(
            "not_subtitles",
            "it is neither SRT nor WebVTT nor ASS",
            "Send one of these.",
        )
    return "srt" if first[0] == "-->" else "ass"


def clean(line: str) -> str:
    """A line as it may be kept: no tags, nothing unseen, no arrow that means time."""
    seen = " ".join(_UNSEEN.sub("", line).split())
    before = None
    # What is left of a tag inside a tag may be a tag.
    while before != seen:
        before, seen = seen, _OVERRIDE.sub("", _TAG.sub("", seen))
    return seen.replace("-->", "→").strip()


def _cues(text: str, kind: Format) -> Iterator[Cue]:
    import pysubs2

    plain = "\n".join(_canonical(text, kind))
    try:
        found = pysubs2.SSAFile.from_string(plain, format_=kind)
    except (ValueError, TypeError, IndexError, pysubs2.Pysubs2Error) as error:
        raise _refused(
            "not_subtitles", "it cannot be read", "Save it again in another program."
        ) from error
    for event in found:
        words = event.text.replace(_BREAK, "\n").translate(_SHOW)
        kept = (clean(line) for line in words.split("\n"))
        lines = tuple(line for line in kept if line)
        if lines:
            yield Cue(event.start, event.end, lines)


def _canonical(text: str, kind: Format) -> Iterator[str]:
    """Times and words alone, marked so that the library cannot take one for another."""
    lines = re.split(r"\r\n|[\r\n]", text)
    if kind == "ass":
        yield from ("[Script Info]", "", "[Events]")
        yield from _dialogues(lines)
        return
    yield from ("WEBVTT", "") if kind == "vtt" else ()
    for number, (times, words) in enumerate(_blocks(lines, kind), 1):
        yield from (str(number), times)
        yield from (_hidden(line, kind) for line in words)
        yield ""
    # The library drops a number after the last cue, so there is one.
    yield "0"


def _blocks(lines: list[str], kind: Format) -> Iterator[tuple[str, list[str]]]:
    places = [n for n, line in enumerate(lines) if "-->" in line]
    if len(places) > MOST_CUES:
        raise _refused(
            "too_large", f"it has {len(places)} cues", f"Send at most {MOST_CUES}."
        )
    for place, following in pairwise([*places, len(lines)]):
        words = lines[place + 1 : following]
        ends = kind == "vtt" or following == len(lines)
        yield _times(lines[place], place), _until_next(words, kind, last=ends)


def _until_next(words: list[str], kind: Format, *, last: bool) -> list[str]:
    """Without the number or name of the cue that follows."""
    if kind == "vtt":
        blank = next((n for n, line in enumerate(words) if not line.strip()), None)
        return [line for line in words[:blank] if line.strip()]
    numbered = not last and words and words[-1].strip().isdecimal()
    return [line for line in (words[:-1] if numbered else words) if line.strip()]


def _times(line: str, place: int) -> str:
    found = _TIMES.match(line)
    if found is None:
        raise _refused(
            "bad_time",
            f"line {place + 1} is no pair of times",
            "Write it like 00:01:02,500 --> 00:01:04,000.",
        )
    return f"{_clock(found[1])} --> {_clock(found[2])}"


def _clock(text: str) -> str:
    """As both formats spell it; the library misreads more than two digits of hours."""
    *hours, minutes, seconds = re.split(r":", text.replace(",", "."))
    whole, _, part = seconds.partition(".")
    ms = (int(hours[0]) if hours else 0) * 3_600_000 + int(minutes) * 60_000
    ms += int(whole) * 1000 + int(part.ljust(3, "0"))
    return spelt(min(ms, LATEST_MS + 1000))


def spelt(ms: int) -> str:
    """01:02:03.456."""
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _dialogues(lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        if not line.startswith("Dialogue:"):
            continue
        found = _DIALOGUE.match(line)
        if found is None or not all(_ASS_CLOCK.match(found[n]) for n in (1, 2)):
            raise _refused(
                "bad_time",
                f"line {place + 1} is no line of words with two times",
                "Write its times like 0:01:02.50.",
            )
        if not _DRAWING.search(found[3]):
            words = _hidden(found[3], "ass")
            yield f"Dialogue: 0,{found[1]},{found[2]},Default,,0,0,0,,{words}"


def _hidden(line: str, kind: Format) -> str:
    """Without tags; what is left of their characters means nothing any more."""
    if kind == "ass":
        return _hidden_in_ass(line)
    words = clean(line)
    if kind == "vtt":
        words = clean(html.unescape(words))
    return words.translate(_HIDE)


def _hidden_in_ass(line: str) -> str:
    """Orders stand in braces, unless these are escaped; two of them are spaces."""
    apart = line.replace(_APART, chr(_HIDE[ord("\\")]))
    spoken = re.sub(r"(?<!\\)\{[^{}]*\}", "", apart)
    plain = re.sub(r"\\([{}])", r"\1", spoken).replace("\\h", " ")
    lines = (each.translate(_SHOW) for each in re.split(r"\\[Nn]", plain))
    return _BREAK.join(clean(each).translate(_HIDE) for each in lines)


def written(cues: Sequence[Cue], kind: Format) -> str:
    """A file of its own; times of ASS are hundredths of a second."""
    import pysubs2

    made = pysubs2.SSAFile()
    made.events = [
        pysubs2.SSAEvent(cue.start_ms, cue.end_ms, hidden_lines(cue)) for cue in cues
    ]
    if kind == "ass":
        return shown(made.to_string(kind, header_notice=""), kind)
    return shown(made.to_string(kind), kind)


def hidden_lines(cue: Cue) -> str:
    """The words of a cue for the library, which must find no orders in them."""
    return _BREAK.join(clean(line).translate(_HIDE) for line in cue.lines)


def shown(text: str, kind: Format) -> str:
    """What the library wrote, with every character spelt as the format asks."""
    return text.translate({n: _SPELT[kind](chr(each)) for each, n in _HIDE.items()})


def _of_ass(letter: str) -> str:
    if letter == "\\":
        return _APART
    return f"\\{letter}" if letter in "{}" else letter


_SPELT: dict[Format, Callable[[str], str]] = {
    "srt": str,
    "vtt": lambda letter: html.escape(letter, quote=False),
    "ass": _of_ass,
}


def _refused(code: str, reason: str, remedy: str) -> MediaRefused:
    return MediaRefused(code, reason, remedy)
