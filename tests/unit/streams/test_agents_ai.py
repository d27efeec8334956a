"""AI jobs: what the gateway says becomes a result, texts or a key to vectors."""

from decimal import Decimal

import pytest

from ai_adapter.base import Answer, Ask, Output, Usage
from ai_adapter.errors import Refused
from ai_adapter.gateway import Gateway
from schemas.jobs import Generated, GenerateInput
from streams.agents.ai import Generating
from streams.agents.work import Impossible
from tests.unit.streams.workshop import OpenDoors, job

COPY = GenerateInput(
    task="copy", model="auto", input=("a red kettle",), platform="bilibili", variants=2
)


class FakeGateway:
    def __init__(self, output: Output, error: Refused | None = None) -> None:
        self.asked: list[Ask] = []
        self._output = output
        self._error = error

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        if self._error:
            raise self._error
        spent = Usage(12, 34, Decimal("0.0021"), "USD")
        return Answer(self._output, spent, "openai", "m", 90, False, "r", "h", "3")


class FakeObjects:
    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    async def put_json(self, key: str, value: object) -> None:
        self.kept[key] = value


async def generate(
    gateway: FakeGateway | Gateway, wanted: GenerateInput = COPY
) -> tuple[Generated, FakeObjects]:
    objects = FakeObjects()
    work = Generating(OpenDoors(gateway), objects)
    return await work.generate(job(wanted), lambda _percent, _text: None), objects


async def test_the_question_carries_everything_that_was_wanted() -> None:
    gateway = FakeGateway(("one", "two"))

    await generate(gateway)

    (ask,) = gateway.asked
    assert (ask.task, ask.input, ask.tenant_id) == ("copy", ("a red kettle",), "t")
    assert (ask.variants, ask.platform, ask.lang) == (2, "bilibili", "zh")


async def test_texts_and_money_go_into_the_result() -> None:
    result, objects = await generate(FakeGateway(("one", "two")))

    assert result.output == ("one", "two")
    assert (result.usage.cost, result.usage.currency) == ("0.0021", "USD")
    assert (result.prompt_hash, result.prompt_version) == ("h", "3")
    assert objects.kept == {}


async def test_one_text_is_one_variant() -> None:
    result, _ = await generate(FakeGateway("only"))

    assert result.output == ("only",)


async def test_vectors_go_to_the_store_and_their_key_into_the_result() -> None:
    vectors = ((0.5, 0.25), (1.0, 0.0))
    first, objects = await generate(FakeGateway(vectors))
    again, _ = await generate(FakeGateway(vectors))
    other, _ = await generate(FakeGateway(((0.0, 0.0),)))

    assert first.output == ()
    assert objects.kept == {first.vectors_key: vectors}
    assert first.vectors_key.startswith("t/vectors/")
    assert first.vectors_key == again.vectors_key != other.vectors_key


async def test_a_refused_question_is_not_asked_again() -> None:
    with pytest.raises(Impossible) as no:
        await generate(FakeGateway("", Refused("moderated", "not this")))

    assert (no.value.code, no.value.reason) == ("moderated", "not this")


async def test_an_unknown_task_is_impossible() -> None:
    with pytest.raises(Impossible):
        await generate(FakeGateway(""), GenerateInput("sing", "auto", ("la",)))


async def test_without_a_model_the_template_answers_and_says_so() -> None:
    gateway = Gateway()

    result, _ = await generate(gateway)

    await gateway.close()
    assert result.degraded is True
    assert len(result.output) == 2
