"""Which answers of models a person gets to see."""

import pytest
from msgspec.structs import replace

from fixtures.fix_records import Chronicle
from schemas.commands.moderation import RecordJudgement
from schemas.events.job import JobCompleted
from schemas.generation import Generated, Usage
from streams.reactions.review_answers import SHARE, react

CALM = Generated(
    "copy", ("五分钟番茄炒蛋",), Usage(), "p", "m", 1, False, "h", "copy@1"
)


def judged(made: Generated, job: str = "job-1") -> list[RecordJudgement]:
    done = JobCompleted("ai", "copy/1", "t", 1, made, 1.0)
    record = Chronicle().record(done, "job", job, "acme")
    return [
        each.data for each in react(record) if isinstance(each.data, RecordJudgement)
    ]


@pytest.mark.parametrize(
    ("made", "source"),
    [
        (replace(CALM, output=("国家级好茶",)), "cn-advertising"),
        (replace(CALM, verdict="mark", verdict_rules=("override",)), "guard"),
    ],
)
def test_what_is_objected_to_is_flagged(made: Generated, source: str) -> None:
    (wish,) = judged(made)

    assert wish.ruling == "flag"
    assert wish.flags[0].source.startswith(source)


def test_of_the_harmless_ones_a_share_is_drawn() -> None:
    drawn = [each for n in range(20 * SHARE) for each in judged(CALM, f"job-{n}")]

    assert 5 < len(drawn) < 60
    assert {(each.ruling, each.sampled) for each in drawn} == {("allow", True)}


def test_vectors_are_no_text() -> None:
    assert judged(replace(CALM, output=(), vectors_key="k")) == []
