"""Our own answer to "which partition?" is Kafka's: golden values, and aiokafka's."""

import pytest
from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from streams.placing import murmur2, partition_of
from unit.schemas.test_partitions import GOLDEN, PARTITIONS


@pytest.mark.parametrize("key", GOLDEN)
def test_the_golden_values(key: str) -> None:
    assert partition_of(key.encode(), PARTITIONS) == GOLDEN[key]


@given(st.binary(max_size=300))
def test_any_key_as_others_place_it(key: bytes) -> None:
    assert murmur2(key) == of_aiokafka(key) & 0xFFFFFFFF
