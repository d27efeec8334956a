"""A finished picture as clients see it; its address is made when it is read."""

from collections.abc import Sequence

from pydantic import Field

from api.parts import Parts
from api.shapes import Shown
from api.uploads import sign_get


class PictureShown(Shown):
    """`profiles` are the destinations whose covers it fits; `at` is a moment (s)."""

    url: str | None = None
    width: int = 0
    height: int = 0
    size: int = 0
    sha256: str = ""
    content_type: str = ""
    profiles: list[str] = Field(default=[])
    at: float | None = None
    key: str = Field(default="", exclude=True)


async def linked(parts: Parts, pictures: Sequence[PictureShown]) -> list[PictureShown]:
    return [
        each.model_copy(
            update={"url": await sign_get(parts, each.key, each.content_type)}
        )
        for each in pictures
    ]
