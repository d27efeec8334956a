"""How many requests, how long they took: one middleware, no address in a label."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Paths nobody routes share one label; a scanner must not make thousands."""
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"]
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class Measured:
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

        await self._app(scope, receive, watched)
