"""Random histories: owners claim, decide, freeze, die and come back; then the verdict.

Several owners live at once, because group membership is a hint. A killed owner's
records may land later, in any subset; one that steps down may be too late to take back
what it sent. What every reader believes at the end is compared with what must be true.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Message

from model.purse import Purse, evolve, rules
from model.variants import REAL, Variant, Weak
from model.world import FAILED, NOW, NUMBER, PARTITIONS, Channel, FakeSnapshot, World
from schemas.envelope import Envelope
from schemas.registry import decode
from schemas.topics import CONTENT
from streams.acceptance import CLAIM
from streams.admitting import Place
from streams.decider import QUIET, Partition
from streams.domain.registry import RULES
from streams.outlet import StepDown
from streams.remembered import SnapshotLost

PIPELINE = 5
LAST_TURNS = 4_000
KEPT = 1


class Owner:
    """A process that believes the partition is its own."""

    def __init__(self, world: World, variant: Variant) -> None:
        self.world = world
        self.variant = variant
        self.generation = world.generation
        build = (
            world.generation % 2 if variant.at_once > 1 else world.rng.choice((0, 0, 1))
        )
        self.rules = rules(build)
        self.dead = False
        self._boot()

    def _boot(self) -> None:
        """Fold to the end and claim; with a snapshot, or without."""
        self.channel = Channel()
        use = self.world.rng.random() < self.variant.snapshots
        self.snapshot = self._snapshot() if use else None
        self.active = False
        self.partition = self.variant.partition(
            Place(CONTENT, NUMBER, PARTITIONS),
            self.channel,
            lambda: NOW,
            self.snapshot,
            kept=KEPT,
        )
        if self._fold(len(self.world.log)):
            self.partition.claim("commands")

    def _snapshot(self) -> FakeSnapshot:
        return FakeSnapshot(self.world, checked=self.variant.checked)

    def _fold(self, end: int) -> bool:
        found = self.world.log[self.partition.next_offset : end]
        try:
            self.partition.fold(cast("list[Message]", found))
        except SnapshotLost:
            self.restart()
            return False
        return True

    def step(self) -> None:
        """Any one thing that may happen to it next."""
        if self.dead:
            return
        RULES["project"] = self.rules
        one_of = (self._serve, self._serve, self._land, self._land, self._hear)
        self.world.rng.choice((*one_of, self._hear, self._save))()

    def _serve(self) -> None:
        if not self.active or self.partition.waiting() >= PIPELINE:
            return
        many = self.world.rng.randint(1, 3)
        found = self.world.commands[self.next : self.next + many]
        if not found:
            return
        try:
            self.partition.serve(cast("list[Message]", found))
            self.next += len(found)
        except (StepDown, SnapshotLost):
            self.restart()

    def _land(self) -> None:
        if not self.channel.queue:
            return
        sending = self.channel.queue.popleft()
        if self.world.rng.random() < self.variant.losses:
            if self.world.rng.random() < 0.5:
                self.world.late.append(sending)
            sending.told(FAILED, cast(Message, None))
            self._look()
        else:
            self.channel.acks.append((sending, self.world.land(sending)))

    def _hear(self) -> None:
        if not self.channel.acks:
            return
        sending, lying = self.channel.acks.popleft()
        before = self.partition.waiting()
        sending.told(None, cast(Message, lying))
        if self.partition.waiting() < before:
            self._answered(lying.envelope())
        self._look()

    def _answered(self, envelope: Envelope) -> None:
        """It is told to whoever asked: from here on it must be true."""
        self.world.confirmed += 1
        kinds = self.world.answers.setdefault(envelope.causation, set())
        kinds.add(envelope.type)

    def _look(self) -> None:
        partition = self.partition
        if partition.broken:
            self.world.readbacks += 1
            self.restart()
        elif not self.active and partition.claimed_at is not None:
            if not self._fold(partition.claimed_at + 1):
                return
            if partition.holds():
                self.active, self.next = True, partition.resume
            else:
                self.restart()

    def _save(self) -> None:
        try:
            self.partition.write_behind()
        except SnapshotLost:
            self.restart()

    def restart(self) -> None:
        """Step down; what it sent may still land. Only who is assigned claims again."""
        self._leave(0.35)
        if self.generation != self.world.generation:
            self.dead = True
        else:
            self._boot()

    def _leave(self, share: float) -> None:
        queue = self.channel.queue
        self.world.late += [s for s in queue if self.world.rng.random() < share]
        if self.snapshot is not None and self.world.rng.random() < 0.5:
            self.snapshot.finish_late()

    def kill(self) -> None:
        self._leave(0.5)

    def idle(self) -> bool:
        done = self.active and self.next >= len(self.world.commands)
        return done and not self.channel.queue and not self.channel.acks


def history(seed: int, variant: Variant = REAL) -> tuple[list[str], World]:
    """One history and what is wrong with it."""
    world = World(random.Random(seed))
    before = RULES["project"]
    try:
        last = _live(world, variant)
        RULES["project"] = last.rules
        return list(_verdict(world, variant, last.partition)), world
    finally:
        RULES["project"] = before


def _live(world: World, variant: Variant) -> Owner:
    rng = world.rng
    owners = [Owner(world, variant)]
    for _ in range(rng.randint(60, 250)):
        chance = rng.random()
        if chance < variant.crowd:
            owners += [_newcomer(world, variant) for _ in range(variant.at_once)]
        elif chance < 2 * variant.crowd:
            owners.remove(killed := rng.choice(owners))
            killed.kill()
            if not owners or killed.generation == world.generation:
                owners.append(_newcomer(world, variant))
        elif chance < 2 * variant.crowd + 0.06 and world.late:
            world.land(world.late.popleft())
        elif chance > 0.995:
            world.spoil_snapshot()
        else:
            rng.choice(owners).step()
    return _finish(world, variant)


def _newcomer(world: World, variant: Variant) -> Owner:
    """The group gives the partition to somebody else; the others do not know yet."""
    world.generation += 1
    return Owner(world, variant)


def _finish(world: World, variant: Variant) -> Owner:
    """One owner is left alone with what still lands late, until all is decided."""
    last = _newcomer(world, variant)
    for _ in range(LAST_TURNS):
        if last.idle() and not world.late:
            break
        if world.late and world.rng.random() < 0.3:
            world.land(world.late.popleft())
        last.step()
    return last


def _verdict(world: World, variant: Variant, last: Partition) -> Iterator[str]:
    """Fold the log with one thread and the reader's rule, and look."""
    kinds, balances, out_of_step = _oracle(world, variant)
    told, every = world.answers, list(kinds.values())
    states = last.states().items()
    checks = {
        "impossible state": any(balance < 0 for balance in balances.values()),
        "wrong version": bool(out_of_step),
        "decided twice": any(len(found) > 1 for found in every),
        "lost": any(id_ not in kinds for id_ in world.ids),
        "contradicting answers": any(len(found) > 1 for found in told.values()),
        "answer differs from the log": any(
            found != set(kinds.get(id_, found)) for id_, found in told.items()
        ),
        "state differs from the log": not issubclass(variant.partition, Weak)
        and any(state != Purse(balances.get(key, 5)) for key, state in states),
    }
    yield from (name for name, wrong in checks.items() if wrong)


def _oracle(
    world: World, variant: Variant
) -> tuple[dict[str, list[str]], dict[str, int], list[str]]:
    """Types of accepted records by command, the purses, and versions that leap."""
    reader = variant.reader()
    versions: dict[str, int] = defaultdict(int)
    out_of_step: list[str] = []
    kinds: dict[str, list[str]] = {}
    balances: dict[str, int] = {}
    for lying in world.log:
        envelope = lying.envelope()
        if not reader(envelope) or envelope.type == CLAIM:
            continue
        kinds.setdefault(envelope.causation, []).append(envelope.type)
        versions[envelope.key] += envelope.type not in QUIET
        if envelope.sequence != versions[envelope.key]:
            out_of_step.append(envelope.causation)
        if envelope.type not in QUIET:
            purse = Purse(balances.get(envelope.key, 5))
            event = decode(envelope.type, lying.value())
            balances[envelope.key] = evolve(purse, event).balance
    return kinds, balances, out_of_step
