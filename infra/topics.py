"""Making the broker match the catalogue of topics, and refusing drift."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeAlias

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from tenacity import TryAgain, retry, stop_after_delay, wait_fixed

from infra import stack
from infra.problem import Stop
from infra.settings import Settings
from schemas.topics import TOPICS, Topic

Wrong: TypeAlias = dict[str, tuple[str, str]]

WAIT_S = 30.0


def admin(settings: Settings) -> AdminClient:
    if settings.kafka is None:
        raise Stop("No Kafka: set CONTENTOPS_KAFKA, or start `contentops up`.")
    return AdminClient({"bootstrap.servers": settings.kafka})


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except KafkaException as wrong:
        raise Stop(
            f"Kafka does not answer ({wrong}); check CONTENTOPS_KAFKA."
        ) from None


def mend(settings: Settings, say: Callable[[str], None]) -> None:
    """`apply`; where no stack runs and no Kafka is given, its servers run for it."""
    if settings.kafka is not None:
        apply(settings, say)
        return

    async def beside_nobody() -> None:
        running = await stack.start(settings, say)
        try:
            await asyncio.to_thread(apply, running.settings, say)
        finally:
            await running.stop()

    asyncio.run(beside_nobody())


def apply(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Create what is missing, set back what drifted; Stop where that cannot be done."""
    make(settings, say)
    client = admin(settings)
    drifted = _drifted(client)
    asked = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, (_, value) in wrong.items()
            ],
        )
        for topic, wrong in drifted.items()
    ]
    if asked:
        changed = client.incremental_alter_configs(asked, request_timeout=WAIT_S)
        for future in changed.values():
            future.result()
        _wait_set(client)
    for topic, wrong in drifted.items():
        say(f"set back: {_words(topic, wrong)}")
    check(settings)


def make(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Create what is missing and leave what is there as it is."""
    client = admin(settings)
    with _answering():
        there = _partitions(client)
    chosen = _chosen(there, settings.partitions)
    copies = min(3, len(client.list_topics(timeout=WAIT_S).brokers))
    missing = [topic for topic in TOPICS if topic.name not in there]
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions or chosen,
            replication_factor=copies,
            config=topic.config(),
        )
        for topic in missing
    ]
    if wanted:
        for future in client.create_topics(wanted, request_timeout=WAIT_S).values():
            future.result()
        _wait_known(client)
    say(f"topics: {len(missing)} made, {len(there)} there")


@retry(stop=stop_after_delay(WAIT_S), wait=wait_fixed(0.1))
def _wait_known(client: AdminClient) -> None:
    """Creation is acknowledged before every broker tells of it."""
    if len(_partitions(client)) < len(TOPICS):
        raise TryAgain


@retry(stop=stop_after_delay(WAIT_S), wait=wait_fixed(0.1))
def _wait_set(client: AdminClient) -> None:
    """A change, too, is acknowledged before it is told of."""
    if _drifted(client):
        raise TryAgain


def check(settings: Settings) -> None:
    """Raises Stop that names every difference and the command that mends it."""
    client = admin(settings)
    with _answering():
        there = _partitions(client)
    missing = [topic.name for topic in TOPICS if topic.name not in there]
    if missing:
        raise Stop(f"Missing: {', '.join(missing)}; run `contentops topics apply`.")
    refuse_drift(settings, WAIT_S)


def refuse_drift(settings: Settings, limit_s: float = 3.0) -> None:
    """For the start of a role: Stop only if a topic is there and is another one.

    A broker that is away and topics that are not made yet are waited for elsewhere.
    """
    client = admin(settings)
    try:
        there = _partitions(client, limit_s)
        _chosen(there, settings.partitions)
        wrong = [_words(*each) for each in _drifted(client, limit_s).items()]
    except KafkaException:
        return
    if wrong:
        raise Stop(
            f"Topics differ from the catalogue: {'; '.join(wrong)}. "
            "Run `contentops topics apply` to set them back."
        )


def _chosen(there: dict[str, int], wanted: int) -> int:
    """The number of partitions is fixed by the first apply and kept for ever."""
    known = {topic.name: topic.partitions for topic in TOPICS}
    counts = Counter(count for name, count in there.items() if not known[name])
    chosen = counts.most_common(1)[0][0] if counts else wanted
    wrong = [
        f"{name} has {count} partitions, not {known[name] or chosen}"
        for name, count in there.items()
        if count != (known[name] or chosen)
    ]
    if wrong:
        raise Stop(
            f"{'; '.join(wrong)}. Keys lie elsewhere now, and no command can bring "
            "them back: restore these topics from a backup."
        )
    return chosen


def _partitions(client: AdminClient, limit_s: float = WAIT_S) -> dict[str, int]:
    found = client.list_topics(timeout=limit_s).topics
    names = {topic.name for topic in TOPICS}
    return {
        name: len(topic.partitions) for name, topic in found.items() if name in names
    }


def _drifted(client: AdminClient, limit_s: float = WAIT_S) -> dict[Topic, Wrong]:
    """Settings of topics that are there, as they are and as they have to be."""
    asked = client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, each.name) for each in TOPICS],
        request_timeout=limit_s,
    )
    known = {topic.name: topic for topic in TOPICS}
    found: dict[Topic, Wrong] = {}
    for resource, future in asked.items():
        topic = known[resource.name]
        wrong = _differences(topic, future)
        if wrong:
            found[topic] = wrong
    return found


def _differences(topic: Topic, future: Future[dict[str, ConfigEntry]]) -> Wrong:
    try:
        have = future.result()
    except KafkaException:
        return {}  # it is not there, which others say
    return {
        name: (str(have[name].value), value)
        for name, value in topic.config().items()
        if str(have[name].value) != value
    }


def _words(topic: Topic, wrong: Wrong) -> str:
    return "; ".join(
        f"{topic.name} has {name}={is_}, not {should}"
        for name, (is_, should) in wrong.items()
    )
