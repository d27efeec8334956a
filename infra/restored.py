"""`contentops doctor --restored`: after any store came out of a backup.

The log is the truth. Each position, checkpoint and range of facts is held against it;
what may be mended without asking is mended, the rest is named with its command.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import psycopg
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from infra import migrate, reconcile
from infra.problem import Stop
from infra.settings import Settings
from projections.registry import ANALYTICS
from schemas.envelope import Malformed
from streams import inbound, reactor
from streams.acceptance import CLAIM, Fence
from streams.judging import envelope_of
from streams.places import NotThere, looking, message_at
from streams.reading import Place, log_ends, log_starts, mark_of
from streams.rulings import name_of
from streams.topic_ids import TopicsMissing, topic_ids

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Say: TypeAlias = Callable[[str], None]

# Their effects are commands that change nothing when they are sent again.
REPEATABLE = frozenset({reactor.READER, inbound.READER})
STANDING = """
SELECT reader, topic, partition, topic_id, next_offset, mark FROM coordination.positions
ORDER BY reader, topic, partition
"""
CHECKPOINTS = """
SELECT topic, partition, "offset", log_epoch, log_owner, log_n
FROM coordination.checkpoints ORDER BY topic, partition, "offset" DESC
"""
FORGET = """
DELETE FROM coordination.checkpoints
WHERE topic = %s AND partition = %s AND "offset" = %s
"""
SET_BACK = """
UPDATE coordination.positions
SET topic_id = %s, next_offset = %s, log_epoch = %s, log_owner = %s, log_n = %s,
    mark = '', leader_epoch = -1, command_offset = -1,
    reader_epoch = reader_epoch + 1, reader_owner = 'restored'
