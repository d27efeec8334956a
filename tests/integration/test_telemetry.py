"""The health page of a role, its traces on the wire, and the gauges of the stores."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import httpx
import psycopg
import pytest
from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from prometheus_client import CollectorRegistry, generate_latest

from fixtures.fix_edge import free_port
from fixtures.fix_records import Writer, story
from infra import keys, telemetry
from infra.gauges import Gauges
from infra.settings import Settings
from integration.rolling import site, until
from streams import tracing
from streams.vitals import Vitals


class Span(Struct, frozen=True):
    """What a receiver sees of a span."""

    name: str
    trace: str
    links: frozenset[str]


def _span(sent: SentSpan) -> Span:
    links = frozenset(each.trace_id.hex() for each in sent.links)
    return Span(sent.name, sent.trace_id.hex(), links)


class Collector:
    """An OTLP receiver: keeps every span it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.came = threading.Event()
        keeper = self

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keeper.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Take)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_span(each) for each in scope.spans]
        self.came.set()

    def trace_of(self, name: str) -> set[str]:
        """Names of all spans in the trace that has a span of this name."""
        trace = self.trace(name)
        return {each.name for each in self.spans if each.trace == trace}

    def trace(self, name: str) -> str:
        (found,) = {each.trace for each in self.spans if each.name == name}
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except urllib.error.URLError:
        return 0, ""


def test_a_role_is_ready_when_its_loop_turns_and_nothing_is_away() -> None:
    vitals = Vitals()
    server = telemetry.serve(0, vitals)
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert get(f"{url}/healthz") == (200, json.dumps({"status": "alive"}))
        assert get(f"{url}/readyz")[0] == 503
        vitals.turn()
        assert get(f"{url}/readyz")[0] == 200
        vitals.wait_for("postgres", "connection refused")
        status, body = get(f"{url}/readyz")
        assert (status, "connection refused" in body) == (503, True)
        assert "process_resident_memory_bytes" in get(f"{url}/metrics")[1]
        assert get(f"{url}/else")[0] == 404
    finally:
        server.shutdown()
        server.server_close()


def test_spans_reach_any_receiver_of_otlp(collector: Collector) -> None:
    tracing.export_to(telemetry.tracer(collector.url, "decider", 1.0))
    try:
        with tracing.step("decide", ""):
            pass
        assert collector.came.wait(10)
    finally:
        tracing.export_to(None)

    assert [each.name for each in collector.spans] == ["decide"]


def test_one_command_is_followed_through_every_role(
    stack: Settings, collector: Collector
) -> None:
    given = stack.replace({"api_port": free_port(), "otlp": collector.url})
    roles = ("decider", "reactor", "projector", "dispatcher", "worker-ai", "api")
    with site(given, *roles) as town:
        until(lambda: get(f"{given.api_url}/readyz")[0] == 200, 60)
        key = keys.create(given, town.tenant, "admin")
        with httpx.Client(
            base_url=f"{given.api_url}/api/v1",
            headers={"Authorization": f"Bearer {key}", "Prefer": "wait=10"},
        ) as client:
            made = client.post("/projects", json={"name": "Spring"}).json()
            wish = {"task": "copy", "platform": "bilibili", "brief": "a bike at night"}
            copy = client.post("/copies", json={**wish, "projectId": made["id"]}).json()
            path = f"/copies/{copy['id']}"
            until(lambda: client.get(path).json()["status"] == "generated", 60)
        # Other tests of this run may have left work behind: only the request is ours.
        asked = "POST /api/v1/copies"
        until(lambda: any(each.name == asked for each in collector.spans), 30)
        wanted = {"decide content", "decide job", "work generate"}
        until(lambda: wanted <= collector.trace_of(asked), 30)
        trace = collector.trace(asked)
        until(lambda: any(trace in each.links for each in collector.spans), 30)

    followed = collector.trace_of(asked)
    assert any(name.startswith("react ") for name in followed)
    assert "projector" in {each.name for each in collector.spans if trace in each.links}
    assert "projector" not in followed


def gauges(settings: Settings) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Gauges(settings.need("kafka"), settings.dsn("worker")))
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


STANDS = """
INSERT INTO coordination.positions (reader, topic, partition, topic_id, next_offset,
  reader_epoch, reader_owner, updated_at)
VALUES (%s, %s, %s, 'x', %s, 1, 'test', now() - make_interval(secs => %s))
"""


