"""The HTTP application: every route, one set of problems, no state of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from api import problems
from api.bodies import Bounded
from api.live import Hub
from api.parts import Parts
from api.routes import (
    accounts,
    analytics,
    assets,
    calendar,
    copies,
    events,
    generate,
    health,
    landing_pages,
    leads,
    media_jobs,
    operations,
    projects,
    publications,
    publish,
    tasks,
    videos,
    watch,
    webhooks,
)
from api.telemetry import Measured, Telemetry

STATIC = Path(__file__).parent / "static"
RESOURCES: tuple[APIRouter, ...] = (
    projects.router,
    accounts.router,
    assets.router,
    media_jobs.router,
    videos.router,
    copies.router,
    generate.router,
    tasks.router,
    publish.router,
    publications.router,
    calendar.router,
    landing_pages.router,
    leads.router,
    analytics.router,
    operations.router,
    events.router,
)
OUTSIDE: tuple[APIRouter, ...] = (
    health.router,
    webhooks.router,
    landing_pages.pages,
    watch.router,
)


def create_app(parts: Parts) -> FastAPI:
    """Nothing is opened before the application starts to serve."""
    app = FastAPI(
        title="contentops",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.parts = parts
    app.state.hub = Hub(parts)
    problems.install(app)
    app.state.telemetry = Telemetry()
    app.add_middleware(Bounded)
    app.add_middleware(Measured, telemetry=app.state.telemetry)
    for router in RESOURCES:
        app.include_router(router, prefix="/api/v1")
    for router in OUTSIDE:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    await hub.open()
    try:
        yield
    finally:
        await hub.close()
