"""`contentops parked`: what readers gave up on, and what a person decides about it.

A ruling goes on the log first, where rebuilds find it; then the stream is released.
Doing the same again after a crash changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from getpass import getuser
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from infra import migrate
from infra.inspect import topic_name
from infra.problem import Stop
from infra.release import Released, release
from infra.settings import Settings
from schemas.clock import utc_now
from schemas.envelope import Envelope, Malformed, Record
from schemas.ids import derived
from schemas.registry import wire_name
from schemas.rulings import LogRuled
from schemas.topics import PARKED
from streams.judging import envelope_of, unread
from streams.log import Batched
from streams.places import NotThere, Spot, messages_at
from streams.rulings import (
    PARKED_AT,
    PARKED_BY,
    PARKED_WHY,
    everything,
    name_of,
    ruled,
)

Say: TypeAlias = Callable[[str], None]
Verdict: TypeAlias = Literal["drop", "replay"]

DECIDER = "decider"
PLATFORM = "_platform"
ROWS = """
SELECT reader, key, topic, partition, "offset", reason, at FROM coordination.parked
ORDER BY at, reader, topic, partition, "offset"
"""


class Parked(Struct, frozen=True):
    """One record that one reader gave up on."""

    reader: str
    stream: str
    place: str
    reason: str
    since: datetime


def show(
    settings: Settings, reader: str | None, *, as_json: bool, say: Say = print
) -> None:
    """Every parked record that nobody ruled about yet, the oldest first."""
    found = [
        each
        for each in listed(settings)
        if reader in {None, each.reader, name_of(each.reader)}
    ]
    if as_json:
        for each in found:
            say(msgspec.json.encode(each).decode())
        return
    table = Table("reader", "stream", "place", "reason", "since", box=None)
    for each in found:
        since = each.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(each.reader, each.stream, each.place, each.reason, since)
    if found:
        Console(width=None if Console().is_terminal else 200).print(table)
    say(f"{len(found)} parked")


def listed(settings: Settings) -> list[Parked]:
    """What readers hold back, and the commands that deciders could not take."""
    with migrate.connect(settings) as connection:
        rows = [
            Parked(str(reader), str(key), f"{topic}:{part}:{offset}", str(why), at)
            for reader, key, topic, part, offset, why, at in connection.execute(ROWS)
            if isinstance(at, datetime)
        ]
    kafka = settings.need("kafka")
    done = {f"{each.topic}:{each.partition}:{each.offset}" for each in ruled(kafka)}
    undecided = {
        each.place: each for each in _undecided(kafka) if each.place not in done
    }
    return sorted([*rows, *undecided.values()], key=lambda each: each.since)


def replay(settings: Settings, reader: str, key: str, say: Say = print) -> None:
    """Take a stream up again where it was parked; raises Stop if it fails again."""
    held = _held(settings, reader, key)
    if not held:
        raise Stop(
            f"Nothing of {key} is parked for {reader}: see `contentops parked list`."
        )
    _rule(settings, held[0], "replay", "")
    _release(settings, held, say)


def drop(settings: Settings, reader: str, place: str, why: str, say: Say) -> None:
    """Pass over one record for ever; what was parked behind it is taken up."""
    if not why.strip():
        raise Stop("Say --why: it is kept on the log for ever.", code=2)
    spot = _spot(place)
    stream = _stream(settings, spot)
    where = ":".join(map(str, spot))
    _rule(settings, Parked(reader, stream, where, "", utc_now()), "drop", why)
    say(f"{name_of(reader)} passes over {where} from now on")
    _release(settings, _held(settings, reader, stream), say)


def _held(settings: Settings, reader: str, key: str) -> list[Parked]:
    return [
        each
        for each in listed(settings)
        if each.stream == key and reader in {each.reader, name_of(each.reader)}
    ]


def _release(settings: Settings, held: Sequence[Parked], say: Say) -> None:
    stuck: list[Released] = []
    for reader, stream in sorted({(each.reader, each.stream) for each in held}):
        done = release(settings, reader, stream)
        say(f"{reader}: {done.taken} taken up, {done.left} still parked")
        if done.left:
            stuck.append(done)
    if stuck:
        raise Stop(f"The stream is parked still: {stuck[0].reason}")


def _rule(settings: Settings, held: Parked, verdict: Verdict, why: str) -> None:
    topic, partition, offset = _spot(held.place)
    reader, who = name_of(held.reader), getuser()
    envelope = Envelope(
        id=derived("ruling", reader, held.place, verdict, who, why),
        type=wire_name(LogRuled),
        subject=f"ruling/{held.stream}",
        tenant=PLATFORM,
        time=utc_now(),
        key=held.stream,
        auth_id=who,
    )
    data = LogRuled(reader, topic, partition, offset, verdict, who, why)
    log = Batched(settings.need("kafka"))
    log.add(Record(envelope=envelope, data=data), PARKED)
    log.confirm()


def _spot(place: str) -> Spot:
    topic, _, rest = place.partition(":")
    partition, _, offset = rest.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise Stop(f"{place[:80]} is no place: give TOPIC:PARTITION:OFFSET.", code=2)
    return topic_name(topic), int(partition), int(offset)


def _stream(settings: Settings, spot: Spot) -> str:
    """The stream of the record there; any reader parks it under this key."""
    try:
        (message,) = messages_at(settings.need("kafka"), [spot])
    except NotThere as wrong:
        raise Stop(f"{wrong}: nothing can be ruled about it.") from wrong
    try:
        return unread(message, "", envelope_of(message)).stream
    except Malformed:
        return unread(message, "").stream


def _undecided(kafka: str) -> Iterator[Parked]:
    """A decider has no rows to write: what it parks is on the log alone."""
    for message in everything(kafka):
        headers = message.headers()
        told = dict(headers if isinstance(headers, list) else ())
        if told.get(PARKED_BY) != DECIDER.encode():
            continue
        at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        key = (message.key() or b"").decode("utf-8", "replace")
        place, why = _text(told.get(PARKED_AT)), _text(told.get(PARKED_WHY))
        yield Parked(DECIDER, key, place, why, at)


def _text(raw: str | bytes | None) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""
