"""Live prompts while Postgres is away: what is built in answers, and soon."""

import asyncio

import pytest

from ai_adapter.base import Ask
from ai_adapter.errors import Refused
from infra.ai_prompts import PATIENCE_S, LivePrompts
from schemas.envelope import Record
from schemas.registry import Data
from streams.log import Appended
from streams.pools import open_pool

ASK = Ask(task="copy", input="a lamp", tenant_id="t")


class Silent:
    """A log nobody should need here."""

    async def append(self, record: Record[Data]) -> Appended:
        raise AssertionError(record)


async def test_without_postgres_what_is_built_in_answers_soon() -> None:
    pool = open_pool("postgresql://nobody@127.0.0.1:1/x", smallest=0, largest=1)
    async with pool:
        prompts = LivePrompts(pool, Silent())
        async with asyncio.timeout(PATIENCE_S * 5):
            first, *others = await asyncio.gather(
                *(prompts.prompt(ASK) for _ in range(20))
            )

        assert first.prompt.label == "copy@1"
        assert all(each == first for each in others)
        with pytest.raises(Refused):
            await prompts.prompt(Ask(task="copy", tool="x", input="a", tenant_id="t"))
