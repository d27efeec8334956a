"""Chains of tools: what a step is, and the step that is due next."""

from msgspec import Struct


class Take(Struct, frozen=True):
    """A field of a step's wish, out of the run's input or of the last result.

    `path` is `input` or `last`, then names and places with dots: `last.titles.0`.
    """

    field: str
    path: str


class Step(Struct, frozen=True):
    """One use of a tool; `fixed` is a JSON object of fields that never change."""

    tool: str
    fixed: str = "{}"
    take: tuple[Take, ...] = ()


class Due(Struct, frozen=True):
    """The step to take now, with all it needs: reactions look nothing up.

    `input` and `last` are JSON objects; where they are long, the store has them under
    their keys. `attempt` grows when a run is taken up again.
    """

    index: int
    step: Step
    attempt: int = 1
    input: str = ""
    input_key: str = ""
    last: str = ""
    last_key: str = ""
    project_id: str = ""
    requested_by: str = ""


class StepResult(Struct, frozen=True):
    """What a step made, as JSON or under a key of the store, and what it cost."""

    job_id: str
    tool: str
    output: str = ""
    output_key: str = ""
    degraded: bool = False
    cost: str | None = None
    currency: str = ""