def test_gauges_tell_a_reader_that_died_from_one_that_is_done(
    written_stack: Settings,
) -> None:
    told = Writer(written_stack.need("kafka"), written_stack.partitions)
    last = told.append(list(story(told, f"t{uuid4().hex}")))[-1]
    place = (last.topic, last.partition)
    with psycopg.connect(written_stack.dsn("owner"), autocommit=True) as owner:
        owner.execute(STANDS, ("gauge-done.v1", *place, last.offset + 1, 99))
        owner.execute(STANDS, ("gauge-dead.v1", *place, last.offset, 99))
        owner.execute(STANDS, ("gauge-slow.v1", *place, last.offset, 1))
        try:
            found = gauges(written_stack)
        finally:
            owner.execute(
                "DELETE FROM coordination.positions WHERE reader LIKE 'gauge-%'"
            )

    def of(name: str) -> list[float]:
        return [
            found[f'contentops_projection_{name}{{reader="gauge-{who}.v1"}}']
            for who in ("done", "slow", "dead")
        ]

    assert of("lag_records") == [0, 1, 1]
    assert of("stalled") == [0, 0, 1]
    done, slow, dead = of("staleness_seconds")
    assert done == 0 < slow < 120
    assert dead == pytest.approx(slow, abs=1)
    assert found[f'contentops_log_head_age_seconds{{topic="{place[0]}"}}'] < 120


WAITS = """
INSERT INTO rm_tasks_v1.tasks (tenant, id, version, event_id, created_at, updated_at,
  role, kind, subject, input, status, attempt, max_attempts, priority, needs, deadline,
  not_before)
VALUES (%s, %s, 1, 'e', now() - make_interval(secs => %s), now(), 'media', 'probe',
  'asset/1', '{}', %s, 0, 3, 0, %s, now() + make_interval(secs => %s),
  now() + make_interval(secs => %s))
"""
HELD = """
INSERT INTO coordination.leases (job_id, tenant, role, token, owner, until, deaths)
VALUES (%s, %s, 'media', 'tok', 'somebody', now() + make_interval(secs => %s), 0)
"""


def test_gauges_tell_how_many_jobs_wait_for_workers_with_their_labels(
    written_stack: Settings,
) -> None:
    """A waiting job raises its pool's gauges; one that may not run or runs does not."""
    tenant, label = f"t{uuid4().hex}", f"gpu{uuid4().hex[:6]}"
    registry = CollectorRegistry()
    registry.register(Gauges(written_stack.need("kafka"), written_stack.dsn("worker")))

    def seen(needs: str) -> tuple[float | None, float | None]:
        labels = {"role": "media", "needs": needs}
        names = ("contentops_jobs_waiting", "contentops_job_wait_seconds")
        many, age = (registry.get_sample_value(name, labels) for name in names)
        return many, age

    with psycopg.connect(written_stack.dsn("owner"), autocommit=True) as owner:

        def job(name: str, age: float, status: str = "waiting", **more: float) -> None:
            terms = (more.get("deadline"), more.get("not_before"))
            needs = [label, "cpu"]
            owner.execute(WAITS, (tenant, name, age, status, needs, *terms))

        assert seen(f"{label},cpu") == (None, None)
        assert seen("")[0] is not None
        try:
            job("old", 90)
            job("young", 30)
            job("tomorrow", 500, not_before=1000)
            job("too late", 500, deadline=-5)
            job("ended", 500, "completed")
            job("after others", 500, "waiting_for_parent")
            job("held", 500, "running")
            job("given up", 500, "running")
            owner.execute(HELD, ("held", tenant, 10))
            owner.execute(HELD, ("given up", tenant, -40))
            many, age = seen(f"{label},cpu")
            pool = {"role": "media", "needs": f"{label},cpu"}
            held = registry.get_sample_value("contentops_leases", pool)
        finally:
            for table in ("rm_tasks_v1.tasks", "coordination.leases"):
                owner.execute(f"DELETE FROM {table} WHERE tenant = %s", (tenant,))

    assert (many, held) == (3, 1)
    assert age == pytest.approx(90, abs=20)
    assert seen(f"{label},cpu") == (0, 0)


def test_a_store_that_is_away_leaves_its_gauges_out(written_stack: Settings) -> None:
    away = written_stack.replace(
        {"postgres": "postgresql://nobody@127.0.0.1:1/x", "kafka": "127.0.0.1:1"}
    )

    assert gauges(away) == {}
