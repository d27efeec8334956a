"""`make hls`: five clips of a film through the ladder, judged three times over.

python -m tests.hls [--only NAME ...] [--json FILE]

By our own checker, by Shaka Packager and by hls.js in Chromium.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field, to_builtins
from playwright.sync_api import Browser, sync_playwright

from media_agents.engines.ffmpeg import find_engine
from media_agents.recipes import Video, make_video
from tests.fixtures.fix_browser import QUIET, program
from tests.hls.clips import CUES, RECIPES, SECONDS, make
from tests.hls.player import NeverCame, Played, play, served
from tests.hls.rules import RULES, broken, read
from tests.hls.shaka import bandwidths

NEAR = 0.01
EXACT_S = 0.001


def made(name: str, folder: Path) -> tuple[Video, Path]:
    engine = find_engine()
    source = make(name, folder, engine)
    work = folder / name
    work.mkdir()
    return asyncio.run(make_video(source, work, engine=engine)), work


class Judged(Struct):
    """What three judges said of all clips; `wrong` are the sentences of any of them.

    Shaka's numbers differ from ours by a share, cues from what was written by seconds.
    """

    clips: int = 0
    rules_broken: int = 0
    bandwidth_off: float = 0.0
    fatal: int = 0
    holes: int = 0
    starts_at: float = 0.0
    cues_off: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def object(self, sentence: str) -> None:
        self.wrong.append(sentence)
        _say(f"  BAD {sentence}")


def judge(name: str, video: Video, work: Path, browser: Browser, told: Judged) -> None:
    """Prints what each found."""
    sizes = ", ".join(f"{rung.width}x{rung.height}" for rung in video.rungs)
    _say(f"{name}: {sizes}, {video.duration_ms / 1000:.2f} s")
    told.clips += 1
    _ours(work / video.master, told)
    _shakas(video, work, told)
    _players(video, work, browser, told)


def _ours(master: Path, told: Judged) -> None:
    found = broken(master)
    told.rules_broken += len(found)
    _say(f"  checker: {len(RULES)} rules, {len(found)} broken")
    for sentence in found:
        told.object(sentence)


def _shakas(video: Video, work: Path, told: Judged) -> None:
    pictures = [work / f"encoded-{rung.name}.mp4" for rung in video.rungs]
    sound = work / "encoded-sound-0.m4a"
    theirs = bandwidths(pictures, sound if sound.exists() else None, work / "shaka")
    worst = 0.0
    for each in read(work / video.master).master.playlists:
        info = each.stream_info
        size = "x".join(map(str, info.resolution))
        pairs = zip((info.bandwidth, info.average_bandwidth), theirs[size], strict=True)
        for name, (ours, other) in zip(("peak", "average"), pairs, strict=True):
            off = abs(ours - other) / other
            worst = max(worst, off)
            if off > NEAR:
                told.object(f"{size} {name}: we say {ours}, Shaka {other}")
    told.bandwidth_off = max(told.bandwidth_off, worst)
    _say(f"  Shaka: bandwidths differ by {worst:.2%} at most")


def _players(video: Video, work: Path, browser: Browser, told: Judged) -> None:
    try:
        with served(work) as base:
            seen = play(browser, base, video.master)
    except NeverCame as never:
        told.fatal += 1
        told.object(f"hls.js: never came true: {never}")
        return
    off = cues_off(seen.cues)
    told.fatal += len(seen.fatal)
    told.holes += len(seen.holes)
    told.starts_at = max(told.starts_at, seen.starts_at)
    told.cues_off = max(told.cues_off, off)
    _say(
        f"  hls.js: levels {seen.levels}, starts at {seen.starts_at:.3f}, "
        f"{len(seen.fatal)} fatal errors, {len(seen.holes)} holes, "
        f"{'ended' if seen.ended else 'did not end'}, "
        f"{len(seen.cues)} cues off by {off * 1000:.1f} ms at most"
    )
    for sentence in _complaints(video, seen, off):
        told.object(f"hls.js: {sentence}")


def _complaints(video: Video, seen: Played, off: float) -> Iterator[str]:
    if len(seen.levels) != len(video.rungs) or not seen.ended:
        yield f"levels {seen.levels}, ended {seen.ended}"
    yield from (*seen.fatal, *seen.holes)
    if seen.starts_at > EXACT_S:
        yield f"the picture begins at {seen.starts_at:.3f}"
    if abs(seen.duration - video.duration_ms / 1000) > 0.1:
        yield f"{seen.duration:.2f} s instead of {video.duration_ms} ms"
    if off > EXACT_S:
        yield f"cues {seen.cues} instead of {CUES}"


def cues_off(seen: Sequence[tuple[float, float, str]]) -> float:
    """Seconds that the worst edge is off; the whole clip where words are others."""
    if [text for _, _, text in seen] != [text for _, _, text in CUES]:
        return float(SECONDS)
    edges = zip(seen, CUES, strict=True)
    found = max(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in edges)
    # A browser counts in binary seconds; a microsecond is not its fault.
    return round(found, 6)


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", nargs="*", default=list(RECIPES))
    given.add_argument("--json", type=Path)
    options = given.parse_args()
    wanted, told = options.only, Judged()
    with tempfile.TemporaryDirectory(prefix="contentops-hls-") as folder:
        # Before the browser, whose thread cannot run another loop.
        all_made = {name: made(name, Path(folder)) for name in wanted}
        with sync_playwright() as playwright:
            chromium = playwright.chromium
            browser = chromium.launch(executable_path=program(), args=list(QUIET))
            for name, (video, work) in all_made.items():
                judge(name, video, work, browser, told)
            browser.close()
    _say(f"{told.clips} clips, {len(told.wrong)} findings")
    if options.json:
        figures = {**to_builtins(told), "objections": len(told.wrong)}
        options.json.write_text(json.dumps(figures, indent=2))
    return 1 if told.wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
