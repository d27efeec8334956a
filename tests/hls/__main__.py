"""`make hls`: five clips of a film through the ladder, judged three times over.

python -m tests.hls [--only NAME ...]

By our own checker, by Shaka Packager and by hls.js in Chromium.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from media_agents.engines.ffmpeg import find_engine
from media_agents.recipes import Video, make_video
from tests.fixtures.fix_browser import QUIET, program
from tests.hls.clips import RECIPES, make
from tests.hls.player import NeverCame, play, served
from tests.hls.rules import RULES, broken, read
from tests.hls.shaka import bandwidths

NEAR = 0.01


def made(name: str, folder: Path) -> tuple[Video, Path]:
    engine = find_engine()
    source = make(name, folder, engine)
    work = folder / name
    work.mkdir()
    return asyncio.run(make_video(source, work, engine=engine)), work


def judged(name: str, video: Video, work: Path, browser: Browser) -> Iterator[str]:
    """What anybody found wrong; prints what each found."""
    sizes = ", ".join(f"{rung.width}x{rung.height}" for rung in video.rungs)
    _say(f"{name}: {sizes}, {video.duration_ms / 1000:.2f} s")
    yield from _ours(work / video.master)
    yield from _shakas(video, work)
    yield from _players(video, work, browser)


def _ours(master: Path) -> Iterator[str]:
    found = broken(master)
    _say(f"  checker: {len(RULES)} rules, {len(found)} broken")
    yield from found


def _shakas(video: Video, work: Path) -> Iterator[str]:
    pictures = [work / f"encoded-{rung.name}.mp4" for rung in video.rungs]
    sound = work / "encoded-sound-0.m4a"
    theirs = bandwidths(pictures, sound if sound.exists() else None, work / "shaka")
    worst = 0.0
    for each in read(work / video.master).master.playlists:
        told = each.stream_info
        size = "x".join(map(str, told.resolution))
        pairs = zip((told.bandwidth, told.average_bandwidth), theirs[size], strict=True)
        for name, (ours, other) in zip(("peak", "average"), pairs, strict=True):
            off = abs(ours - other) / other
            worst = max(worst, off)
            if off > NEAR:
                yield f"{size} {name}: we say {ours}, Shaka {other}"
    _say(f"  Shaka: bandwidths differ by {worst:.2%} at most")


def _players(video: Video, work: Path, browser: Browser) -> Iterator[str]:
    try:
        with served(work) as base:
            seen = play(browser, base, video.master)
    except NeverCame as never:
        yield f"hls.js: never came true: {never}"
        return
    _say(
        f"  hls.js: levels {seen.levels}, starts at {seen.starts_at:.3f}, "
        f"{len(seen.fatal)} fatal errors, {len(seen.holes)} holes, "
        f"{'ended' if seen.ended else 'did not end'}"
    )
    if len(seen.levels) != len(video.rungs) or not seen.ended:
        yield f"hls.js: levels {seen.levels}, ended {seen.ended}"
    yield from (f"hls.js: {each}" for each in (*seen.fatal, *seen.holes))
    if seen.starts_at > 0.001:
        yield f"hls.js: the picture begins at {seen.starts_at:.3f}"
    if abs(seen.duration - video.duration_ms / 1000) > 0.1:
        yield f"hls.js: {seen.duration:.2f} s instead of {video.duration_ms} ms"


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", nargs="*", default=list(RECIPES))
    wanted = given.parse_args().only
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="contentops-hls-") as folder:
        # Before the browser, whose thread cannot run another loop.
        all_made = {name: made(name, Path(folder)) for name in wanted}
        with sync_playwright() as playwright:
            chromium = playwright.chromium
            browser = chromium.launch(executable_path=program(), args=list(QUIET))
            for name, (video, work) in all_made.items():
                for sentence in judged(name, video, work, browser):
                    wrong += 1
                    _say(f"  BAD {sentence}")
            browser.close()
    _say(f"{len(wanted)} clips, {wrong} findings")
    return 1 if wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
