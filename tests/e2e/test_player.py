"""The watch page in a real Chromium: hls.js plays what the media worker packaged."""

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.fixtures.fix_up import Installation, Told

PLAYS_MS = 30_000
LOOK_MS = 100
STATE = "document.querySelector('video')"


@pytest.fixture(scope="module")
def video(installation: Installation, told: Told) -> dict[str, str]:
    with installation.as_tenant(told.tenant) as api:
        found: dict[str, str] = api.get("/videos").json()["items"][0]
    return found


def opened(browser: Browser, url: str) -> tuple[Page, list[str]]:
    page = browser.new_page()
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    return page, complaints


def until(page: Page, condition: str) -> None:
    """Asked through the debugger: the page's own policy allows no eval."""
    for _ in range(PLAYS_MS // LOOK_MS):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(LOOK_MS)
    pytest.fail(f"never came true: {condition}")


def test_hls_js_plays_the_video_to_its_end(
    browser: Browser, video: dict[str, str]
) -> None:
    page, complaints = opened(browser, video["watchUrl"])

    until(page, "typeof Hls !== 'undefined' && Hls.isSupported()")
    page.evaluate(f"{STATE}.muted = true; {STATE}.play()")
    until(page, f"{STATE}.currentTime > 2")
    page.evaluate(f"{STATE}.currentTime = {STATE}.duration - 0.5")
    until(page, f"{STATE}.ended")

    assert page.evaluate(f"{STATE}.src").startswith("blob:")
    assert page.evaluate(f"{STATE}.error") is None
    assert page.evaluate(f"{STATE}.videoHeight") in (480, 720)
    assert complaints == []
    page.close()


def test_the_policy_of_the_page_stops_a_foreign_script(
    browser: Browser, video: dict[str, str]
) -> None:
    page, complaints = opened(browser, video["watchUrl"])

    page.evaluate(
        "document.body.appendChild(Object.assign(document.createElement('script'),"
        "{textContent: 'window.intruder = 1'}))"
    )

    assert page.evaluate("window.intruder") is None
    assert any("Content Security Policy" in each for each in complaints)
    page.close()


def test_a_link_that_was_changed_shows_nothing(video: dict[str, str]) -> None:
    changed = video["watchUrl"][:-4] + "AAAA"

    assert httpx.get(changed).status_code in (403, 404)
    assert httpx.get(video["hlsUrl"].replace("/hls/", "/hls/x")).status_code in (
        403,
        404,
    )
