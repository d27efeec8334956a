"""Taking up one parked record of the facts: its rows into ClickHouse, then counted.

A plan of one offset that is never written down. A kill in between leaves rows of a
record that still is parked: the next try deletes them, and so does reconciliation.
"""

from uuid import uuid4

from clickhouse_connect.driver.exceptions import DatabaseError
from msgspec import structs

from infra.reconcile import Stores, alone
from projections import facts, plans
from projections.clickhouse import REFUSED, code_of
from projections.plans import Plan
from projections.registry import ANALYTICS
from projections.table import Projection
from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.reading import Batch


def projection_of(reader: str) -> Projection:
    """The build of the facts that this reader fills."""
    return structs.replace(ANALYTICS, label=reader.partition(".")[2])


def put_in(stores: Stores, record: Record[Data]) -> str:
    """Empty, or why its rows cannot be had; in the caller's transaction."""
    batch = Batch(
        topic=record.topic,
        partition=record.partition,
        start=record.offset,
        end=record.offset + 1,
        records=(record,),
        void=0,
        fence=None,
        leader_epoch=-1,
    )
    project = stores.projection.project
    plan, refused = plans.planned(project, batch, Fence(), uuid4().hex)
    if refused:
        return refused[0].reason
    with alone(stores):
        return _insert(stores, plan)


def _insert(stores: Stores, plan: Plan) -> str:
    _clear(stores, plan)
    try:
        for block in plan.blocks:
            body = plan.bodies[block.table]
            facts.insert(stores.client, stores.projection, block, body)
    except DatabaseError as wrong:
        if code_of(wrong) not in REFUSED:
            raise
        _clear(stores, plan)
        return str(wrong).partition("\n")[0]
    plans.add(stores.connection, stores.projection.reader, [plan])
    return ""


def _clear(stores: Stores, plan: Plan) -> None:
    client, projection = stores.client, stores.projection
    for table in projection.tables:
        if facts.counted(client, projection, table.name, [plan.range]) != [()]:
            facts.delete(client, projection, table.name, [plan.range])
