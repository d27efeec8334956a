"""The HTTP application: every route, one set of problems, no state of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from api import problems, streaming
from api.answering import AsItSays
from api.bodies import Bounded
from api.callers import Callers
from api.gate import Shedding
from api.live import Hub
from api.noting import Notes
from api.parts import Parts
from api.routes import (
    accounts,
    analytics,
    asset_imports,
    asset_shelf,
    asset_uploads,
    assets,
    batches,
    budgets,
    calendar,
    chains,
    copies,
    copy_versions,
    covers,
    events,
    experiments,
    generate,
    health,
    images,
    landing_pages,
    leads,
    media_jobs,
    moderation,
    openai_door,
    operations,
    policies,
    projections,
    projects,
    prompts,
    publications,
    publish,
    quota,
    renditions,
    search,
    services,
    similar,
    subtitles,
    tasks,
    timelines,
    tools,
    usage,
    videos,
    watch,
    webhooks,
)
from api.telemetry import PREFIX, Measured, Telemetry

SETTLE_S = 2.0
STATIC = Path(__file__).parent / "static"
RESOURCES: tuple[APIRouter, ...] = (
    projects.router,
    accounts.router,
    assets.router,
    subtitles.router,
    asset_uploads.router,
    asset_imports.router,
    asset_shelf.router,
    quota.router,
    budgets.router,
    policies.router,
    usage.router,
    media_jobs.router,
    videos.router,
    images.router,
    covers.router,
    renditions.router,
    timelines.router,
    copies.router,
    copy_versions.router,
    generate.router,
    prompts.router,
    moderation.router,
    experiments.router,
    tasks.router,
    tools.router,
    batches.router,
    services.router,
    chains.router,
    publish.router,
    publications.router,
    calendar.router,
    landing_pages.router,
    leads.router,
    analytics.router,
    search.router,
    similar.router,
    operations.router,
    events.router,
    projections.router,
)
OUTSIDE: tuple[APIRouter, ...] = (
    health.router,
    webhooks.router,
    landing_pages.pages,
    openai_door.router,
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
    app.state.callers = Callers(parts.pool, parts.gate.limits.key_s)
    app.state.hub = Hub(parts, app.state.callers)
    app.state.notes = Notes(parts.log.append, parts.clock)
    app.state.telemetry = _telemetry(parts, app.state.hub)
    problems.install(app)
    app.add_middleware(Bounded)
    app.add_middleware(Shedding, gate=parts.gate)
    app.add_middleware(Measured, telemetry=app.state.telemetry)
    app.add_middleware(AsItSays)
    for router in RESOURCES:
        app.include_router(router, prefix=PREFIX)
    for router in OUTSIDE:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _telemetry(parts: Parts, hub: Hub) -> Telemetry:
    telemetry, gate = Telemetry(), parts.gate
    telemetry.gauge(
        "contentops_http_in_flight", "Requests under way.", lambda: gate.in_flight
    )
    telemetry.gauge(
        "contentops_producer_queue",
        "Records the producer of this process has in its hands.",
        lambda: gate.depth,
    )
    telemetry.gauge(
        "contentops_streams_open", "Open streams of changes.", lambda: hub.streams
    )
    return telemetry


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    await hub.open()
    try:
        yield
    finally:
        await hub.close()
        await streaming.settled(SETTLE_S)
        await app.state.notes.close()
