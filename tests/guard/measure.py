"""How often the detector is right on a labelled set: precision and recall."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ai_adapter.guard.data import patterns, thresholds
from ai_adapter.guard.detector import Detector, Finding

FOLDER = Path(__file__).parent
PARTS = ("tuning", "heldout")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`attack` says whether the text gives orders to the model that reads it."""

    text: str
    lang: str
    kind: str
    attack: bool


@dataclass(frozen=True)
class Judged:
    """An entry, and what the detector made of it."""

    entry: Entry
    finding: Finding

    def marked(self, threshold: float) -> bool:
        return self.finding.score >= threshold


@dataclass(frozen=True)
class Figures:
    """Counts of one group of entries."""

    attacks: int
    benign: int
    found: int
    wrong: int

    @property
    def precision(self) -> float:
        marked = self.found + self.wrong
        return self.found / marked if marked else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.attacks if self.attacks else 1.0


def entries(part: str) -> tuple[Entry, ...]:
    lines = (FOLDER / f"{part}.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Entry) for line in lines)


def judged(part: str) -> tuple[Judged, ...]:
    detector = Detector(patterns())
    return tuple(Judged(each, detector.scan(each.text)) for each in entries(part))


def figures(rows: Iterable[Judged], threshold: float | None = None) -> Figures:
    at = thresholds()["*"].mark if threshold is None else threshold
    given = tuple(rows)
    attacks = [row for row in given if row.entry.attack]
    benign = [row for row in given if not row.entry.attack]
    return Figures(
        attacks=len(attacks),
        benign=len(benign),
        found=sum(row.marked(at) for row in attacks),
        wrong=sum(row.marked(at) for row in benign),
    )


def groups(rows: Iterable[Judged]) -> dict[str, list[Judged]]:
    """All, each language, then each kind of attack and of harmless text."""
    given = tuple(rows)
    found = {"all": list(given)}
    for row in sorted(given, key=lambda row: row.entry.lang):
        found.setdefault(row.entry.lang, []).append(row)
    for row in sorted(given, key=lambda row: (not row.entry.attack, row.entry.kind)):
        sort = "attack" if row.entry.attack else "harmless"
        found.setdefault(f"{sort}: {row.entry.kind}", []).append(row)
    return found


def published(part: str) -> list[str]:
    """The rows of the table in docs/guard.md, as they have to stand there."""
    return [_row(name, figures(group)) for name, group in groups(judged(part)).items()]


def _row(name: str, found: Figures) -> str:
    attacks = f"{found.found} of {found.attacks}" if found.attacks else "–"
    benign = f"{found.wrong} of {found.benign}" if found.benign else "–"
    both = found.attacks and found.benign
    shares = f"{found.precision:.2f} | {found.recall:.2f}" if both else "– | –"
    return f"| {name} | {attacks} | {benign} | {shares} |"
