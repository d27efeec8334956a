"""hls.js in a real Chromium: every level, a seek to the end, cues, complaints."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from msgspec import Struct
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "api" / "static" / "hls.min.js"
WAIT_MS = 30_000
LOOK_MS = 50


class Played(Struct, frozen=True):
    """`starts_at` is where the buffer begins; errors as hls.js names them."""

    levels: list[int]
    fatal: list[str]
    holes: list[str]
    starts_at: float
    duration: float
    ended: bool
    cues: list[tuple[float, float, str]]


class NeverCame(Exception):
    """What the player was waited for did not happen."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP on loopback, with ranges; its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    routes = [
        Route("/player", lambda _request: FileResponse(HERE / "player.html")),
        Route("/hls.min.js", lambda _request: FileResponse(SCRIPT)),
        Mount("/", StaticFiles(directory=folder)),
    ]
    settings = uvicorn.Config(
        Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error"
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def play(browser: Browser, base: str, master: str) -> Played:
    page = browser.new_page()
    try:
        _open(page, f"{base}/player?master=/{master}")
        levels = page.evaluate("hls.levels.length")
        for level in range(levels):
            page.evaluate(f"hls.currentLevel = {level}")
            _until(page, f"seen.levels.at(-1) === {level} && video.readyState >= 3")
        starts_at = page.evaluate("video.buffered.start(0)")
        cues = _cues(page)
        page.evaluate("video.currentTime = video.duration - 0.5")
        _until(page, "video.ended")
        return _told(page, starts_at, cues)
    finally:
        page.close()


def _open(page: Page, url: str) -> None:
    for _ in range(WAIT_MS // LOOK_MS):
        try:
            page.goto(url)
            break
        except Exception:  # noqa: BLE001  the server starts in a moment
            page.wait_for_timeout(LOOK_MS)
    _until(page, "seen.ready")
    page.evaluate("video.play()")
    _until(page, "video.currentTime > 0.5")


def _cues(page: Page) -> list[tuple[float, float, str]]:
    if not page.evaluate("hls.subtitleTracks.length"):
        return []
    page.evaluate("hls.subtitleTrack = 0; hls.subtitleDisplay = true")
    found = "[...video.textTracks].flatMap(t => [...(t.cues || [])])"
    _until(page, f"{found}.length > 0")
    told = page.evaluate(f"{found}.map(c => [c.startTime, c.endTime, c.text])")
    return [(float(start), float(end), str(text)) for start, end, text in told]


def _told(page: Page, starts_at: float, cues: list[tuple[float, float, str]]) -> Played:
    errors = page.evaluate("seen.errors")
    return Played(
        levels=sorted(set(page.evaluate("seen.levels"))),
        fatal=[each["details"] for each in errors if each["fatal"]],
        holes=[each["details"] for each in errors if "Hole" in each["details"]],
        starts_at=starts_at,
        duration=page.evaluate("video.duration"),
        ended=page.evaluate("video.ended"),
        cues=cues,
    )


def _until(page: Page, condition: str) -> None:
    for _ in range(WAIT_MS // LOOK_MS):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(LOOK_MS)
    raise NeverCame(condition)
