"""What may be wished of a prompt."""

from typing import TypeAlias

from msgspec import Struct

from schemas.prompts import Label, PromptText


class CreatePrompt(Struct, frozen=True, tag="io.contentops.prompt.create.v1"):
    """Its first version; of one project, or of the whole tenant where none is named."""

    name: str
    text: PromptText
    project_id: str = ""
    note: str = ""


class AddPromptVersion(Struct, frozen=True, tag="io.contentops.prompt.add_version.v1"):
    text: PromptText
    note: str = ""


class LabelPrompt(Struct, frozen=True, tag="io.contentops.prompt.label.v1"):
    """`number` 0 takes the label away: what is built in answers again."""

    label: Label
    number: int


class RollBackPrompt(Struct, frozen=True, tag="io.contentops.prompt.roll_back.v1"):
    """What was live before is live again."""


PromptCommand: TypeAlias = (
    CreatePrompt | AddPromptVersion | LabelPrompt | RollBackPrompt
)
