"""Writes while something is broken: unknown, repeated safely, or refused."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias
from uuid import uuid4

import httpx
import pytest

from connectors.douyin.signing import delivery_signature
from faults.proxy import HOST, Wire
from fixtures.fix_api import Tenant
from fixtures.fix_edge import start_api, town
from infra.settings import Settings
from infra.stack.children import read_state
from integration.rolling import Site, Tail, until
from schemas.commands.content import CreateProject
from schemas.ids import observation_id
from schemas.topics import INBOUND
from streams.backlog import NOTHING, STALLED_S, Backlog
from streams.decisions import Decisions
from streams.judging import envelope_of
from streams.pools import open_pool

Ask: TypeAlias = Callable[[], httpx.Response]

LAG_S = 2.0
APPEND_S = 3.0
PROJECT = {"name": "夜骑"}
SECRET = "dy-secret"


@pytest.fixture(scope="module")
def wire(stack: Settings) -> Iterator[Wire]:
    """Between the API and the broker; nobody else goes through it."""
    made = Wire(int(stack.need("kafka").rpartition(":")[2]), frames=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(stack: Settings, wire: Wire) -> Iterator[Site]:
    given = {
        "api_append_s": APPEND_S,
        "api_lag_max_s": LAG_S,
        "douyin_client_key": "dy-app",
        "douyin_client_secret": SECRET,
    }
    with town(stack, api={"kafka": f"{HOST}:{wire.port}"}, **given) as found:
        yield found


@pytest.fixture
def acme(opened: Site) -> Tenant:
    """Once somebody else is served again, whatever the test before this one broke."""
    other = Tenant(opened.settings, f"o-{uuid4().hex[:8]}")
    assert repeated(lambda: write(other)).status_code == 201
    return Tenant(opened.settings, f"u-{uuid4().hex[:8]}")


def key(text: str = "k") -> dict[str, str]:
    return {"Idempotency-Key": text, "Prefer": "wait=10"}


def write(tenant: Tenant, text: str = "k") -> httpx.Response:
    return tenant.http.post("/projects", json=PROJECT, headers=key(text))


def repeated(ask: Ask) -> httpx.Response:
    """The same request until it is answered, as a client that wants to know does."""

    def once() -> httpx.Response | None:
        answer = ask()
        return None if answer.status_code == 503 else answer

    return until(once)


def projects(tenant: Tenant) -> list[str]:
    """Of every page: how many are accepted depends on how fast this machine is."""
    found: list[str] = []
    asked: dict[str, str] = {"limit": "200"}
    while True:
        page = tenant.http.get("/projects", params=asked).json()
        found += [str(each["id"]) for each in page["items"]]
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]


@contextmanager
def paused(settings: Settings, name: str) -> Iterator[None]:
    who, _ = read_state(settings.data / "run" / "children.json")[name]
    os.kill(who.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(who.pid, signal.SIGCONT)


def is_unknown(answer: httpx.Response) -> str:
    """The operation to ask about."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["operationStatus"] == "unknown"
    assert int(answer.headers["retry-after"]) >= 1
    return str(answer.json()["operationId"])


def is_one_project(tenant: Tenant, operation: str, again: httpx.Response) -> None:
    assert again.status_code == 201, again.text
    found = tenant.http.get(f"/operations/{operation}").json()
    assert found["status"] == "accepted"
    assert projects(tenant) == [again.json()["id"]]


def test_a_broker_that_hangs_is_unknown_and_repeating_is_one_project(
    opened: Site, acme: Tenant
) -> None:
    """The record waits in the broker's socket and comes onto the log afterwards."""
    with paused(opened.settings, "kafka"):
        operation = is_unknown(write(acme))

    is_one_project(acme, operation, repeated(lambda: write(acme)))


def test_a_wire_cut_during_a_write_is_unknown_and_repeating_is_one_project(
    opened: Site, acme: Tenant, wire: Wire
) -> None:
    wire.set("silent")
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(write, acme)
        until(lambda: queued(opened.settings) >= 1)
        wire.set("cut")
        operation = is_unknown(lost.result())
    wire.set("open")

    is_one_project(acme, operation, repeated(lambda: write(acme)))


def queued(settings: Settings) -> float:
    lines = httpx.get(f"{settings.api_url}/metrics", timeout=10).text.splitlines()
    (found,) = [each for each in lines if each.startswith("contentops_producer_queue ")]
    return float(found.partition(" ")[2])


def deliver(settings: Settings, message_id: str) -> httpx.Response:
    hook = {"event": "create_video", "from_user_id": "o"}
    body = json.dumps(hook | {"content": {"share_id": "s", "item_id": "i"}}).encode()
    proof = {
        "X-Douyin-Signature": delivery_signature(body, SECRET),
        "Msg-Id": message_id,
    }
    url = f"{settings.api_url}/webhooks/douyin"
    return httpx.post(url, content=body, headers=proof, timeout=30)


