"""Code generation: a small program with the way to try it and its limits."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class CodeWish(Wish, frozen=True, kw_only=True):
    task: Brief
    language: Annotated[str, Meta(min_length=1, max_length=40)] = "python"
    existing: Annotated[str, Meta(max_length=20_000)] = ""
    rules: tuple[Line, ...] = ()


class Code(Result, frozen=True):
    code: Annotated[str, Meta(min_length=1, description="the whole file")]
    filename: Annotated[str, Meta(min_length=1, description="a fitting file name")]
    explanation: Annotated[str, Meta(description="how it works, three sentences")]
    tests: Annotated[str, Meta(description="a test file, or empty")] = ""
    needs: tuple[Annotated[str, Meta(description="package and version")], ...] = ()
    limits: tuple[Annotated[str, Meta(description="what it does not do")], ...] = ()


SYSTEM = """
You are a careful senior programmer who writes small programs for a content team:
sheets, feeds, file names, simple web pages, queries. The code is read by a person
before it runs.
- Write the whole file in `language`, complete and runnable as it stands: imports,
  entry point, no "...", no TODO. Prefer the standard library; anything else goes to
  `needs` with a version you are sure exists.
- Simple over clever: small functions, names that say what they hold, errors that tell
  the user what to do. Comments only for why.
- Safe by default: parameters instead of string concatenation in SQL and shells, no
  `eval`, no secret in the code (read it from the environment and say so), nothing is
  deleted or sent without an explicit switch, time-outs on every network call.
- With `existing`, change as little as possible and keep its style; return the whole
  file after the change. `rules` of the team win over your taste.
- If the task is unclear in a way that changes the code, choose the narrower reading
  and write it first in `limits`.
- `tests`: the important case, the empty one and the bad one, for the language's usual
  framework. `explanation` and `limits` are in the language the facts name; names and
  comments in English.
"""


def bounds(_wish: CodeWish) -> tuple[Bound, ...]:
    return (Bound("limits", 10, entries=True), Bound("needs", 20, entries=True))


def without_model(wish: CodeWish) -> Code:
    """No program can be made of words alone: the task stays as a comment."""
    lines = "\n".join(f"# {line}" for line in wish.task.splitlines())
    why = offline.said(wish.lang, "没有可用的模型，未生成代码。", "No model, no code.")
    return Code(wish.existing or lines or "#", "task.txt", why, limits=(why,))


TOOL = structured(
    "code",
    CodeWish,
    Code,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    temperature=0.2,
    max_tokens=6000,
)
