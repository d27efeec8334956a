"""Looking at the log: read a topic, and walk the causal chain of one event."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)
from psycopg.rows import DictRow, dict_row
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from api.positions import NotAToken, decode
from infra.problem import Stop
from infra.settings import Settings
from schemas.envelope import Envelope, Malformed, read_headers, stamp
from schemas.topics import PREFIX, TOPICS
from streams.acceptance import Fence, accept

Say = Callable[[str], None]
Begin = Callable[[str, int], int]

WAIT_S = 10.0
WIDTH = 140
CHAIN = """
SELECT tenant, id, type, subject, at, cause, causes, topic, partition, "offset",
  (SELECT p.id FROM read.history p
   WHERE p.tenant = h.tenant AND p.subject = h.subject AND p.version > 0
      AND p.version = h.version - 1
     AND p.type NOT LIKE 'io.contentops.log.%%' LIMIT 1) AS before
FROM read.history h WHERE id = ANY(%s)
"""


@dataclass(frozen=True)
class Seen:
    """One record of a topic as a person wants to see it; `void` None = not known."""

    partition: int
    offset: int
    key: str
    envelope: Envelope | None
    value: bytes
    void: bool | None

    def as_json(self) -> str:
        found = self.envelope
        return json.dumps(
            {
                "partition": self.partition,
                "offset": self.offset,
                "key": self.key,
                "void": self.void,
                "id": found.id if found else None,
                "type": found.type if found else None,
                "time": stamp(found.time) if found else None,
                "sequence": found.sequence if found else None,
                "cause": found.cause if found else None,
                "correlation": found.correlation if found else None,
                "data": _data(self.value),
            },
            ensure_ascii=False,
        )

    def as_line(self) -> str:
        found = self.envelope
        name = found.type.removeprefix("io.contentops.") if found else "(no envelope)"
        at = stamp(found.time) if found else "-"
        mark = " void" if self.void else ""
        text = self.value.decode("utf-8", "replace")
        return f"{self.partition}:{self.offset} {at} {self.key} {name}{mark} {text}"


def _data(value: bytes) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value.decode("utf-8", "replace")


def read(
    settings: Settings,
    topic: str,
    *,
    key: str | None = None,
    start: str | None = None,
    as_json: bool = False,
    say: Say = print,
) -> int:
    """Print what a topic holds now; returns how many records were printed.

    `start` is `end`, an offset, `partition:offset` or a position token.
    """
    shown = 0
    for seen in records(settings, topic_name(topic), starts(start or "")):
        if key and key != seen.key and not seen.key.endswith(f":{key}"):
            continue
        say(seen.as_json() if as_json else seen.as_line())
        shown += 1
    return shown


def topic_name(text: str) -> str:
    """`asset.events` is enough for `contentops.asset.events.v1`."""
    names = {topic.name for topic in TOPICS}
    for name in (text, f"{PREFIX}{text}", f"{PREFIX}{text}.v1"):
        if name in names:
            return name
    short = ", ".join(sorted(name[len(PREFIX) : -len(".v1")] for name in names))
    raise Stop(f"There is no topic {text}; there are: {short}.", 2)


def starts(text: str) -> Begin:
    """The offset to begin at in each partition."""
    if not text:
        return lambda _topic, _partition: OFFSET_BEGINNING
    if text == "end":
        return lambda _topic, _partition: OFFSET_END
    if text.isdigit():
        return lambda _topic, _partition: int(text)
    partition, colon, offset = text.partition(":")
    if colon and partition.isdigit() and offset.isdigit():
        only = int(partition)
        return lambda _topic, each: int(offset) if each == only else OFFSET_END
    try:
        places = decode(text).places
    except NotAToken:
        raise Stop(
            f"{text[:40]} is no position: give `end`, an offset, `partition:offset` "
            "or the Position header of an answer.",
            2,
        ) from None
    return lambda topic, each: places.get((topic, each), OFFSET_BEGINNING)


def records(settings: Settings, topic: str, start: Begin) -> Iterator[Seen]:
    """Everything between `start` and the end of the topic as it is now."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.need("kafka"),
            "group.id": f"contentops.inspect.{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        yield from _between(consumer, topic, start)
    except KafkaException as wrong:
        raise Stop(f"Kafka does not answer: {wrong.args[0].str()}.") from wrong
    finally:
        consumer.close()


@dataclass
class _Part:
    """How far one partition is read, and whom it believes."""

    end: int
    position: int
    fence: Fence | None
    decided: bool


def _between(consumer: Consumer, topic: str, start: Begin) -> Iterator[Seen]:
    parts = _parts(consumer, topic, start)
    consumer.assign(
        [TopicPartition(topic, each, part.position) for each, part in parts.items()]
    )
    while any(part.position < part.end for part in parts.values()):
        message = consumer.poll(WAIT_S)
        if message is None:
            raise Stop(f"Nothing came from {topic} for {WAIT_S:.0f} s; is Kafka well?")
        if message.error() is not None:
            raise KafkaException(message.error())
        part = parts[message.partition() or 0]
        if part.position >= part.end:
            continue
        part.position = (message.offset() or 0) + 1
        yield _seen(message, part)


