"""Watching changes: nothing is missed or told twice, whatever ends the process."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fixtures.fix_api import Tenant
from fixtures.fix_edge import start_api, town
from infra.settings import Settings
from integration.rolling import Site, until
from schemas.commands.content import CreateProject

CREATED = "io.contentops.project.created.v1"


@pytest.fixture(scope="module")
def opened(stack: Settings) -> Iterator[Site]:
    with town(stack, api_tenant_streams_max=3) as found:
        yield found


@pytest.fixture
def acme(opened: Site) -> Tenant:
    return Tenant(opened.settings, f"w-{uuid4().hex[:8]}")


class Browser(threading.Thread):
    """Comes back with the last id whenever the stream ends, like an EventSource."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(daemon=True)
        self.tenant = tenant
        self.ids: list[str] = []
        self.events: list[str] = []
        self.last = ""
        self.open = True
        self.start()
        until(lambda: "hello" in self.events)

    def run(self) -> None:
        while self.open:
            try:
                self._read()
            except httpx.TransportError:
                time.sleep(0.05)

    def _read(self) -> None:
        headers = {"Last-Event-ID": self.last} if self.last else {}
        with self.tenant.http.stream("GET", "/events/stream", headers=headers) as told:
            event = mark = ""
            for line in told.iter_lines():
                name, _, value = line.partition(": ")
                event = value if name == "event" else event
                mark = value if name == "id" else mark
                if name == "data":
                    self._take(event, mark, value)
                    if not self.open:
                        return

    def _take(self, event: str, mark: str, text: str) -> None:
        self.events.append(event)
        self.last = mark or self.last
        told = json.loads(text)
        if event == "change" and told["type"] == CREATED:
            self.ids.append(told["id"])


def create(opened: Site, tenant: str, count: int) -> list[str]:
    """Past the API, which may be gone."""
    made = [str(uuid4()) for _ in range(count)]
    kept, opened.tenant = opened.tenant, tenant
    for each in made:
        opened.send(CreateProject(name="p"), each)
    opened.tenant = kept
    return made


def test_a_killed_process_hides_nothing_and_repeats_nothing(
    opened: Site, acme: Tenant
) -> None:
    browser = Browser(acme)
    made = create(opened, acme.name, 5)
    until(lambda: len(browser.ids) >= 2)

    opened.kill("api")
    made += create(opened, acme.name, 20)
    create(opened, "somebody-else", 5)
    start_api(opened)
    made += create(opened, acme.name, 5)

    until(lambda: len(browser.ids) >= len(made))
    browser.open = False
    create(opened, acme.name, 1)
    browser.join(20)
    assert sorted(browser.ids[: len(made)]) == sorted(made)
    assert len(set(browser.ids)) == len(browser.ids)
    assert "resumed" in browser.events


def test_the_end_of_the_process_is_told_with_a_position(
    opened: Site, acme: Tenant
) -> None:
    browser = Browser(acme)
    began = time.monotonic()

    opened.stop("api")
    took = time.monotonic() - began

    until(lambda: "end" in browser.events)
    assert took < 2.5
    start_api(opened)
    (made,) = create(opened, acme.name, 1)
    until(lambda: browser.ids == [made])
    browser.open = False
    create(opened, acme.name, 1)
    browser.join(20)


def socket_of(tenant: Tenant, after: str = "") -> ClientConnection:
    """As a browser opens it: the key travels as a subprotocol."""
    url = f"{tenant.settings.api_url}/api/v1/watch".replace("http", "ws", 1)
    key = str(tenant.http.headers["authorization"]).removeprefix("Bearer ")
    protocols = ["contentops.v1", key]
    return connect(f"{url}?after={after}", subprotocols=protocols)  # type: ignore[arg-type]  # any text


def told(socket: ClientConnection, event: str) -> dict[str, object]:
    while True:
        message: dict[str, object] = json.loads(socket.recv(timeout=20))
        if message["event"] == event:
            return message


def test_a_socket_is_told_the_same_and_goes_on_after_an_id(
    opened: Site, acme: Tenant
) -> None:
    with socket_of(acme) as first:
        assert first.subprotocol == "contentops.v1"
        told(first, "hello")
        (one,) = create(opened, acme.name, 1)
        seen = told(first, "change")
    (two,) = create(opened, acme.name, 1)

    with socket_of(acme, str(seen["id"])) as second:
        told(second, "resumed")
        missed = told(second, "change")

    assert seen["data"]["id"] == one  # type: ignore[index]  # an object
    assert missed["data"]["id"] == two  # type: ignore[index]  # an object


def test_a_socket_without_a_key_of_ours_is_not_opened(opened: Site) -> None:
    url = f"{opened.settings.api_url}/api/v1/watch".replace("http", "ws", 1)

    for headers in ({}, {"Authorization": "Bearer co_wrong"}):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(url, additional_headers=headers),
        ):
            pass
        assert refused.value.response.status_code == 401


def test_more_streams_than_a_tenant_may_have_are_503(
    opened: Site, acme: Tenant
) -> None:
    with ExitStack() as sockets:
        for _ in range(3):
            sockets.enter_context(socket_of(acme))
        answer = acme.http.get("/events/stream")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"] == "urn:contentops:problem:busy"
