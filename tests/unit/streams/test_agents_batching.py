"""Batches: a job for each row, the same ones however often it is begun again."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest

from ai_adapter.gateway import Gateway
from schemas.batches import Batched, BatchInput
from schemas.commands.job import RequestJob
from schemas.jobs import GenerateInput
from streams.agents.ai import Generating
from streams.agents.answers import Answers
from streams.agents.batching import Bad, Batching, Plan, Row, row_job
from streams.agents.work import Impossible
from tests.unit.streams.workshop import FakeClock, FakeLog, OpenDoors, job

T = TypeVar("T")
WISHES = ('{"brief":"番茄炒蛋"}', '{"brief":"%s"}' % ("长" * 5000))
PLAN = Plan(
    "douyin-script",
    (Row(1, WISHES[0]), Row(3, WISHES[1])),
    (Bad(2, "/brief", "missing"),),
    project_id="p",
    requested_by="u",
    priority=-1,
)


class Shelf:
    """An object store of JSON."""

    def __init__(self, **kept: object) -> None:
        self.kept = {key: msgspec.json.encode(value) for key, value in kept.items()}

    async def put_json(self, key: str, value: object) -> None:
        self.kept[key] = msgspec.json.encode(value)

    async def get_json(self, key: str, kind: type[T]) -> T:
        return msgspec.json.decode(self.kept[key], type=kind)


def quiet(_percent: int, _text: str) -> None:
    return None


def batching(shelf: Shelf, log: FakeLog) -> Callable[..., object]:
    return Batching(shelf, Answers(log, log, FakeClock(), role="ai")).fan_out


async def test_each_good_row_is_a_job_of_its_own() -> None:
    shelf, log = Shelf(plan=PLAN), FakeLog()
    batch = job(BatchInput("douyin-script", "plan", rows=3, bad=1))

    done = await batching(shelf, log)(batch, quiet)

    assert done == Batched("douyin-script", 2, 1)
    asked = [each for each in log.commands if isinstance(each.data, RequestJob)]
    names = [each.envelope.aggregate_id for each in asked]
    assert names == [row_job(batch.id, 1), row_job(batch.id, 3)]
    for each in asked:
        wish = each.data
        assert (wish.project_id, wish.requested_by, wish.priority) == ("p", "u", -1)
        assert wish.subject == f"batch/{batch.id}"


async def test_a_second_worker_asks_for_nothing_again() -> None:
    shelf, log = Shelf(plan=PLAN), FakeLog()
    first = job(BatchInput("douyin-script", "plan", rows=3))
    again = msgspec.structs.replace(first, token="another", started="another")

    await batching(shelf, log)(first, quiet)
    before = list(log.events)
    await batching(shelf, log)(again, quiet)

    assert log.events == before
    assert log.refused() == []


async def test_what_a_row_asked_for_is_what_a_worker_makes() -> None:
    shelf, log = Shelf(plan=PLAN), FakeLog()
    await batching(shelf, log)(job(BatchInput("douyin-script", "plan", 3)), quiet)
    works = [
        Generating(OpenDoors(Gateway()), shelf).generate(job(each.input), quiet)
        for each in log.told(RequestJob)
    ]

    short, long = [await each for each in works]

    assert short.tool == "douyin-script"
    assert msgspec.json.decode(short.output[0])["beats"]
    assert long.degraded


async def test_a_long_result_lies_in_the_store() -> None:
    shelf = Shelf()
    text = "一句话说完。" * 2000
    wish = GenerateInput(
        task="copy",
        model="auto",
        input=(msgspec.json.encode({"text": text}).decode(),),
        tool="translation",
    )

    made = await Generating(OpenDoors(Gateway()), shelf).generate(job(wish), quiet)

    assert made.output == ()
    kept = msgspec.json.decode(await shelf.get_json(made.output_key, str))
    assert kept["text"] == text


@pytest.mark.parametrize("tool", ["nothing", "douyin-script"])
async def test_a_wish_that_no_longer_fits_is_impossible(tool: str) -> None:
    wish = GenerateInput(task="copy", model="auto", input=('{"b":1}',), tool=tool)

    with pytest.raises(Impossible):
        await Generating(OpenDoors(Gateway()), Shelf()).generate(job(wish), quiet)
