"""Topics as the catalogue wants them, and what is said when they are not."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from fixtures.fix_records import eventually
from infra import topics
from infra.problem import Stop
from infra.settings import Settings
from schemas.topics import PROGRESS

DRIFTS = {
    "retention.ms": "1000",
    "cleanup.policy": "compact",
    "message.timestamp.type": "CreateTime",
    "max.message.bytes": "1000012",
}


@contextmanager
def drifted(stack: Settings, name: str, value: str) -> Iterator[None]:
    client = topics.admin(stack)
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(
        ResourceType.TOPIC, PROGRESS.name, incremental_configs=[entry]
    )
    for future in client.incremental_alter_configs([asked]).values():
        future.result()
    eventually(lambda: topics._drifted(client) != {})
    try:
        yield
    finally:
        topics.apply(stack)


@pytest.mark.parametrize("name", DRIFTS)
def test_a_setting_that_drifted_is_named_with_its_remedy_and_set_back(
    written_stack: Settings, name: str
) -> None:
    with drifted(written_stack, name, DRIFTS[name]):
        with pytest.raises(Stop) as refusal:
            topics.check(written_stack)
        words = str(refusal.value)
        assert f"{PROGRESS.name} has {name}={DRIFTS[name]}" in words
        assert "contentops topics apply" in words
        # A role asks this before it starts.
        with pytest.raises(Stop, match="contentops topics apply"):
            topics.refuse_drift(written_stack)
    topics.check(written_stack)


def test_topics_that_do_not_exist_are_named(
    written_stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        topics, "TOPICS", (*topics.TOPICS, topics.Topic("contentops.x", "k", "w", 1))
    )
    with pytest.raises(Stop, match=r"contentops\.x.*contentops topics apply"):
        topics.check(written_stack)
    topics.refuse_drift(written_stack)  # a role waits for it instead


def test_another_number_of_partitions_cannot_be_mended(written_stack: Settings) -> None:
    """Keys would lie elsewhere: nothing is changed, a backup is the only way."""
    client = topics.admin(written_stack)
    client.delete_topics([PROGRESS.name])[PROGRESS.name].result()
    eventually(lambda: PROGRESS.name not in topics._partitions(client))
    many = written_stack.partitions + 1
    wrong = NewTopic(PROGRESS.name, num_partitions=many, replication_factor=1)
    client.create_topics([wrong])[PROGRESS.name].result()
    eventually(lambda: topics._partitions(client).get(PROGRESS.name) == many)
    try:
        with pytest.raises(Stop) as refusal:
            topics.apply(written_stack)
        words = f"{PROGRESS.name} has {many} partitions, not {written_stack.partitions}"
        assert words in str(refusal.value)
    finally:
        client.delete_topics([PROGRESS.name])[PROGRESS.name].result()
        eventually(lambda: PROGRESS.name not in topics._partitions(client))
        topics.apply(written_stack)
