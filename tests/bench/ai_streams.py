"""Streams at a time in one worker, and the same for half an hour."""

import json
import subprocess
import sys

from tests.bench.ai_overhead import ROOT, Figures, provider

STREAMS, CHUNKS, GAP_MS = 1_000, 30, 100.0
SOAKED = 100


def measure() -> Figures:
    """A thousand streams of three seconds each, all open together."""
    with provider("--chunks", str(CHUNKS), "--gap", str(GAP_MS)) as url:
        return _worker(url, STREAMS, 0)


def soak(minutes: float) -> Figures:
    """A hundred at a time as fast as they come, over and over."""
    with provider("--chunks", str(CHUNKS), "--gap", "1") as url:
        return _worker(url, SOAKED, minutes)


def _worker(url: str, streams: int, minutes: float) -> Figures:
    given = [url, str(streams), str(CHUNKS), str(minutes)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.ai_worker", *given],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Figures = json.loads(done.stdout)
    return found
