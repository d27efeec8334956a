"""When and in which order a task is to be done, as a client may ask for it."""

from datetime import datetime, timedelta
from typing import Annotated

from psycopg import sql
from pydantic import AwareDatetime, Field

from api.problems import invalid
from api.rows import Rows
from api.shapes import Body, Id
from streams.domain.job import HIGHEST, MOST_PARENTS

LONGEST = timedelta(days=366)
KNOWN = sql.SQL("SELECT id FROM read.tasks WHERE id = ANY(%s)")


class Terms(Body):
    """A step of priority counts as a minute waited; `after` are tasks to wait for."""

    priority: Annotated[int, Field(ge=-HIGHEST, le=HIGHEST)] = 0
    not_before: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    after: tuple[Id, ...] = Field(default=(), max_length=MOST_PARENTS)
    reuse_days: Annotated[int, Field(ge=0, le=30)] = 0


async def check(terms: Terms, rows: Rows, now: datetime) -> None:
    """Raises the 422 that names the field; the decider checks the rest."""
    for name, moment in (("notBefore", terms.not_before), ("deadline", terms.deadline)):
        if moment is not None and moment > now + LONGEST:
            raise invalid(
                f"/job/{name}", "This is too far away.", "Choose a time within a year."
            )
    if terms.deadline is not None and terms.deadline <= now:
        raise invalid("/job/deadline", "It has passed already.", "Choose a later time.")
    found = await rows.all(KNOWN, (list(terms.after),)) if terms.after else []
    known = {row["id"] for row in found}
    for index, parent in enumerate(terms.after):
        if parent not in known:
            raise invalid(
                f"/job/after/{index}",
                "There is no such task.",
                "List the tasks of this tenant and use an id from there.",
            )
