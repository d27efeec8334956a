"""Reacting: accepted events become further commands, exactly as often as decided.

read -> react -> append -> confirm -> advance. A crash between the last two repeats
commands under the same ids, and the deciders answer those without a second effect.
"""

import threading
from collections.abc import Iterator, Mapping

from schemas.clock import Clock
from schemas.envelope import Record, command
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import reaction_id, stream_key
from schemas.registry import Command, Data, wire_name
from schemas.topics import EVENT_TOPICS
from streams.following import Follower
from streams.log import Batched
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
            for batch in batches:
                for record in batch.records:
                    for wish in commands(record, reactions, clock):
                        log.add(wish)
            if batches:
                log.confirm()
            for batch in batches:
                follower.finish(batch)


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
    return command(
        reaction.data,
        tenant=event.tenant,
        aggregate_id=reaction.aggregate_id,
        id=reaction_id(event.id, name, stream, kind, reaction.mark),
        time=clock(),
        correlation=event.correlation,
        cause=event.id,
        auth_id=READER,
    )
