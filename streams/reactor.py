"""Reacting: accepted events become further commands, exactly as often as decided.

read -> react -> append -> confirm -> advance. A crash between the last two repeats
commands under the same ids, and the deciders answer those without a second effect.
An event that a reaction fails on is parked with its stream; the others flow.
"""

import threading
from collections.abc import Iterator, Mapping

from schemas.clock import Clock
from schemas.envelope import Headers, Record, command, encode
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import reaction_id, stream_key
from schemas.registry import Command, Data, wire_name
from schemas.topics import EVENT_TOPICS, Topic
from streams import tracing
from streams.faults import reach
from streams.following import Follower
from streams.judging import Unreadable
from streams.log import Batched, topic_of
from streams.parking import Found, Parking
from streams.reactions.reaction import React, Reaction

READER = "reactor"
BATCH = 500
WAIT_S = 0.5
NO_NEWS = (LogClaimed, LogRejected, LogUnchanged)


def run(
    bootstrap: str,
    conninfo: str,
    reactions: Mapping[str, React],
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Blocks until `stop` is set; raises what nobody expected."""
    log = Batched(bootstrap)
    topics = [topic.name for topic in EVENT_TOPICS]
    with Follower(bootstrap, conninfo, READER, topics) as follower:
        while not stop.is_set():
            batches = follower.read(BATCH, WAIT_S)
            if not batches:
                continue
            with follower.moving(batches):
                for batch in batches:
                    for found in batch.in_order():
                        _take(follower.parking, log, found, reactions, clock)
                log.confirm()
                reach("reactor.appended")


def _take(
    parking: Parking,
    log: Batched,
    found: Found,
    reactions: Mapping[str, React],
    clock: Clock,
) -> None:
    """Send what it asks for, or park it; in the transaction of the position."""
    if parking.holds(READER, found) and parking.held_back(READER, found):
        return
    if isinstance(found, Unreadable):
        parking.keep(READER, found, found.reason)
        return
    try:
        wishes = [_written(wish) for wish in commands(found, reactions, clock)]
    except Exception as wrong:  # noqa: BLE001  parked under this very reason
        parking.keep(READER, found, f"{type(wrong).__name__}: {wrong}")
        return
    if wishes:
        reach("reactor.before_append")
    for wish in wishes:
        log.add_raw(*wish)


def _written(wish: Record[Command]) -> tuple[Topic, str, bytes, Headers]:
    return topic_of(wish), wish.envelope.key, *encode(wish)


def commands(
    record: Record[Data], reactions: Mapping[str, React], clock: Clock
) -> Iterator[Record[Command]]:
    """What this event asks for, under ids that follow from the event alone."""
    if isinstance(record.data, NO_NEWS):
        return
    for name, react in reactions.items():
        for reaction in react(record):
            yield _command(record, name, reaction, clock)


def _command(
    record: Record[Data], name: str, reaction: Reaction, clock: Clock
) -> Record[Command]:
    event = record.envelope
    stream = stream_key(event.tenant, reaction.aggregate_id)
    kind = wire_name(type(reaction.data))
    with tracing.step(f"react {name}", event.traceparent) as trace:
        return command(
            reaction.data,
            tenant=event.tenant,
            aggregate_id=reaction.aggregate_id,
            id=reaction_id(event.id, name, stream, kind, reaction.mark),
            time=clock(),
            correlation=event.correlation,
            cause=event.id,
            auth_id=READER,
            traceparent=trace,
        )
