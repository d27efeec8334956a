"""Making planned ranges whole: what a crash left open, and what a table refuses.

A range is read again from the log and made into rows again. For each table there are
four cases. Its rows are all there: nothing to do. None are there: insert under the
token of the plan, so that a late insert of the plan's first owner is dropped. Others
are there, or the rows are no longer those that were planned: the plan gets a new token
first, then they are deleted, then inserted. The log is right, what lies there is not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from msgspec import Struct

from projections import facts, plans
from projections.clickhouse import REFUSED, code_of
from projections.facts import Fact, Parts
from projections.plans import Block, Connection, Open, Plan, Range, Refused
from projections.ranges import read_range, reading
from projections.serving import NeedsPerson
from projections.table import Projection
from streams.faults import reach
from streams.judging import Unreadable
from streams.reading import Batch
from streams.rulings import Rulings

ROUNDS = 3


Park: TypeAlias = Callable[[Sequence[Unreadable | Refused]], None]
Insert: TypeAlias = Callable[[Client, Projection, Block, bytes], None]


class Poisoned(Exception):
    """A table refused rows; their records are parked now, so mend the plan."""


class Site(Struct, frozen=True):
    """Where facts come from and go to, and what becomes of a record without rows.

    `owner` answers a new name at every call; `park` is called in a transaction of
    `connection`.
    """

    kafka: str
    connection: Connection
    client: Client
    projection: Projection
    owner: Callable[[], str]
    rulings: Callable[[], Rulings]
    park: Park
    insert: Insert = facts.insert

    @property
    def reader(self) -> str:
        return self.projection.reader


class Case(Struct, frozen=True):
    """An open plan, and the plan as it must be."""

    opened: Open
    plan: Plan


class Need(Struct, frozen=True):
    """What one table of a case lacks, and what must go before."""

    case: Case
    table: str
    block: Block | None
    delete: bool


def mend(site: Site, opens: Sequence[Open]) -> list[Plan]:
    """The plans to confirm, their rows being in; raises Fenced and Poisoned."""
    if not opens:
        return []
    reach("sink.mending")
    with reading(site.kafka) as read:
        cases = [Case(each, again(site, each, read(each.range))) for each in opens]
    for turn in range(ROUNDS):
        found = needs(site, cases)
        # In one transaction, so that whoever takes over waits until rows are deleted.
        with site.connection.transaction():
            # An insert may have been dropped under a token that the server remembers.
            cases = _renewed(site, cases, found, trusting=turn == 0)
            _delete(site, found)
        if not found:
            return [each.plan for each in cases]
        wanted = {(each.case.plan.range, each.table) for each in found}
        for case in cases:
            put(site, case.plan, {t for where, t in wanted if where == case.plan.range})
    raise NeedsPerson("ClickHouse does not keep the rows it is given: look at its log.")


def again(site: Site, opened: Open, batch: Batch) -> Plan:
    """The plan of a range anew; what newly gives no rows is parked."""
    where = opened.range
    but = plans.skipped(site.connection, site.rulings(), site.reader, where)
    plan, refused = plans.planned(
        site.projection.project, batch, where.fence, site.owner(), but
    )
    odd = [each for each in batch.unreadable if each.offset not in but]
    with site.connection.transaction():
        site.park([*odd, *refused])
    return plan


def put(site: Site, plan: Plan, tables: Iterable[str] | None = None) -> None:
    """Insert these tables of a plan, or all; raises Poisoned."""
    wanted = None if tables is None else set(tables)
    for number, block in enumerate(plan.blocks):
        if wanted is not None and block.table not in wanted:
            continue
        if number:
            reach("sink.between_tables")
        try:
            site.insert(site.client, site.projection, block, plan.bodies[block.table])
        except DatabaseError as wrong:
            if code_of(wrong) not in REFUSED:
                raise
            _park(site, plan, block)
            raise Poisoned from wrong


def needs(site: Site, cases: Sequence[Case]) -> list[Need]:
    """What is not as planned, in any table."""
    ranges = [each.plan.range for each in cases]
    found = []
    for table in site.projection.tables:
        there = facts.counted(site.client, site.projection, table.name, ranges)
        for case, parts in zip(cases, there, strict=True):
            need = _need(case, table.name, parts)
            if need is not None and not _in_order(site, need):
                found.append(need)
    return found


def _need(case: Case, table: str, there: Parts) -> Need | None:
    before = case.opened.blocks.get(table)
    block = next((each for each in case.plan.blocks if each.table == table), None)
    same = (before and before.sha256) == (block and block.sha256)
    if there == (block.parts if block else ()) and (same or not there):
        return None
    return Need(case, table, block, delete=bool(there))


def _in_order(site: Site, need: Need) -> bool:
    """Whether only a merge stands between what lies there and what was planned."""
    plan, block = need.case.plan, need.block
    before = need.case.opened.blocks.get(need.table)
    if block is None or before is None or before.sha256 != block.sha256:
        return False
    return need.delete and merged(site.client, site.projection, plan, block)


def merged(client: Client, projection: Projection, plan: Plan, block: Block) -> bool:
    """Facts may be repeated on the log; a merge keeps one row of each.

    Observations are, and an event is when somebody wrote it there a second time.
    """
    lines = plan.bodies[block.table].splitlines()
    found = [msgspec.json.decode(line, type=_Line) for line in lines]
    wanted: Counter[Fact] = Counter((each.event_id, each.off) for each in found)
    there = Counter(facts.rows_of(client, projection, block.table, plan.range))
    lacking = {id_ for id_, _ in wanted - there}
    return not there - wanted and lacking <= facts.known(
        client, projection, block.table, sorted(lacking)
    )


def _renewed(
    site: Site, cases: Sequence[Case], found: Sequence[Need], *, trusting: bool
) -> list[Case]:
    """Cases under new tokens, but for tables where the old one is still good.

    In the caller's transaction.
    """
    spent = {
        (each.case.plan.range, each.table)
        for each in found
        if each.delete or not trusting
    }
    return [_renew(site, case, spent) for case in cases]


def _renew(site: Site, case: Case, spent: set[tuple[Range, str]]) -> Case:
    kept = {
        block.table: case.opened.blocks[block.table].token
        for block in case.plan.blocks
        if block.table in case.opened.blocks
        and case.opened.blocks[block.table].sha256 == block.sha256
        and (case.plan.range, block.table) not in spent
    }
    plan = plans.renewed(case.plan, kept, site.owner())
    plans.renew(site.connection, site.reader, case.opened.token, plan)
    blocks = {block.table: block for block in plan.blocks}
    return Case(Open(plan.range, plan.token, blocks), plan)


def _delete(site: Site, found: Sequence[Need]) -> None:
    for table in site.projection.tables:
        ranges = [
            each.case.plan.range
            for each in found
            if each.delete and each.table == table.name
        ]
        if ranges:
            facts.delete(site.client, site.projection, table.name, ranges)
            reach("sink.deleted")


def _park(site: Site, plan: Plan, block: Block) -> None:
    """Find the rows that the table refuses; their records give no rows from now on."""
    body = plan.bodies[block.table]
    why = facts.refused_lines(site.client, site.projection, block.table, body)
    lines = body.splitlines()
    reasons = {
        msgspec.json.decode(lines[number], type=_Line).off: reason
        for number, reason in why.items()
    }
    if not reasons:
        raise NeedsPerson(f"ClickHouse refuses rows of {block.table} only together.")
    batch = read_range(site.kafka, plan.range)
    with site.connection.transaction():
        site.park(
            [
                Refused(record, reasons[record.offset])
                for record in batch.records
                if record.offset in reasons
            ]
        )


class _Line(Struct, frozen=True, rename={"off": "_off"}):
    event_id: str
    off: int
