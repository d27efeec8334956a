"""The prompts and experiments of each tenant as they are now, for any gateway."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

import msgspec
import psycopg
import structlog
from msgspec import Struct, structs
from psycopg import AsyncCursor, sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import PoolTimeout

from ai_adapter.base import Ask
from ai_adapter.experiments import Book, Exposure, Running, chosen
from ai_adapter.ports import Chosen
from ai_adapter.prompts.prompt import Prompt, stored
from projections.experiments.query import RUNNING
from projections.prompts.query import LIVE, NAMED
from schemas.clock import utc_now
from schemas.commands.experiment import RecordExposure
from schemas.envelope import Record, command
from schemas.experiments import Arm
from schemas.ids import derived
from schemas.prompts import PromptText
from schemas.registry import Data
from streams.log import Appended, NotAcknowledged
from streams.pools import Pool

FRESH_S = 0.5
"""A change is seen after this and the projector's delay, well within a second."""
PATIENCE_S = 1.0
TENANTS_MAX = 1_000
SUBJECTS_MAX = 100_000
_TENANT = "SELECT set_config('app.tenant', %s, true)"
_log = structlog.get_logger("ai")


class Appends(Protocol):
    """The log as far as exposures need it."""

    async def append(self, record: Record[Data]) -> Appended: ...


class _Kept(Struct):
    book: Book
    at: float = float("-inf")


class LivePrompts:
    """What a tenant made live, at most half a second old.

    While Postgres is away what was known counts; a tenant nobody knew has what is
    built in. A subject meets an arm only after its exposure is on the log.
    """

    def __init__(self, pool: Pool, log: Appends) -> None:
        self._pool = pool
        self._log = log
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._reading: dict[str, asyncio.Lock] = {}
        self._met: set[str] = set()

    async def prompt(self, ask: Ask) -> Chosen:
        """Raises Refused with `tool_unknown`."""
        book = await self._book(ask.tenant_id)
        found, met = chosen(book, ask)
        if met is None or await self._told(ask.tenant_id, met):
            return found
        return chosen(structs.replace(book, running=()), ask)[0]

    async def _book(self, tenant: str) -> Book:
        kept = self._kept.setdefault(tenant, _Kept(Book()))
        self._kept.move_to_end(tenant)
        if len(self._kept) > TENANTS_MAX:
            self._reading.pop(self._kept.popitem(last=False)[0], None)
        async with self._reading.setdefault(tenant, asyncio.Lock()):
            if time.monotonic() - kept.at >= FRESH_S:
                await self._read_into(kept, tenant)
        return kept.book

    async def _read_into(self, kept: _Kept, tenant: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                kept.book = await read(self._pool, tenant)
        except (psycopg.Error, PoolTimeout, TimeoutError) as away:
            _log.warning("prompts not read", action="as_known", reason=str(away)[:200])
        kept.at = time.monotonic()

    async def _told(self, tenant: str, met: Exposure) -> bool:
        """Whether the log has it; False = this ask takes no part."""
        key = derived("exposure", tenant, met.experiment_id, met.subject)
        if key in self._met:
            return True
        try:
            await self._log.append(_exposed(tenant, met))
        except NotAcknowledged:
            _log.warning("exposure not told", action="no_arm", id=met.experiment_id)
            return False
        if len(self._met) >= SUBJECTS_MAX:
            self._met.clear()  # telling again changes nothing
        self._met.add(key)
        return True


def _exposed(tenant: str, met: Exposure) -> Record[Data]:
    exposure_id = derived("exposure", met.experiment_id, met.subject)
    return command(
        RecordExposure(met.experiment_id, met.arm, met.subject),
        tenant=tenant,
        aggregate_id=exposure_id,
        id=derived("expose", tenant, exposure_id),
        time=utc_now(),
        auth_id="gateway",
    )


async def read(pool: Pool, tenant: str) -> Book:
    """Raises psycopg.Error while Postgres or the read models are not there."""
    async with pool.connection() as connection, connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(_TENANT, (tenant,))
        live = await _rows(cursor, LIVE)
        running = await _rows(cursor, RUNNING)
        wanted = [name for each in running for name in _versions(each)]
        named = await _rows(cursor, NAMED, (wanted,)) if wanted else []
    versions = {str(each["id"]): _prompt(each) for each in named}
    return Book(
        live={
            (str(each["project_id"]), str(each["name"])): _prompt(each) for each in live
        },
        running=tuple(_running(each, versions) for each in running),
    )


async def _rows(
    cursor: AsyncCursor[DictRow], query: sql.SQL, values: tuple[object, ...] = ()
) -> list[DictRow]:
    await cursor.execute(query, values)
    return await cursor.fetchall()


def _arms(row: DictRow) -> tuple[Arm, ...]:
    return msgspec.convert(row["arms"], tuple[Arm, ...])


def _versions(row: DictRow) -> list[str]:
    return [f"{row['prompt_id']}:{arm.number}" for arm in _arms(row) if arm.number]


def _running(row: DictRow, versions: Mapping[str, Prompt]) -> Running:
    known = (arm.number for arm in _arms(row))
    named = {number: versions.get(f"{row['prompt_id']}:{number}") for number in known}
    return Running(
        id=row["id"],
        prompt=row["prompt"],
        arms=_arms(row),
        project_id=row["project_id"],
        unit=row["unit"],
        prompts={number: prompt for number, prompt in named.items() if prompt},
    )


def _prompt(row: DictRow) -> Prompt:
    text = msgspec.convert(row["text"], PromptText)
    owner = row["project_id"] or "tenant"
    return stored(row["name"], row["number"], text, owner)
