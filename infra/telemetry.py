"""What a role shows of itself: its log, its health page, its metrics, its traces."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra import logs
from infra.settings import Settings
from streams import tracing
from streams.vitals import VITALS, Vitals

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Answer: TypeAlias = tuple[int, str, bytes]

SERVICE = "contentops"
_log = structlog.get_logger("telemetry")


def start(settings: Settings, role: str) -> None:
    """Once per process, before its work begins."""
    logs.configure(role)
    if settings.metrics_port is not None and role != "api":
        serve(settings.metrics_port)
    if settings.otlp:
        tracing.export_to(tracer(settings.otlp, role, settings.trace_ratio))


def serve(port: int, vitals: Vitals = VITALS) -> ThreadingHTTPServer:
    """`/healthz`, `/readyz` and `/metrics` on loopback, in a thread of its own."""
    pages: dict[str, Callable[[], Answer]] = {
        "/healthz": lambda: _json(200, {"status": "alive"}),
        "/readyz": lambda: _ready(vitals),
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest()),
    }

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0], _missing)
            self._answer(*page())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def tracer(endpoint: str, role: str, ratio: float) -> "Tracer":
    """Spans go out in batches by OTLP over HTTP; a receiver that is away costs none."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    resource = Resource.create({"service.name": SERVICE, "service.instance.id": role})
    sampler = ParentBased(TraceIdRatioBased(ratio))
    provider = TracerProvider(sampler=sampler, resource=resource)
    url = f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=url), schedule_delay_millis=1000)
    )
    return provider.get_tracer(SERVICE)


def _ready(vitals: Vitals) -> Answer:
    found = vitals.troubles()
    state = {"status": "waiting" if found else "ready", "reasons": found}
    return _json(503 if found else 200, state)


def _missing() -> Answer:
    return _json(404, {"status": "there is /healthz, /readyz and /metrics"})


def _json(status: int, body: object) -> Answer:
    return status, "application/json", json.dumps(body).encode()
