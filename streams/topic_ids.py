"""The broker's own ids of topics: a topic made anew has another one."""

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.topics import TOPICS


class TopicsMissing(Exception):
    """Run `contentops topics apply` first."""


def topic_ids(admin: AdminClient, timeout_s: float = 15.0) -> dict[str, str]:
    """Topic name to topic id, for the whole catalogue."""
    names = [topic.name for topic in TOPICS]
    asked = admin.describe_topics(TopicCollection(names), request_timeout=timeout_s)
    try:
        return {name: str(future.result().topic_id) for name, future in asked.items()}
    except Exception as wrong:
        raise TopicsMissing(f"{wrong}; run `contentops topics apply`") from wrong
