"""Terms of a task: what cannot be kept is refused with the field that says so."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from psycopg import sql
from pydantic import ValidationError

from api.problems import Problem
from api.rows import Rows
from api.terms import Terms, check

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class FakeRows:
    """A tenant with these tasks."""

    def __init__(self, *tasks: str) -> None:
        self._tasks = tasks

    async def all(
        self, _query: sql.SQL, values: Sequence[list[str]]
    ) -> list[dict[str, str]]:
        return [{"id": each} for each in values[0] if each in self._tasks]


async def test_terms_that_can_be_kept_pass() -> None:
    terms = Terms(
        priority=-10,
        notBefore=NOW + timedelta(hours=1),
        deadline=NOW + timedelta(hours=2),
        after=["a", "b"],
    )

    await check(terms, cast("Rows", FakeRows("a", "b")), NOW)


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        (Terms(after=["a", "gone"]), "/job/after/1"),
        (Terms(deadline=NOW), "/job/deadline"),
        (Terms(notBefore=NOW + timedelta(days=400)), "/job/notBefore"),
        (Terms(deadline=NOW + timedelta(days=400)), "/job/deadline"),
    ],
)
async def test_terms_that_cannot_be_kept_are_refused(
    terms: Terms, pointer: str
) -> None:
    with pytest.raises(Problem) as refused:
        await check(terms, cast("Rows", FakeRows("a")), NOW)

    assert refused.value.faults[0].pointer == pointer


@pytest.mark.parametrize(
    "terms",
    [
        {"priority": 11},
        {"deadline": "2026-11-24T08:00:00"},
        {"reuseDays": 31},
        {"after": ["a b"]},
        {"rank": 1},
    ],
)
def test_terms_of_another_form_are_no_terms(terms: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate(terms)
