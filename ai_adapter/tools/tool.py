"""What a tool is: a typed question, the ask it becomes, and a typed result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from msgspec import Meta, Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.platforms import Count
from ai_adapter.prompts.prompt import Prompt

Brief: TypeAlias = Annotated[str, Meta(min_length=1, max_length=20_000)]
Line: TypeAlias = Annotated[str, Meta(max_length=500)]


class Wish(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    """What every tool is told besides its own fields."""

    platform: Annotated[str, Meta(max_length=40)] = ""
    lang: Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$")] = "zh"
    scene: Annotated[str, Meta(max_length=80)] = ""
    model: Annotated[str, Meta(min_length=1, max_length=80)] = "auto"


class Result(Struct, frozen=True, rename="camel"):
    """What a tool answers; unknown fields of a model's JSON are dropped."""


W = TypeVar("W", bound=Wish)


class Bound(Struct, frozen=True):
    """How long a text of the result may be, as the platform counts.

    `path` names fields with dots and goes into every entry of a list. With `entries`
    it is the number of entries that is bounded.
    """

    path: str
    most: int
    count: Count = "units"
    entries: bool = False


def unbounded(_wish: Wish) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Tool(Generic[W]):
    """`shape` and `read` are pure; the gateway sits between them.

    `read` raises `Unfit` for a text that is no result. `offline` answers where no model
    did; without it the template's text is read. `weight` says how much work a call is:
    1 a few lines, 2 a post, 3 a document. `native` are the languages it writes itself,
    any if empty; the others go through Chinese.
    """

    name: str
    wish: type[W]
    result: type[Struct]
    prompt: Prompt
    shape: Callable[[W, str], Ask]
    read: Callable[[Answer], Struct]
    offline: Callable[[W], Struct] | None = None
    bounds: Callable[[W], tuple[Bound, ...]] = unbounded
    weight: int = 2
    native: tuple[str, ...] = ()


# The registry holds tools of different wishes; each is checked where it is decoded.
AnyTool: TypeAlias = Tool[Any]


class Unfit(ValueError):
    """A text that is not the result a tool promises; says what is wrong with it."""