WHERE reader = %s AND topic = %s AND partition = %s
"""


class Standing(Struct, frozen=True):
    """Where one reader stands, and which log it read."""

    reader: str
    place: Place
    topic_id: str
    offset: int
    mark: str


class Checkpoint(Struct, frozen=True):
    place: Place
    offset: int
    fence: Fence


class Wrong(Struct, frozen=True):
    """A position that does not fit the log, and how one sees it."""

    standing: Standing
    why: str


class Log(Struct, frozen=True):
    """The log as it is now."""

    ids: dict[str, str]
    starts: dict[Place, int]
    ends: dict[Place, int]


def visit(settings: Settings, say: Say = print) -> bool:
    """Say what was found, done and is left to do; True if nobody has to act."""
    kafka = settings.need("kafka")
    with migrate.connect(settings) as connection, looking(kafka) as consumer:
        standing = _standing(connection)
        log = _log(kafka, consumer, standing)
        kept = _checkpoints(connection, consumer, log, say)
        wrong = _wrong(consumer, log, standing)
        say(
            f"positions: {len(standing) - len(wrong)} of {len(standing)} stand in the "
            "log that was read"
        )
        well = _mend(connection, log, kept, wrong, say)
    return _facts(settings, say) and well


def _standing(connection: Connection) -> list[Standing]:
    return [
        Standing(str(reader), (str(topic), _int(part)), str(id_), _int(offset), str(m))
        for reader, topic, part, id_, offset, m in connection.execute(STANDING)
    ]


def _int(found: object) -> int:
    return int(str(found))


def _log(kafka: str, consumer: Consumer, standing: Sequence[Standing]) -> Log:
    try:
        ids = topic_ids(AdminClient({"bootstrap.servers": kafka}))
    except TopicsMissing as wrong:
        raise Stop(str(wrong)) from wrong
    places = sorted({each.place for each in standing if each.place[0] in ids})
    return Log(ids, log_starts(consumer, places), log_ends(consumer, places))


def _wrong(consumer: Consumer, log: Log, standing: Sequence[Standing]) -> list[Wrong]:
    found = []
    for each in standing:
        why = _why(consumer, log, each)
        if why:
            found.append(Wrong(each, why))
    return found


def _why(consumer: Consumer, log: Log, each: Standing) -> str:
    """Empty for a position of this very log."""
    if log.ids.get(each.place[0]) != each.topic_id:
        return "is another topic than the one that was read"
    end, last = log.ends[each.place], each.offset - 1
    if each.offset > end:
        return f"ends at {end}, {each.offset} were read: it lost its tail"
    if not each.mark or last < log.starts[each.place]:
        return ""
    if mark_of(message_at(consumer, (*each.place, last))) != each.mark:
        return f"holds another record at {last}: it lost its tail and grew again"
    return ""


def _mend(
    connection: Connection,
    log: Log,
    kept: Sequence[Checkpoint],
    wrong: Sequence[Wrong],
    say: Say,
) -> bool:
    """False if a person has to run what is named."""
    told: dict[str, None] = {}
    for each in wrong:
        topic, partition = each.standing.place
        say(f"{each.standing.reader}: {topic}[{partition}] {each.why}")
        if each.standing.reader in REPEATABLE:
            offset = _set_back(connection, log, kept, each.standing)
            say(f"{each.standing.reader}: set back to {offset}; repeats change nothing")
        else:
            told[name_of(each.standing.reader)] = None
    for name in told:
        say(f"{name}: run `contentops {_remedy(name)}`")
    return not told


def _remedy(name: str) -> str:
    return (
        "audit verify" if name == "auditor" else f"projection rebuild {name} --replace"
    )


def _set_back(
    connection: Connection, log: Log, kept: Sequence[Checkpoint], standing: Standing
) -> int:
    """To the newest checkpoint that this log still has below, else to its beginning."""
    place = standing.place
    known = [
        each for each in kept if each.place == place and each.offset <= standing.offset
    ]
    offset, fence = log.starts.get(place, 0), Fence()
    if known:
        offset, fence = known[0].offset, known[0].fence
    values = (log.ids.get(place[0], ""), offset, fence.epoch, fence.owner, fence.n)
    connection.execute(SET_BACK, (*values, standing.reader, *place))
    return offset


def _checkpoints(
    connection: Connection, consumer: Consumer, log: Log, say: Say
) -> list[Checkpoint]:
    """Those this log still has, newest first; one that it has vouches for the older."""
    kept: list[Checkpoint] = []
    forgotten = 0
    by_place: dict[Place, list[Checkpoint]] = defaultdict(list)
    for topic, part, offset, epoch, owner, n in connection.execute(CHECKPOINTS):
        fence = Fence(_int(epoch), str(owner), _int(n))
        place = (str(topic), _int(part))
        by_place[place].append(Checkpoint(place, _int(offset), fence))
    for place, found in by_place.items():
        while found and not _there(consumer, log, found[0]):
            connection.execute(FORGET, (*place, found.pop(0).offset))
            forgotten += 1
        kept += found
    say(f"checkpoints: {len(kept)} hold, {forgotten} forgotten")
    return kept


def _there(consumer: Consumer, log: Log, each: Checkpoint) -> bool:
    if each.offset > log.ends.get(each.place, 0):
        return False
    try:
        message = message_at(consumer, (*each.place, each.offset - 1))
        found = envelope_of(message)
    except (Malformed, NotThere):
        return False
    numbered = 0 if found.type == CLAIM else found.n + 1
    return Fence(found.epoch, found.owner, numbered) == each.fence


def _facts(settings: Settings, say: Say) -> bool:
    """ClickHouse against what was confirmed; it mends itself from the log."""
    if settings.clickhouse is None:
        say(f"{ANALYTICS.name}: no ClickHouse is set, nothing compared")
        return True
    try:
        report = reconcile.reconcile(settings, lambda line: say(f"facts: {line}"))
    except Stop as wrong:
        say(f"facts: {wrong}")
        return False
    return all(each.outcome != "kept" for each in report.differences)
