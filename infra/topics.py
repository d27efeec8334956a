"""Making the broker match the catalogue of topics, and refusing drift."""

from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from tenacity import TryAgain, retry, stop_after_delay, wait_fixed

from infra.problem import Stop
from infra.settings import Settings
from schemas.topics import TOPICS, Topic

WAIT_S = 30.0


def admin(settings: Settings) -> AdminClient:
    if settings.kafka is None:
        raise Stop("No Kafka: set CONTENTOPS_KAFKA, or start `contentops up`.")
    return AdminClient({"bootstrap.servers": settings.kafka})


def apply(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Create what is missing; raises Stop when something there differs."""
    client = admin(settings)
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
    check(settings)


@retry(stop=stop_after_delay(WAIT_S), wait=wait_fixed(0.1))
def _wait_known(client: AdminClient) -> None:
    """Creation is acknowledged before every broker tells of it."""
    if len(_partitions(client)) < len(TOPICS):
        raise TryAgain


def check(settings: Settings) -> None:
    """Raises Stop that names the first topic and setting that differ."""
    client = admin(settings)
    there = _partitions(client)
    chosen = _chosen(there, settings.partitions)
    found = _configs(client)
    wrong = [line for topic in TOPICS for line in _drift(topic, there, chosen, found)]
    if wrong:
        raise Stop(f"Topics differ from the catalogue: {'; '.join(wrong)}.")


def _chosen(there: dict[str, int], wanted: int) -> int:
    """The number of partitions is fixed by the first apply and kept."""
    kept = {there[t.name] for t in TOPICS if t.name in there and not t.partitions}
    if len(kept) > 1:
        raise Stop(f"Topics have {sorted(kept)} partitions; all must have the same.")
    return kept.pop() if kept else wanted


def _partitions(client: AdminClient) -> dict[str, int]:
    try:
        found = client.list_topics(timeout=WAIT_S).topics
    except KafkaException as wrong:
        raise Stop(
            f"Kafka does not answer ({wrong}); check CONTENTOPS_KAFKA."
        ) from None
    names = {topic.name for topic in TOPICS}
    return {
        name: len(topic.partitions) for name, topic in found.items() if name in names
    }


def _configs(client: AdminClient) -> dict[str, dict[str, str]]:
    asked = client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, t.name) for t in TOPICS],
        request_timeout=WAIT_S,
    )
    found = {}
    for resource, future in asked.items():
        try:
            values = future.result()
        except KafkaException:
            continue
        found[resource.name] = {k: str(v.value) for k, v in values.items()}
    return found


def _drift(
    topic: Topic,
    there: dict[str, int],
    chosen: int,
    found: dict[str, dict[str, str]],
) -> list[str]:
    if topic.name not in there:
        return [f"{topic.name} is missing (contentops topics apply)"]
    wanted = topic.partitions or chosen
    lines = []
    if there[topic.name] != wanted:
        lines.append(f"{topic.name} has {there[topic.name]} partitions, not {wanted}")
    have = found.get(topic.name, {})
    lines += [
        f"{topic.name} has {name}={have.get(name)}, not {value}"
        for name, value in topic.config().items()
        if have.get(name) != value
    ]
    return lines