def _parts(consumer: Consumer, topic: str, start: Begin) -> dict[int, _Part]:
    known = consumer.list_topics(topic, timeout=WAIT_S).topics[topic]
    if known.error is not None:
        raise Stop(f"The broker has no topic {topic}: run `contentops topics apply`.")
    found = {}
    for each in sorted(known.partitions):
        low, high = consumer.get_watermark_offsets(
            TopicPartition(topic, each), timeout=WAIT_S
        )
        wanted = start(topic, each)
        if wanted == OFFSET_BEGINNING:
            wanted = low
        at = high if wanted == OFFSET_END else min(max(wanted, low), high)
        fence = Fence() if at == 0 else None
        found[each] = _Part(high, at, fence, topic.endswith(".events.v1"))
    return found


def _seen(message: Message, part: _Part) -> Seen:
    raw = message.headers()
    try:
        envelope = read_headers(raw if isinstance(raw, list) else None)
    except Malformed:
        envelope = None
    return Seen(
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=(message.key() or b"").decode("utf-8", "replace"),
        envelope=envelope,
        value=message.value() or b"",
        void=_void(part, envelope),
    )


def _void(part: _Part, envelope: Envelope | None) -> bool | None:
    """Only a reading that began at the beginning knows whom to believe."""
    if not part.decided or envelope is None or part.fence is None:
        return None
    after = accept(part.fence, envelope)
    if after is not None:
        part.fence = after
    return after is None


@dataclass(frozen=True)
class Fact:
    """One event with what it followed from: its cause and its evidence."""

    id: str
    type: str
    subject: str
    at: str
    place: str
    cause: str
    evidence: tuple[str, ...]


def explain(settings: Settings, event_id: str, console: Console | None = None) -> None:
    """Print the causal chain that ends in this event, oldest first."""
    facts = chain(settings, event_id)
    (console or wide_console()).print(tree(facts, event_id))


def wide_console() -> Console:
    """A file or a pipe has no width of its own; lines are not broken there."""
    return Console(width=None if Console().is_terminal else WIDTH)


def chain(settings: Settings, event_id: str) -> dict[str, Fact]:
    """The event and all it followed from, by id."""
    rows: dict[str, DictRow] = {}
    asked: set[str] = set()
    wanted = {event_id}
    with psycopg.connect(settings.dsn("worker"), row_factory=dict_row) as connection:
        while wanted:
            asked |= wanted
            for row in connection.execute(CHAIN, (sorted(wanted),)):
                rows[row["id"]] = row
            found = (_fact(row, rows, asked) for row in rows.values())
            wanted = {each for fact in found for each in _before(fact)} - asked
    if event_id not in rows:
        raise Stop(f"No event {event_id} is known here (its rows may still be coming).")
    return {each: _fact(row, rows, asked) for each, row in rows.items()}


def _before(fact: Fact) -> tuple[str, ...]:
    return (fact.cause, *fact.evidence) if fact.cause else fact.evidence


def _fact(row: DictRow, rows: dict[str, DictRow], asked: set[str]) -> Fact:
    """A delivery from outside is evidence; the path goes on in the stream itself."""
    cause, before = str(row["cause"] or ""), str(row["before"] or "")
    evidence = [each for each in row["causes"] or () if each not in {"", cause}]
    known = rows.get(cause)
    foreign = cause in asked and (known is None or known["tenant"] != row["tenant"])
    if before and (foreign or not cause):
        evidence = [cause, *evidence] if known else evidence
        cause = before
    return Fact(
        id=str(row["id"]),
        type=str(row["type"]),
        subject=str(row["subject"]),
        at=stamp(row["at"]),
        place=f"{row['topic']}[{row['partition']}]@{row['offset']}",
        cause=cause,
        evidence=tuple(evidence),
    )


def tree(facts: dict[str, Fact], event_id: str) -> Tree:
    """One line per step of the main path; evidence hangs below the step it served."""
    root = Tree(f"[bold]{len(facts) - 1} events led to this one, oldest first")
    shown: set[str] = set()
    _hang(root, facts, event_id, shown)
    return root


def path(facts: dict[str, Fact], event_id: str) -> list[Fact]:
    """From where it began to this event, along `cause`."""
    found: list[Fact] = []
    at: Fact | None = facts.get(event_id)
    while at is not None and at not in found:
        found.append(at)
        at = facts.get(at.cause)
    return found[::-1]


def _hang(tree: Tree, facts: dict[str, Fact], event_id: str, shown: set[str]) -> None:
    for fact in path(facts, event_id):
        if fact.id in shown:
            continue
        shown.add(fact.id)
        branch = tree.add(line(fact))
        for each in fact.evidence:
            if each in facts and each not in shown:
                _hang(branch.add("[dim]relied on"), facts, each, shown)


def line(fact: Fact) -> str:
    """Short enough for one line; the event's own id is whole, to ask on from there."""
    name = fact.type.removeprefix("io.contentops.").removesuffix(".v1")
    aggregate, _, aggregate_id = fact.subject.partition("/")
    clock = fact.at.partition("T")[2][:12]
    subject = escape(f"{aggregate}/{aggregate_id[:8]}")
    return f"[cyan]{escape(name):<28}[/] {subject:<24} [dim]{clock}  {fact.id}[/]"
