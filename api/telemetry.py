"""What passes the edge: counted by route, timed, and traced; no address in a label."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.gate import UNCOUNTED
from streams import tracing

PREFIX = "/api/v1"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Telemetry:
    """One registry per application, so tests can make as many as they like."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "contentops_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "contentops_http_request_seconds",
            "Time until the answer began.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Looking a child up by its labels costs more than counting.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def gauge(self, name: str, what: str, look: Callable[[], float]) -> None:
        """Looked up when somebody asks for the metrics."""
        Gauge(name, what, registry=self.registry).set_function(look)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        key = (scope["method"], route_of(scope), status)
        found = self._known.get(key) or self._child(*key)
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """Of this application, and of everything its process counts."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)

    def _child(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        found = (
            self._requests.labels(method, route, str(status)),
            self._seconds.labels(method, route),
        )
        self._known[(method, route, status)] = found
        return found


def route_of(scope: Scope) -> str:
    """Paths nobody routes share one name; a scanner must not make thousands."""
    found = scope.get("route")
    if found is None:
        return "unknown"
    # A route knows its path within its router alone.
    path: str = found.path
    under = scope["path"].startswith(PREFIX) and not path.startswith(PREFIX)
    return f"{PREFIX}{path}" if under else path


class Measured:
    """Every request is counted; while tracing is on, each one is a step of a trace."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = perf_counter() - begun
                self._telemetry.count(scope, message["status"], took)
            await send(message)

        if tracing.on() and scope["path"] not in UNCOUNTED:
            await self._traced(scope, receive, watched)
        else:
            await self._app(scope, receive, watched)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Continues the caller's trace; without one that can be read, a new one."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = f"{scope['method']} {route_of(scope)}"
                tracing.found_to_be(name, status=message["status"])
            await send(message)

        parent = Headers(scope=scope).get("traceparent", "")
        with tracing.step(scope["method"], parent):
            await self._app(scope, receive, told)