def both_on(tail: Tail, ids: list[str]) -> Counter[str] | None:
    """How often each id is on the topic, once all are there."""
    tail.read()
    found = Counter(envelope_of(each).id for each in tail.messages)
    return found if found.keys() >= set(ids) else None


def test_a_process_that_dies_anywhere_leaves_one_effect(
    opened: Site, acme: Tenant
) -> None:
    first, second = uuid4().hex, uuid4().hex
    # Where the process before died, the repetition passes the same point first.
    deaths: list[tuple[str, Ask]] = [
        ("api.before_append:1", lambda: write(acme, "one")),
        ("api.appended:2", lambda: write(acme, "two")),
        ("api.webhook_verified:1", lambda: deliver(opened.settings, first)),
        ("api.webhook_appended:2", lambda: deliver(opened.settings, second)),
    ]
    answers: list[httpx.Response] = []
    lost: list[Ask] = []
    with opened.following(INBOUND.name) as inbound:
        opened.stop("api")
        for point, ask in deaths:
            start_api(opened, fault=point)
            answers += [repeated(each) for each in lost]
            with pytest.raises(httpx.TransportError):
                ask()
            opened.kill("api")
            lost = [ask]
        start_api(opened)
        answers += [repeated(each) for each in lost]
        kept = [observation_id("douyin", each) for each in (first, second)]
        seen = until(lambda: both_on(inbound, kept))

    assert [each.status_code for each in answers] == [201, 201, 200, 200]
    made = {each.json()["id"] for each in answers[:2]}
    assert (len(projects(acme)), set(projects(acme))) == (2, made)
    # Every reader takes what has one id as one delivery.
    assert [seen[each] for each in kept] == [1, 2]


def both(tenant: Tenant, *names: str) -> list[httpx.Response]:
    """At the same time, under one key."""
    with ThreadPoolExecutor(len(names)) as pool:
        asked = [
            pool.submit(
                tenant.http.post, "/projects", json={"name": name}, headers=key()
            )
            for name in names
        ]
        return [each.result() for each in asked]


def test_two_clients_at_once_with_one_key_get_one_answer(acme: Tenant) -> None:
    one, two = both(acme, "same", "same")

    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json() == two.json()
    assert projects(acme) == [one.json()["id"]]


def test_two_clients_at_once_with_other_bodies_are_one_project_and_one_422(
    acme: Tenant,
) -> None:
    answers = both(acme, "one", "two")

    assert sorted(each.status_code for each in answers) == [201, 422]
    (won,) = [each for each in answers if each.status_code == 201]
    assert projects(acme) == [won.json()["id"]]


def test_a_decider_that_is_away_shuts_the_gate_and_nothing_accepted_is_lost(
    opened: Site, acme: Tenant
) -> None:
    opened.stop("decider")
    now = {"Prefer": "respond-async"}
    accepted: list[str] = []

    def full() -> httpx.Response | None:
        answer = acme.http.post("/projects", json=PROJECT, headers=now)
        if answer.status_code == 202:
            accepted.append(answer.json()["id"])
        # 429 comes at half the limit, to whoever asks most.
        return None if answer.status_code in {202, 429} else answer

    refused = until(full)
    opened.start("decider")

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:contentops:problem:busy"
    assert int(refused.headers["retry-after"]) >= LAG_S
    until(lambda: full() is None)
    until(lambda: set(projects(acme)) >= set(accepted))


def test_positions_that_are_not_there_yet_are_503(opened: Site, acme: Tenant) -> None:
    assert repeated(lambda: write(acme)).status_code == 201
    opened.stop("projector")
    now = {"Prefer": "respond-async"}
    ahead = repeated(lambda: acme.http.post("/projects", json=PROJECT, headers=now))

    answer = acme.http.get("/projects", headers={"Position": ahead.headers["position"]})
    opened.start("projector")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:contentops:problem:behind"
    assert answer.headers["retry-after"] == "1"


async def test_repetitions_at_the_end_of_the_log_are_no_backlog(
    opened: Site,
) -> None:
    """They leave no record, so nothing on the event topic ever passes them."""
    sent = opened.send(CreateProject(name="p"), "twice")
    opened.decided(sent)
    opened.send(CreateProject(name="p"), "twice", id_=sent)
    conninfo = opened.settings.dsn("worker")
    async with open_pool(conninfo, smallest=1, largest=2) as pool:
        decisions = Decisions(pool, conninfo)
        backlog = Backlog(opened.kafka, pool, decisions.look)
        await backlog.sample()
        before = backlog.of("content")
        async with asyncio.timeout(STALLED_S + 20):
            while backlog.of("content") != NOTHING:
                await asyncio.sleep(0.3)
                await backlog.sample()
        await backlog.close()

    assert before.undecided >= 1
