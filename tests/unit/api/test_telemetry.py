"""What the edge tells of itself: counts by route, gauges, refusals and traces."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from api import server
from api.app import create_app
from api.gate import Gate
from api.limits import Limits
from connectors import registry
from connectors.base import AppSecrets, Webhooks
from connectors.douyin.signing import delivery_signature
from schemas.jobs import Sealed
from streams import tracing
from unit.api.test_channel import ACME, FakeFeed
from unit.api.test_writes import FakeDecisions, FakeLog, application, post

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "dy-secret"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
PROJECTS = 'method="POST",route="/api/v1/projects"'


async def get(app: FastAPI, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        return await client.get(path)


async def metrics(app: FastAPI) -> list[str]:
    return (await get(app, "/metrics")).text.splitlines()


def pending() -> tuple[FakeLog, FastAPI]:
    log = FakeLog()
    return log, application(log, FakeDecisions(log, undecided=True))


def limited(**limits: int) -> FastAPI:
    _, app = pending()
    gate = Gate(Limits(**limits), depth=lambda: 17)
    limited_app = create_app(replace(app.state.parts, gate=gate))
    limited_app.state.callers = app.state.callers
    return limited_app


async def test_requests_are_counted_and_timed_by_route() -> None:
    _, app = pending()
    await post(app)
    await post(app)
    await get(app, "/wp-login.php")

    told = await metrics(app)

    assert f'contentops_http_requests_total{{{PROJECTS},status="202"}} 2.0' in told
    assert f"contentops_http_request_seconds_count{{{PROJECTS}}} 2.0" in told
    assert any('route="unknown",status="404"' in line for line in told)
    assert not any("wp-login" in line for line in told)


async def test_the_process_is_told_beside_the_application() -> None:
    told = await metrics(limited())

    assert any(line.startswith("process_cpu_seconds_total ") for line in told)
    assert any(line.startswith("# HELP contentops_void_records") for line in told)
    assert "contentops_producer_queue 17.0" in told
    assert "contentops_streams_open 0.0" in told
    assert "contentops_http_in_flight 0.0" in told
    families = [line for line in told if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


async def test_open_streams_are_counted() -> None:
    _, app = pending()
    app.state.hub._feed = FakeFeed()

    async with app.state.hub.following(ACME):
        assert "contentops_streams_open 1.0" in await metrics(app)
    assert "contentops_streams_open 0.0" in await metrics(app)


def refused(reason: str) -> float:
    found = REGISTRY.get_sample_value(
        "contentops_http_refused_total", {"reason": reason}
    )
    return found or 0.0


@pytest.mark.parametrize(
    ("reason", "limits", "status"),
    [
        ("in_flight", {"in_flight": 0}, 503),
        ("rate", {"rate": 0}, 429),
        ("backlog", {"producer_records": 17}, 503),
    ],
)
async def test_refusals_are_counted_under_their_reason(
    reason: str, limits: dict[str, int], status: int
) -> None:
    before = refused(reason)

    answer = await post(limited(**limits))

    assert (answer.status_code, refused(reason)) == (status, before + 1)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.export_to(provider.get_tracer("test"))
    yield kept
    tracing.export_to(None)


async def test_a_command_continues_the_trace_of_its_caller(
    spans: InMemorySpanExporter,
) -> None:
    log, app = pending()

    await post(app, traceparent=PARENT)

    (span,) = spans.get_finished_spans()
    own = f"{span.context.span_id:016x}"
    assert span.name == "POST /api/v1/projects"
    assert span.attributes is not None
    assert span.attributes["status"] == 202
    assert log.records[0].envelope.traceparent == f"00-{TRACE}-{own}-01"


class OnePlatform:
    """Douyin with a secret that the test knows."""

    def webhooks(self, platform: str) -> Webhooks:
        return registry.webhooks(platform)

    def app_secrets(self, platform: str) -> AppSecrets:
        return AppSecrets("app", SECRET)


class SealingKeys:
    async def seal(self, tenant: str, subject: str, field: str, plain: bytes) -> Sealed:
        return Sealed("key", "nonce", "cipher")


async def test_a_delivery_begins_a_trace(spans: InMemorySpanExporter) -> None:
    log, app = pending()
    app.state.parts = replace(
        app.state.parts,
        platforms=OnePlatform(),  # type: ignore[arg-type]  # webhooks alone are asked
        keyring=SealingKeys(),  # type: ignore[arg-type]  # nothing is opened
    )
    body = b'{"event": "authorize", "from_user_id": "o", "content": {}}'
    proof = {"X-Douyin-Signature": delivery_signature(body, SECRET)}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.post("/webhooks/douyin", content=body, headers=proof)

    (span,) = spans.get_finished_spans()
    assert (answer.status_code, span.name) == (200, "POST /webhooks/{platform}")
    assert f"-{span.context.span_id:016x}-" in log.records[0].envelope.traceparent


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{TRACE}-0000000000000000-01"])
async def test_without_a_trace_that_can_be_read_one_begins(
    spans: InMemorySpanExporter, header: str
) -> None:
    log, app = pending()

    await post(app, traceparent=header)
    await get(app, "/healthz")

    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert f"-{span.context.span_id:016x}-" in log.records[0].envelope.traceparent


async def test_a_command_has_no_trace_while_nobody_asked_for_any() -> None:
    log, app = pending()

    await post(app, traceparent=PARENT)

    assert log.records[0].envelope.traceparent == ""


def test_lines_of_the_server_go_where_all_lines_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, app = pending()
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error")]
    for each in loggers:
        monkeypatch.setattr(each, "handlers", [])
        monkeypatch.setattr(each, "propagate", True)

    server.config(app, "127.0.0.1", 0)

    assert [(each.handlers, each.propagate) for each in loggers] == [([], True)] * 2
