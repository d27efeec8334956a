"""An upload out of a page in a real Chromium: parts, a cut line, and going on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, sync_playwright

from infra.problem import Stop
from tests.fixtures.fix_browser import QUIET, program

PAGE = Path(__file__).with_name("upload.html")
DOCS = "/docs"
# So slow that the line can be cut while a part is on its way.
SLOW = 32 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """`torn` is the part whose line was cut; `bytes` went over the line, by part."""

    asset: str
    sha256: str
    torn: int
    parts: int
    signed_again: tuple[int, ...]
    answered: tuple[int, ...]
    bytes: dict[int, int]
    origins: frozenset[str]


def upload(base: str, key: str, project: str, path: Path) -> Sent:
    """Raises Stop where the page said no; its thread must run no loop meanwhile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program(), args=list(QUIET)
        )
        page, complaints = _opened(browser, base)
        try:
            return _sent(page, (key, project), path)
        except Error as error:
            told = "; ".join([error.message, *complaints])
            raise Stop(f"The page could not upload: {told}") from error
        finally:
            browser.close()


def _opened(browser: Browser, base: str) -> tuple[Page, list[str]]:
    """Our page in the place of one that really came from the API, so with its origin.

    One that came from nowhere would not be let into a store on loopback by Chromium;
    the policy of the API's own page is not that of a team's.
    """
    page = browser.new_page(bypass_csp=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{base}{DOCS}")
    page.set_content(PAGE.read_text("utf-8"))
    return page, complaints


def _sent(page: Page, who: tuple[str, str], path: Path) -> Sent:
    page.set_input_files("#file", path)
    opened = page.evaluate("([key, project]) => begin(key, project)", list(who))
    parts = len(opened["parts"]) or 1
    _throttle(page, SLOW)
    torn = page.evaluate("([u, n]) => send(u, n)", [opened, parts // 2 + 1])
    _throttle(page, -1)
    left = page.evaluate("(torn) => rest(torn)", torn)
    page.evaluate("(upload) => send(upload, 0)", left)
    told: dict[str, Any] = page.evaluate("finish()")
    return Sent(
        asset=told["asset"],
        sha256=told["sha256"],
        torn=torn,
        parts=parts,
        signed_again=tuple(each["number"] for each in left["parts"]) or (1,),
        answered=tuple(told["answered"]),
        bytes={int(number): size for number, size in told["bytes"].items()},
        origins=frozenset(told["origins"]),
    )


def _throttle(page: Page, bytes_a_second: int) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        },
    )
