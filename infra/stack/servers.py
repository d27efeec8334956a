"""Starts the servers that no setting names, all at once, and gives their addresses."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from infra.problem import Stop
from infra.settings import Settings, inherited
from infra.stack import (
    analysts,
    announce,
    bucket,
    clickhouse,
    datadir,
    kafka,
    objects,
    opensearch,
    ports,
    postgres,
)
from infra.stack.children import Child, Children

Say = Callable[[str], None]
SERVERS = ("kafka", "postgres", "clickhouse", "s3", "opensearch")


@dataclass(kw_only=True)
class Running:
    """A started stack; `settings` holds every address."""

    settings: Settings
    children: Children
    ports: Mapping[str, int]
    lock: TextIO

    async def stop(self) -> None:
        """End all, servers after those who use them; then let go of the directory."""
        announce.withdraw(self.settings.data)
        await self.children.end_all(last=SERVERS)
        self.lock.close()


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every starter needs."""

    settings: Settings
    children: Children
    ports: Mapping[str, int]
    say: Say
    env: Mapping[str, str]

    @property
    def data(self) -> Path:
        return self.settings.data

    def started(self, child: Child, name: str) -> None:
        port = self.ports[name]
        self.say(f"{name}: ready on 127.0.0.1:{port} (process {child.identity.pid})")


async def start(settings: Settings, say: Say) -> Running:
    """Servers named in the settings are used as they are; the others are started."""
    settings = settings.replace({"data": settings.data.absolute()})
    starters = _missing(settings)
    if starters:
        datadir.check_machine(datadir.this_machine())
    lock = datadir.open_data(settings.data)
    children = Children(settings.data)
    try:
        site = _site(settings, children, say)
        await _all_or_none([starter(site) for starter in starters])
        filled = addresses(site)
        await _prepare_contents(filled, embedded=settings.s3 is None)
    except BaseException:
        await children.end_all()
        lock.close()
        raise
    announce.write(filled)
    return Running(settings=filled, children=children, ports=site.ports, lock=lock)


def addresses(site: Site) -> Settings:
    """The settings with every server that was started filled in."""
    given, at = site.settings, site.ports
    secret = given.secret_for("postgres:owner")
    found: dict[str, object] = {
        "kafka": f"127.0.0.1:{at['kafka']}",
        "postgres": postgres.conninfo(at["postgres"], secret, "contentops"),
        "clickhouse": f"http://127.0.0.1:{at['clickhouse']}",
        "s3": f"http://127.0.0.1:{at['s3']}",
        "api_port": at["api"],
    }
    if given.search == "opensearch":
        found |= {"opensearch": f"http://127.0.0.1:{at['opensearch']}"}
    if given.s3 is None:
        found |= {"s3_access_key": objects.ACCESS_KEY}
        found |= {"s3_secret_key": given.secret_for("s3:root")}
    return given.replace({k: v for k, v in found.items() if not getattr(given, k)})


def _missing(settings: Settings) -> list[Callable[[Site], Coroutine[None, None, None]]]:
    starters = {
        "kafka": _kafka,
        "postgres": _postgres,
        "clickhouse": _clickhouse,
        "s3": _objects,
    }
    if settings.search == "opensearch":
        starters["opensearch"] = _opensearch
    return [
        start for name, start in starters.items() if getattr(settings, name) is None
    ]


def _site(settings: Settings, children: Children, say: Say) -> Site:
    stale = children.end_stale()
    if stale:
        say(f"ended what an earlier run left behind: {', '.join(sorted(stale))}")
    if settings.api_port and not ports.is_free(settings.api_port):
        raise Stop(f"Port {settings.api_port} is taken: choose another with --port.")
    return Site(
        settings=settings,
        children=children,
        ports=ports.keep(settings.data / "ports.json", say),
        say=say,
        env=inherited(),
    )


async def _all_or_none(steps: list[Coroutine[None, None, None]]) -> None:
    """The first problem ends the other steps, and is the one that is told."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _prepare_contents(settings: Settings, *, embedded: bool) -> None:
    owner = settings.dsn("owner", "postgres")
    await asyncio.gather(
        asyncio.to_thread(postgres.create_databases, owner),
        asyncio.to_thread(bucket.ensure, settings),
    )
    if embedded:
        local = f"http://localhost:{settings.api_port}"
        origins = [settings.api_url, local]
        await asyncio.to_thread(bucket.allow_origins, settings, origins)
        if settings.media_url:
            await asyncio.to_thread(bucket.let_read_public, settings)


async def _kafka(site: Site) -> None:
    cache = site.settings.cache
    class_path = await asyncio.to_thread(kafka.prepare, cache, site.say)
    child = await kafka.start(
        site.children, site.data, class_path, ports=site.ports, env=site.env
    )
    site.started(child, "kafka")


async def _postgres(site: Site) -> None:
    place = await asyncio.to_thread(
        postgres.prepare, site.settings.cache, site.data, site.say
    )
    child = await postgres.start(
        site.children,
        place,
        port=site.ports["postgres"],
        password=site.settings.secret_for("postgres:owner"),
        env=site.env,
    )
    site.started(child, "postgres")


async def _clickhouse(site: Site) -> None:
    child = await clickhouse.start(
        site.children,
        site.data,
        port=site.ports["clickhouse"],
        passwords=analysts.passwords(site.settings),
        tenants=analysts.tenants(site.settings),
        env=site.env,
    )
    site.started(child, "clickhouse")


async def _objects(site: Site) -> None:
    program = await asyncio.to_thread(
        objects.prepare, site.settings.cache, site.env, site.say
    )
    child = await objects.start(
        site.children,
        site.data,
        program,
        port=site.ports["s3"],
        secret=site.settings.secret_for("s3:root"),
        env=site.env,
    )
    site.started(child, "s3")


async def _opensearch(site: Site) -> None:
    class_path = await asyncio.to_thread(
        opensearch.prepare, site.settings.cache, site.say
    )
    child = await opensearch.start(
        site.children,
        site.data,
        class_path,
        ports=site.ports,
        cluster=f"contentops-{site.settings.secret_for('opensearch:cluster')[:12]}",
        env=site.env,
    )
    site.started(child, "opensearch")
