"""One thread folds the log and says what every store has to hold.

The rules of acceptance and of upserts are written here a second time. What is shared
with the product is pure: deciders, reactions and `project`, which have tests of their
own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec
from msgspec import Struct

from projections.registry import ANALYTICS, PROJECTIONS
from projections.table import Projection, Row, Table, Value
from schemas.clock import utc_now
from schemas.envelope import Record
from schemas.events.job import JobCompleted, JobFailed, JobStarted
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.events.publication import PublicationDue, PublicationScheduled
from schemas.ids import event_id
from schemas.registry import Data
from schemas.topics import FAMILY_OF
from streams.domain.registry import RULES
from streams.domain.rejected import Rejected
from streams.reactions.registry import REACTIONS
from streams.reactor import commands as reactions_of
from tests.faults.journal import COMMANDS, Journal
from tests.faults.stores import Cells, ClickHouse, Key, Plain, Postgres, Rows, cells

At: TypeAlias = tuple[str, int, int]

SHOWN = 40
QUIET = (LogRejected, LogUnchanged)
# A build that was killed leaves its positions behind until somebody drops it.
STANDING = """
SELECT p.reader, p.topic, p.partition, p.next_offset FROM coordination.positions p
LEFT JOIN coordination.projections v ON p.reader = v.name || '.v' || v.version
WHERE v.state IS NULL OR v.state IN ('live', 'catching_up', 'retiring')
"""


class Verdict(Struct):
    """Sentences; an installation that lost, doubled and spoilt nothing has none."""

    lost: list[str] = []
    doubled: list[str] = []
    divergent: list[str] = []

    @property
    def _named(self) -> tuple[tuple[str, list[str]], ...]:
        return (
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("divergent", self.divergent),
        )

    @property
    def all(self) -> list[str]:
        return [f"{name}: {each}" for name, found in self._named for each in found]

    def without(self, known: set[str]) -> "Verdict":
        """What is found for the first time."""
        return Verdict(
            *(
                [each for each in found if f"{name}: {each}" not in known]
                for name, found in self._named
            )
        )

    @property
    def good(self) -> bool:
        return not self.all

    def __str__(self) -> str:
        return "\n".join(self.all[:SHOWN])


class Told(Struct, frozen=True):
    """What a client was told of one command."""

    command_id: str
    status: str


class Posts(Struct, frozen=True):
    """What a platform accepted, by title: every publication has its own."""

    counts: dict[str, int]


def folded(journal: Journal) -> list[Record[Data]]:
    """Everything that counts, claims left out; per stream in its order."""
    return [
        record
        for records in journal.accepted().values()
        for record in records
        if not isinstance(record.data, LogClaimed)
    ]


def judge_log(journal: Journal, told: Iterable[Told], verdict: Verdict) -> None:
    """Commands, decisions, streams, reactions, timers and attempts."""
    records = folded(journal)
    decided = Counter(record.envelope.causation for record in records)
    verdict.doubled += [
        f"command {id_} decided {count} times"
        for id_, count in decided.items()
        if count > 1
    ]
    asked = {each.id for each in journal.of(COMMANDS) if each.id}
    verdict.lost += [f"command {id_} never decided" for id_ in asked - decided.keys()]
    verdict.lost += list(_told(told, {r.envelope.causation: r for r in records}))
    verdict.divergent += list(_decisions(journal, records))
    verdict.lost += list(_reactions(records, asked))
    verdict.doubled += list(_fired(records))
    verdict.doubled += list(_results(records))


def _told(told: Iterable[Told], decided: dict[str, Record[Data]]) -> Iterator[str]:
    for each in told:
        record = decided.get(each.command_id)
        if record is None:
            yield f"command {each.command_id}: told {each.status}, not on the log"
        elif each.status == "accepted" and isinstance(record.data, LogRejected):
            yield f"command {each.command_id}: told accepted, rejected on the log"
        elif each.status == "rejected" and not isinstance(record.data, LogRejected):
            yield f"command {each.command_id}: told rejected, accepted on the log"


def _decisions(journal: Journal, records: list[Record[Data]]) -> Iterator[str]:
    """Each decision is the one that a lone decider makes in this place."""
    wishes = {(e.topic, e.partition, e.offset): e for e in journal.of(COMMANDS)}
    streams: dict[str, tuple[int, Struct]] = {}
    for record in records:
        at, rules = record.envelope, RULES[record.envelope.aggregate]
        version, state = streams.get(at.key, (0, rules.initial))
        quiet = isinstance(record.data, QUIET)
        if at.sequence != version + (not quiet):
            yield f"{at.key}: version {at.sequence} follows {version}"
        topic = FAMILY_OF[at.aggregate].commands.name
        wish = wishes.get((topic, record.partition, at.command_offset))
        if wish is None or wish.id != at.causation or at.id != event_id(at.causation):
            yield f"{at.key}: {at.id} answers no command"
        elif (wanted := _answer(wish.record(), version, state)) != _form(record.data):
            yield f"{at.key}: {at.type} v{at.sequence} where {wanted!r} was right"
        if not quiet:
            streams[at.key] = (at.sequence, rules.evolve(state, record.data))


def _answer(wish: Record[Data], version: int, state: Struct) -> object:
    expected = wish.envelope.expected_version
    if expected is not None and expected != version:
        return ("rejected", "stale")
    try:
        found = RULES[wish.envelope.aggregate].decide(wish.data, state)
    except Rejected as no:
        return ("rejected", no.kind, no.code)
    return msgspec.json.encode(LogUnchanged() if found is None else found)


def _form(data: Data) -> object:
    if isinstance(data, LogRejected):
        if data.kind == "stale":
            return ("rejected", "stale")
        return ("rejected", data.kind, data.code)
    return msgspec.json.encode(data)


def _reactions(records: list[Record[Data]], asked: set[str]) -> Iterator[str]:
    for record in records:
        for wish in reactions_of(record, REACTIONS, utc_now):
            if wish.envelope.id not in asked:
                yield f"{wish.envelope.type}: not sent after {record.envelope.id}"


def _fired(records: list[Record[Data]]) -> Iterator[str]:
    due = Counter(
        (record.envelope.key, record.data.at)
        for record in records
        if isinstance(record.data, PublicationDue)
    )
    return (f"timer {key} fired {n} times" for key, n in due.items() if n > 1)


def _results(records: list[Record[Data]]) -> Iterator[str]:
    ended = Counter(
        record.envelope.key
        for record in records
        if isinstance(record.data, JobCompleted)
    )
    return (f"job {key} completed {n} times" for key, n in ended.items() if n > 1)


def unfired(records: Iterable[Record[Data]], now: datetime) -> list[str]:
    """Timers that were due and never went off."""
    armed: dict[str, datetime] = {}
    for record in records:
        if isinstance(record.data, PublicationScheduled):
            armed[record.envelope.key] = record.data.at
        elif record.envelope.key in armed and not isinstance(record.data, QUIET):
            armed.pop(record.envelope.key)
    return [key for key, at in armed.items() if at <= now]


def judge_work(records: list[Record[Data]], lease: timedelta, verdict: Verdict) -> None:
    """A job is begun again only after its attempt ended, or its lease ran out."""
    began: dict[str, datetime] = {}
    for record in records:
        key, at = record.envelope.key, record.envelope.recorded
        match record.data:
            case JobStarted() if at is not None:
                if key in began and at - began[key] < lease * 0.6:
                    verdict.doubled.append(f"job {key} begun twice within a lease")
                began[key] = at
            case JobCompleted() | JobFailed():
                began.pop(key, None)
            case _:
                continue


def judge_posts(records: list[Record[Data]], posts: Posts, verdict: Verdict) -> None:
    """Nothing goes out twice; whatever is said to be out is out once."""
    verdict.doubled += [
        f"{title!r} was posted {count} times"
        for title, count in posts.counts.items()
        if count > 1
    ]
    out = expected(_named("publications"), records)["publications"].values()
    for row in out:
        there = posts.counts.get(str(row["title"]), 0)
        if row["status"] in ("published", "submitted") and not there:
            verdict.lost.append(f"{row['title']!r} is {row['status']}, posted nowhere")


def _named(name: str) -> Projection:
    return next(each for each in PROJECTIONS if each.name == name)


def expected(
    projection: Projection, records: Iterable[Record[Data]]
) -> dict[str, Rows]:
    """Rows of each table; a stream stands still at a record no table can take."""
    tables: dict[str, Rows] = {table.name: {} for table in projection.tables}
    held: set[str] = set()
    for record in records:
        made = list(projection.project(record))
        if record.envelope.key in held or any(_poison(row) for row in made):
            held.add(record.envelope.key)
            continue
        for row in made:
            _upsert(tables[row.table.name], row.table, cells(row.table, row.values))
    return tables


def poisoned(projection: Projection, records: Iterable[Record[Data]]) -> set[At]:
    """Places of all records that are to be parked for this projection."""
    held: set[str] = set()
    found: set[At] = set()
    for record in records:
        spoilt = any(_poison(row) for row in projection.project(record))
        if record.envelope.key in held or spoilt:
            held.add(record.envelope.key)
            found.add((record.topic, record.partition, record.offset))
    return found


def _poison(row: Row) -> bool:
    """Postgres takes every character but one."""
    return any("\\u0000" in _json(value) for value in row.values.values())


def _json(value: Value) -> str:
    return msgspec.json.encode(value).decode()


def _upsert(rows: Rows, table: Table, new: Cells) -> None:
    key: Key = tuple(new[name] for name in table.key)
    old = rows.get(key)
    if old is None:
        rows[key] = new
    elif not table.once and int(str(old["version"])) < int(str(new["version"])):
        rows[key] = {**old, **new, "created_at": old["created_at"]}


def judge_rows(journal: Journal, postgres: Postgres, verdict: Verdict) -> None:
    """Every version of every read model, cell by cell."""
    records = [*folded(journal), *_claims(journal), *journal.observations()]
    parked, versions = _parked(postgres), postgres.versions()
    for projection in PROJECTIONS:
        wanted, places = expected(projection, records), poisoned(projection, records)
        for number in versions[projection.name]:
            reader = f"{projection.name}.v{number}"
            for table in projection.tables:
                found = postgres.rows(projection, number, table)
                differ = _differences(reader, wanted[table.name], found)
                verdict.divergent += list(differ)
            if odd := sorted(places ^ parked.pop(reader, set()))[:5]:
                verdict.divergent.append(f"{reader}: parked otherwise: {odd}")
    verdict.divergent += [f"{reader}: parked {at}" for reader, at in parked.items()]


def _claims(journal: Journal) -> list[Record[Data]]:
    return [
        record
        for records in journal.accepted().values()
        for record in records
        if isinstance(record.data, LogClaimed)
    ]


def _parked(postgres: Postgres) -> dict[str, set[At]]:
    found: dict[str, set[At]] = defaultdict(set)
    query = 'SELECT reader, topic, partition, "offset" FROM coordination.parked'
    for row in postgres.ask(query):
        at = (str(row["topic"]), int(str(row["partition"])), int(str(row["offset"])))
        found[str(row["reader"])].add(at)
    return found


def _differences(of: str, wanted: Rows, found: Rows) -> Iterator[str]:
    for key in wanted.keys() - found.keys():
        yield f"{of} {key}: no row"
    for key in found.keys() - wanted.keys():
        yield f"{of} {key}: a row out of nothing"
    for key in wanted.keys() & found.keys():
        for name, cell in wanted[key].items():
            if found[key].get(name) != cell:
                there = found[key].get(name)
                yield f"{of} {key} {name}: {there!r} instead of {cell!r}"


def judge_facts(journal: Journal, clickhouse: ClickHouse, verdict: Verdict) -> None:
    """Every row of ClickHouse, counted without FINAL."""
    records = [*folded(journal), *journal.observations()]
    made: dict[str, list[Row]] = defaultdict(list)
    for record in records:
        for row in ANALYTICS.project(record):
            made[row.table.name].append(row)
    for table in ANALYTICS.tables:
        wanted = [cells(table, row.values) for row in made[table.name]]
        found = clickhouse.rows(table)
        compare(table, wanted, found, verdict)


def compare(
    table: Table, wanted: list[Cells], found: list[Cells], verdict: Verdict
) -> None:
    """Row by row. An observation may be on the log twice; a merge keeps one of them."""
    names = tuple(wanted[0]) if wanted else ()
    there = Counter(_text({name: row.get(name) for name in names}) for row in found)
    right = Counter(_text(row) for row in wanted)
    for row, count in (there - right).items():
        kind = verdict.doubled if row in right else verdict.divergent
        kind.append(f"ClickHouse {table.name}: {count} too many of {row}")
    said = Counter(_fact(row) for row in wanted)
    kept = {_fact(row) for row in found}
    merged = {
        _text(row) for row in wanted if _fact(row) in kept and said[_fact(row)] > 1
    }
    verdict.lost += [
        f"ClickHouse {table.name}: {count} missing of {row}"
        for row, count in (right - there).items()
        if row not in merged
    ]


def _fact(row: Cells) -> tuple[Plain, Plain]:
    return row["tenant"], row["event_id"]


def _text(row: Cells) -> str:
    return repr(sorted((name, _number(cell)) for name, cell in row.items()))


def _number(cell: object) -> object:
    return str(cell) if isinstance(cell, bool | int | float) else cell


def judge_positions(journal: Journal, postgres: Postgres, verdict: Verdict) -> None:
    """Every reader that there is stands at the end of each of its partitions."""
    ends = journal.ends()
    for row in postgres.ask(STANDING):
        place = (str(row["topic"]), int(str(row["partition"])))
        if ends.get(place, row["next_offset"]) != row["next_offset"]:
            stands = f"{row['reader']} at {row['next_offset']} of {place}"
            verdict.divergent.append(f"{stands}, which ends at {ends[place]}")
