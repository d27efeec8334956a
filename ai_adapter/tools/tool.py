"""What a tool is: a typed question, the ask it becomes, and a typed result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.prompts.prompt import Prompt


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every tool is told besides its own fields."""

    platform: str = ""
    lang: str = "zh"
    scene: str = ""
    model: str = "auto"


W = TypeVar("W", bound=Wish)


@dataclass(frozen=True)
class Tool(Generic[W]):
    """`shape` and `read` are pure; the gateway sits between them."""

    name: str
    wish: type[W]
    result: type[Struct]
    prompt: Prompt
    shape: Callable[[W, str], Ask]
    read: Callable[[Answer], Struct]


# The registry holds tools of different wishes; each is checked where it is decoded.
AnyTool: TypeAlias = Tool[Any]
