"""Routing documents as they lie on the log: read strictly, and nobody stops."""

import msgspec
import pytest

from ai_adapter.policies import DEFAULT
from streams.ai_terms import policy_of, read_policy

GOOD = (
    '{"rules":[{"name":"zh","when":{"languages":["zh"]},"models":["deepseek/chat"]}]}'
)


def test_a_document_is_named_by_its_version() -> None:
    found = policy_of("house", 3, GOOD)

    assert found.label == "house@3"
    assert found.rules[0].models == ("deepseek/chat",)


@pytest.mark.parametrize(
    "document",
    ['{"rules":[{"name":1}]}', '{"rule":[]}', '{"rules":[{"name":"a","size":1}]}'],
)
def test_what_is_no_document_is_refused_and_the_built_in_one_counts(
    document: str,
) -> None:
    with pytest.raises(msgspec.ValidationError):
        policy_of("house", 1, document)
    assert read_policy("house", 1, document) == DEFAULT
