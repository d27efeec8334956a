"""`make journey`: from a browser's upload to the files Bilibili and Douyin take.

python -m tests.journey [--video FILE] [--data DIR] [--out DIR]

Ends with 1 where a rule of a destination is broken, and keeps both files in `--out`.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from rich.table import Table

from infra import inspect, keys
from infra.demo.client import Client, Json, Thing
from infra.demo.hosting import hosted
from infra.demo.screen import Screen
from infra.problem import Stop
from infra.settings import Settings
from infra.terminal import given
from media_agents.engines.ffmpeg import find_engine
from tests.journey import material
from tests.journey.story import STEPS, Journey, tell
from tests.journey.verdict import Judged

CANVAS: Thing = {"width": 1280, "height": 720, "frameRate": "25"}
RUNGS: list[Json] = ["720p", "360p"]


def walk(settings: Settings, video: Path | None, folder: Path) -> Journey:
    """On what already runs there, or on an installation that ends with it."""
    engine, screen = find_engine(), Screen(inspect.wide_console(), STEPS)
    with hosted(settings, screen.say) as running:
        key = keys.create(running, f"journey-{secrets.token_hex(3)}", "admin")
        client = Client(running.api_url, key)
        try:
            journey = Journey(
                client=client,
                screen=screen,
                engine=engine,
                material=material.of(engine, folder, video),
                folder=folder,
                key=key,
                canvas=CANVAS,
                rungs=RUNGS,
            )
            client.listen(screen.news)
            tell(journey)
        finally:
            client.close()
    return journey


def shown(journey: Journey) -> Table:
    """Both files side by side: each rule, what the file has, what is wanted."""
    told = Table(title="Each file against its destination", title_justify="left")
    for name in ("destination", "rule", "found", "wanted", ""):
        told.add_column(name, overflow="fold")
    for each in journey.judged:
        for line in each.lines:
            verdict = "[green]✓" if line.fit else "[red]broken"
            told.add_row(each.destination, line.field, line.found, line.wanted, verdict)
        told.add_section()
    return told


def broken(judged: list[Judged]) -> list[str]:
    return [f"{one.destination}: {line}" for one in judged for line in one.broken]


def main() -> int:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--video", type=Path, help="a clip of yours, 4 s or longer")
    asked.add_argument("--data", type=Path, help="where the installation lies")
    asked.add_argument("--out", type=Path, help="where both files are kept")
    wish = asked.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="journey-") as temporary:
            told(given(wish.data), wish.video, wish.out or Path(temporary))
    except Stop as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.code
    return 0


def told(settings: Settings, video: Path | None, folder: Path) -> None:
    """Raises Stop that names every broken rule."""
    if video and not video.is_file():
        raise Stop(f"There is no file {video}: give --video the path of a clip.", 2)
    folder.mkdir(parents=True, exist_ok=True)
    journey = walk(settings, video, folder)
    journey.screen.console.print(shown(journey))
    if wrong := broken(journey.judged):
        raise Stop("\n".join(wrong))


if __name__ == "__main__":
    sys.exit(main())
