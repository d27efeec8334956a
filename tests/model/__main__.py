"""`python -m tests.model HISTORIES`: the real decider and the weaker ones, counted."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from model.driver import history
from model.variants import PLANTED, REAL, Variant


def count(variant: Variant, histories: int) -> tuple[int, str]:
    """Histories with something wrong, and a line that says what."""
    wrong, bad = Counter[str](), 0
    sums = Counter[str]()
    for seed in range(histories):
        found, world = history(seed, variant)
        bad += bool(found)
        wrong.update(found)
        sums["confirmed"] += world.confirmed
        sums["read back"] += world.readbacks
        sums["saves"] += world.saved
        sums["fetches"] += world.fetched
    return bad, (
        f"{variant.name:13} histories {histories} with violations {bad} "
        f"{dict(wrong)} {dict(sums)}"
    )


def main() -> int:
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    failed = 0
    for variant in (REAL, *PLANTED):
        bad, line = count(variant, histories)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        failed += (bad > 0) == (variant is REAL)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
