"""What may have happened to a prompt: versions that stay, and labels that move."""

from typing import TypeAlias

from msgspec import Struct

from schemas.prompts import Label, PromptText


class PromptCreated(Struct, frozen=True, tag="io.contentops.prompt.created.v1"):
    """This is version 1, and the draft; nothing is live yet."""

    name: str
    text: PromptText
    project_id: str = ""
    note: str = ""


class PromptVersionAdded(
    Struct, frozen=True, tag="io.contentops.prompt.version_added.v1"
):
    """The newest version is the draft."""

    number: int
    text: PromptText
    note: str = ""


class PromptLabelled(Struct, frozen=True, tag="io.contentops.prompt.labelled.v1"):
    """`before` is the version that had this label; 0 = none."""

    label: Label
    number: int
    before: int = 0
    rolled_back: bool = False


PromptEvent: TypeAlias = PromptCreated | PromptVersionAdded | PromptLabelled
