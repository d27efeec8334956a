"""The API process: its ports, its checks and its socket."""

import asyncio
import gc
import hashlib
import hmac
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import httpx
import psycopg
from clickhouse_connect.driver.client import Client
from confluent_kafka.admin import AdminClient

from ai_adapter.moderation.moderator import Moderator
from api.app import create_app
from api.direct import Direct
from api.gate import Gate
from api.limits import Limits
from api.parts import Edge, Parts
from api.server import run
from infra import examine
from infra.ai_ports import around
from infra.settings import Settings
from infra.sources import opensearch_access
from infra.wiring import Platforms, Ports, ports, tool_services
from projections.clickhouse import connect
from projections.registry import INDEX
from projections.search import PostgresSearch, Search
from schemas.clock import utc_now
from schemas.topics import TENANT
from streams.ai_terms import TenantTerms
from streams.pools import Pool

CHECK_S = 3.0


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`; the socket opens once Postgres and Kafka are there."""
    async with ports(settings, "api") as opened:
        app = create_app(await _parts(settings, opened))
        # What is loaded now stays: looking for cycles in it stops everybody for long.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        await run(app, settings.api_host, settings.api_port, stop)


async def _parts(settings: Settings, opened: Ports) -> Parts:
    log = await opened.log(settings.api_append_s, settings.api_producer_max)
    pool = await opened.pool(largest=4)
    decisions = await opened.decisions(pool)
    backlog = await opened.backlog(pool, decisions)
    rows = await opened.pool()
    terms = TenantTerms(rows)
    gateway = await around(opened, log, terms)
    return Parts(
        pool=rows,
        search=await search(settings, opened, rows),
        log=log,
        decisions=decisions,
        keyring=await opened.keyring(),
        storage=opened.storage,
        gateway=gateway,
        terms=terms,
        moderator=Moderator(gateway),
        platforms=Platforms(settings),
        analytics=Analyst(settings),
        clock=utc_now,
        edge=edge(settings),
        gate=Gate(limits(settings), lambda: log.depth, backlog.of),
        services=tool_services(settings),
        direct=Direct(settings.direct_max, settings.direct_per_tenant),
        checks=checks(settings),
    )


async def search(settings: Settings, opened: Ports, rows: Pool) -> Search:
    """Postgres unless OpenSearch is set up; what that needs is loaded only then."""
    if not settings.searches_elsewhere:
        return PostgresSearch(rows)
    from projections.opensearch import connect_async
    from projections.search_opensearch import OpenSearchSearch

    return OpenSearchSearch(
        await opened.enter(connect_async(opensearch_access(settings)))
    )


def limits(settings: Settings) -> Limits:
    """The producer's own bound is the last one; people are refused well before it."""
    return Limits(
        in_flight=settings.api_in_flight_max,
        producer_records=settings.api_producer_max // 2,
        undecided=settings.api_undecided_max,
        lag_s=settings.api_lag_max_s,
        rate=settings.api_rate_max,
        streams=settings.api_streams_max,
        streams_per_tenant=settings.api_tenant_streams_max,
        ring=settings.api_ring_max,
        stall_s=settings.api_stall_s,
        key_s=settings.api_key_s,
    )


def edge(settings: Settings) -> Edge:
    key = hmac.digest(settings.master_key(), b"links", hashlib.sha256)
    return Edge(
        public_url=settings.api_url,
        link_key=key,
        postgres=settings.dsn("api"),
        kafka=settings.need("kafka"),
        store_origin=settings.need("s3"),
        media_url=settings.media_url or "",
        upload_open_s=settings.upload_open_s,
        searchers=(INDEX.name,) if settings.searches_elsewhere else (),
    )


class Analyst:
    """ClickHouse as the read-only user; the client is made at first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._making = threading.Lock()
        self._client: Client | None = None

    async def rows(
        self, sql: str, bound: Mapping[str, object]
    ) -> list[dict[str, object]]:
        return await asyncio.to_thread(self._rows, sql, dict(bound))

    def _rows(self, sql: str, bound: dict[str, object]) -> list[dict[str, object]]:
        found = self._connected().query(sql, parameters=bound)
        return [dict(row) for row in found.named_results()]

    def _connected(self) -> Client:
        with self._making:
            if self._client is None:
                self._client = connect(
                    self._settings.need("clickhouse"),
                    "analyst",
                    self._settings.clickhouse_password("analyst"),
                )
            return self._client


def checks(settings: Settings) -> dict[str, Callable[[], Awaitable[None]]]:
    """What must answer for the edge to be ready; each raises when it does not."""
    found: dict[str, Callable[[], Awaitable[None]]] = {
        "kafka": lambda: asyncio.to_thread(_kafka, settings),
        "postgres": lambda: asyncio.to_thread(_postgres, settings),
        "clickhouse": lambda: _answers(f"{settings.need('clickhouse')}/ping"),
        "s3": lambda: asyncio.to_thread(_objects, settings),
    }
    if settings.searches_elsewhere:
        found["opensearch"] = lambda: asyncio.to_thread(_search, settings)
    return found


def _kafka(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.need("kafka")})
    admin.list_topics(topic=TENANT.commands.name, timeout=CHECK_S)


def _postgres(settings: Settings) -> None:
    with psycopg.connect(settings.dsn("api"), connect_timeout=int(CHECK_S)) as found:
        found.execute("SELECT 1 FROM coordination.positions LIMIT 1")


async def _answers(url: str) -> None:
    async with httpx.AsyncClient(timeout=CHECK_S) as client:
        (await client.get(url)).raise_for_status()


def _search(settings: Settings) -> None:
    examine.opensearch(settings, CHECK_S)


def _objects(settings: Settings) -> None:
    parts = urlsplit(settings.need("s3"))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), CHECK_S).close()
