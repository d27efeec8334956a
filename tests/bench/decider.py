"""Commands a second of one decider partition, and how soon a replacement decides.

`python -m tests.bench.decider` starts servers and prints both. The floor consumes the
same commands and produces records of the same size, so what Python's client and the
broker cost shows in both. Processor time counts all threads of the process, those of
the client and the one that saves snapshots included.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import command, encode
from schemas.ids import stream_key
from schemas.topics import CONTENT, PROGRESS, Topic
from streams.acceptance import CLAIM
from streams.deciding import Decider
from streams.garbage import collect_rarely
from streams.judging import envelope_of
from streams.log import producer
from streams.outlet import FLOW
from streams.placing import partition_of
from streams.reading import CONSUMER
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import Tail, site, until

Figures: TypeAlias = dict[str, float]
Spot: TypeAlias = tuple[str, int]

TENANT = "bench"
COMMANDS = 150_000
# This much of them passes before the clock starts: caches, and what was prefetched.
WARM_UP = 0.1
BEHIND = 40_000
LIMIT_S = 120.0


def main() -> int:
    collect_rarely()
    commands = int(sys.argv[1]) if len(sys.argv) > 1 else COMMANDS
    with (
        tempfile.TemporaryDirectory(prefix="contentops-decider-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        report = {
            "decide": measure(settings, commands=commands),
            "take_over": take_over(settings),
        }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


def measure(
    settings: Settings,
    *,
    partition: int = 0,
    commands: int = COMMANDS,
    warm_up: float = WARM_UP,
) -> Figures:
    """Needs topics that nobody else reads or writes meanwhile."""
    bootstrap = settings.need("kafka")
    spot = (CONTENT.commands.name, partition)
    decider = Decider(bootstrap, utc_now, postgres=settings.dsn("worker"))
    _turn_until(decider, decider.ready)
    start = _end(bootstrap, spot)
    _fill(bootstrap, partition, commands)
    warm, end = start + int(commands * warm_up), start + commands
    _turn_until(decider, lambda: decider.settled(spot) >= warm)
    counted = end - decider.settled(spot)
    took_s, cpu_s = _timed(
        lambda: _turn_until(decider, lambda: decider.settled(spot) >= end)
    )
    decider.close()
    floor_s, floor_cpu_s = _timed(lambda: _floor(bootstrap, spot, start, commands))
    return {
        "commands": counted,
        "per_s": round(counted / took_s),
        "cpu_us": round(cpu_s / counted * 1e6, 1),
        "floor_per_s": round(commands / floor_s),
        "floor_cpu_us": round(floor_cpu_s / commands * 1e6, 1),
        "ratio": round(floor_s / commands / (took_s / counted), 2),
    }


def take_over(settings: Settings, *, partition: int = 0) -> Figures:
    """Kill a decider in the middle of its work; seconds until another goes on.

    From the start of the replacement's process; it has the same member id, so no
    session has to end first.
    """
    spot = (CONTENT.events.name, partition)
    bootstrap = settings.need("kafka")
    history = _end(bootstrap, spot)
    _fill(bootstrap, partition, BEHIND)
    with site(settings, "decider") as town:
        until(lambda: _end(bootstrap, spot) > history + BEHIND // 8, LIMIT_S)
        town.kill("decider")
        with town.following(CONTENT.events.name) as seen:
            began = time.time()
            town.start("decider")
            decided_at = until(lambda: _decided_at(seen, partition), LIMIT_S)
    return {"records": history, "seconds": round(decided_at - began, 2)}


def _decided_at(seen: Tail, partition: int) -> float:
    """When the first decision behind a claim was made; 0 before that."""
    mine = [each for each in seen.read() if each.partition() == partition]
    claimed = False
    for each in mine:
        if claimed:
            return float(each.timestamp()[1]) / 1000
        claimed = envelope_of(each).type == CLAIM
    return 0.0


def _fill(bootstrap: str, partition: int, commands: int) -> None:
    """Commands to a stream each, all of this partition."""
    partitions = _partitions(bootstrap, CONTENT.commands)
    out = producer(bootstrap, **{"linger.ms": 20})  # house: producers: a bench
    made = 0
    while made < commands:
        project = str(uuid4())
        key = stream_key(TENANT, project).encode()
        if partition_of(key, partitions) != partition:
            continue
        wish = command(
            CreateProject(name="bench"),
            tenant=TENANT,
            aggregate_id=project,
            id=str(uuid4()),
            time=utc_now(),
            auth_id="machine",
        )
        value, headers = encode(wish)
        out.produce(CONTENT.commands.name, value, key, partition, headers=headers)
        made += 1
        if made % 10_000 == 0:
            out.flush(LIMIT_S)
    out.flush(LIMIT_S)


def _floor(bootstrap: str, spot: Spot, start: int, commands: int) -> None:
    """Consume and produce, nothing in between; deliveries are counted."""
    delivered = 0

    def told(_error: object, _message: Message) -> None:
        nonlocal delivered
        delivered += 1

    out = producer(bootstrap, **FLOW)  # house: producers: the floor to compare with
    for batch in _read(bootstrap, spot, start, commands):
        for message in batch:
            out.produce(
                PROGRESS.name,
                message.value(),
                message.key(),
                0,
                on_delivery=told,
                headers=message.headers(),
            )
        out.poll(0)
    out.flush(LIMIT_S)
    if delivered < commands:
        raise TimeoutError(f"{delivered} of {commands} came through")


def _read(
    bootstrap: str, spot: Spot, start: int, count: int
) -> Iterator[list[Message]]:
    consumer = Consumer(
        {**CONSUMER, "bootstrap.servers": bootstrap, "group.id": "bench"}
    )
    consumer.assign([TopicPartition(*spot, start)])
    while count > 0:
        first = consumer.poll(1)
        if first is not None:
            batch = [first, *consumer.consume(999, timeout=0)]
            count -= len(batch)
            yield batch
    consumer.close()


def _turn_until(decider: Decider, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the decider does not get on")
        decider.turn(0.05)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _end(bootstrap: str, spot: Spot) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
    found = consumer.get_watermark_offsets(TopicPartition(*spot), timeout=10)
    consumer.close()
    return int(found[1])


def _partitions(bootstrap: str, topic: Topic) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
    found = consumer.list_topics(topic.name, timeout=10).topics[topic.name].partitions
    consumer.close()
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
