"""Is it alive, is it ready, how is it doing, and what is there to call."""

import asyncio

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api import pages
from api.deps import P
from api.parts import Check
from api.telemetry import Telemetry

router = APIRouter(tags=["health"])

CHECK_S = 5.0
_log = structlog.get_logger("ready")


@router.get("/healthz")
async def alive() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def ready(parts: P) -> JSONResponse:
    """503 while anything it needs does not answer; the body says what."""
    names = list(parts.checks)
    found = await asyncio.gather(*(_run(name, parts.checks[name]) for name in names))
    states = dict(zip(names, found, strict=True))
    whole = all(state == "ready" for state in found)
    body = {"status": "ready" if whole else "waiting", "dependencies": states}
    return JSONResponse(body, 200 if whole else 503)


async def _run(name: str, check: Check) -> str:
    """A dependency may fail in any way of its own; here it is only away."""
    try:
        await asyncio.wait_for(check(), CHECK_S)
    except Exception as wrong:  # noqa: BLE001  reported in the answer and the log
        _log.warning("not ready", dependency=name, reason=str(wrong)[:200])
        return "away"
    return "ready"


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    telemetry: Telemetry = request.app.state.telemetry
    return Response(telemetry.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """A plain list: the usual pages load scripts from other people's servers."""
    paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
    listed = [
        (method.upper(), path)
        for path, methods in sorted(paths.items())
        for method in methods
    ]
    return pages.routes("contentops API", listed)
