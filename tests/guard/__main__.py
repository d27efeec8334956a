"""`python -m tests.guard`: precision and recall, in all, by language and by kind.

`--wrong` also lists what was judged wrongly in the part that may be tuned on. The
other part is only counted: a rule written after one of its texts proves nothing.
"""

import argparse
import sys

from ai_adapter.guard.data import thresholds
from tests.guard.measure import PARTS, figures, judged, published


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--wrong", action="store_true")
    wrong = given.parse_args().wrong
    for part in PARTS:
        _say(part, "| group | found | marked wrongly | precision | recall |")
        _say(*published(part), *_by_threshold(part), "")
    if wrong:
        _say(*_judged_wrongly())
    return 0


def _by_threshold(part: str) -> list[str]:
    rows = judged(part)
    found = [(at, figures(rows, at)) for at in (0.3, 0.4, 0.5, 0.6, 0.8)]
    return [f"from {at}: {each.precision:.2f}, {each.recall:.2f}" for at, each in found]


def _judged_wrongly() -> list[str]:
    at = thresholds()["*"].mark
    return [
        f"{row.finding.score:.2f} {row.entry.text} {' '.join(row.finding.rules)}"
        for row in judged("tuning")
        if row.marked(at) != row.entry.attack
    ]


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
