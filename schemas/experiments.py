"""An experiment as it lies on the log: arms with weights, dealt to subjects."""

from typing import Literal, TypeAlias

from msgspec import Struct

Unit: TypeAlias = Literal["material", "person", "project"]


class Arm(Struct, frozen=True, kw_only=True):
    """What is different here; what is left out stays as it is for everybody.

    `number` is a version of the prompt, 0 = the one that is live.
    """

    name: str
    weight: int = 1
    number: int = 0
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Fixed for good: a changed plan would deal the same subjects anew.

    `prompt` is the name of a prompt; `prompt_id` whose versions the arms mean, empty
    where they mean none. The first arm is the one the others are compared with.
    """

    name: str
    prompt: str
    arms: tuple[Arm, ...]
    prompt_id: str = ""
    project_id: str = ""
    unit: Unit = "material"
