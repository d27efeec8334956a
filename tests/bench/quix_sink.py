"""The peer: Quix Streams copies one event topic into one table; runs in its own venv.

Prints seconds and processor seconds from the first record in hand to the last commit,
so joining the group and starting up are not charged to it.
"""

import json
import sys
import time
from typing import Any

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink

NAME, BOOTSTRAP, TOPIC, HOST, PORT, DATABASE, USER, PASSWORD, SCHEMA, TABLE, TOTAL = (
    sys.argv
)


class Watch:
    """When work began and when the last batch was committed."""

    begun: tuple[float, float] | None = None
    ended = (0.0, 0.0)
    rows = 0


class Timed(PostgreSQLSink):  # type: ignore[misc]  # the peer's own class
    def write(self, batch: Any) -> None:
        super().write(batch)
        Watch.rows += batch.size
        Watch.ended = (time.perf_counter(), time.process_time())


def row(value: Any, key: Any, _timestamp: int, headers: Any) -> dict[str, Any]:
    """The same columns that our projection writes, from the same headers."""
    if Watch.begun is None:
        Watch.begun = (time.perf_counter(), time.process_time())
    attributes = {name: text.decode() for name, text in headers}
    when = attributes["ce_time"]
    return {
        "tenant": attributes["ce_tenantid"],
        "id": attributes["ce_subject"].partition("/")[2],
        "version": int(attributes["ce_sequence"]),
        "event_id": attributes["ce_id"],
        "created_at": when,
        "updated_at": when,
        "name": value["name"],
    }


def main() -> None:
    app = Application(
        broker_address=BOOTSTRAP,
        consumer_group=f"quix-{time.time_ns()}",
        auto_offset_reset="earliest",
        commit_every=2_000,
        loglevel="ERROR",
    )
    sink = Timed(
        HOST,
        int(PORT),
        DATABASE,
        USER,
        PASSWORD,
        TABLE,
        schema_name=SCHEMA,
        schema_auto_update=False,
        primary_key_columns=["tenant", "id"],
        upsert_on_primary_key=True,
        include_metadata=False,
    )
    events = app.dataframe(app.topic(TOPIC, value_deserializer="json"))
    # A claim has no key; a user who knows the topic leaves it out like this.
    events = events.filter(lambda *found: found[1] is not None, metadata=True)
    events.apply(row, metadata=True).sink(sink)
    app.run(count=int(TOTAL), timeout=30)
    began, ended = Watch.begun or Watch.ended, Watch.ended
    report = {"seconds": ended[0] - began[0], "cpu_s": ended[1] - began[1]}
    sys.stdout.write(json.dumps({**report, "rows": Watch.rows}) + "\n")


main()
