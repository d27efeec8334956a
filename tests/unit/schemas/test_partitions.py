"""A key lies in the same partition whoever writes it: golden values, and both clients.

librdkafka's own pretend broker stands in for Kafka; no socket leaves the process.
"""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import KafkaError, Message, Producer

from streams.log import PRODUCER

PARTITIONS = 4
GOLDEN = {
    "t_7h2:1": 2,
    "tenant:0e6d5f0c": 2,
    "t:夜行": 2,
    "a": 0,
    "demo:bab143f9-0649-556d-8312-f5e37aaa17c1": 3,
    "_platform:x": 2,
    "t:" + "z" * 200: 1,
}


@pytest.mark.parametrize("key", GOLDEN)
def test_aiokafka_puts_the_key_where_it_always_was(key: str) -> None:
    everywhere = list(range(PARTITIONS))
    found = DefaultPartitioner()(key.encode(), everywhere, everywhere)
    assert found == GOLDEN[key]


def test_librdkafka_with_our_settings_agrees() -> None:
    assert placed(str(PRODUCER["partitioner"])) == GOLDEN


def test_the_default_of_librdkafka_would_not_agree() -> None:
    assert placed("consistent_random") != GOLDEN


def placed(partitioner: str) -> dict[str, int]:
    """Where a producer with this setting puts each key of a topic of four."""
    found: dict[str, int] = {}

    def keep(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        found[(message.key() or b"").decode()] = message.partition() or 0

    producer = Producer(
        {
            "bootstrap.servers": "pretend",
            "test.mock.num.brokers": 1,
            "partitioner": partitioner,
            "log_level": 0,
        }
    )
    for key in GOLDEN:
        producer.produce("golden", key=key.encode(), value=b"", on_delivery=keep)
    assert producer.flush(10) == 0
    return found
