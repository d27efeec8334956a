"""Tools: every one in the registry has examples, and they come out as written."""

import json
from pathlib import Path

import msgspec
import pytest

from ai_adapter.answers import shaped
from ai_adapter.base import Answer, Spent
from ai_adapter.errors import AskAgain
from ai_adapter.gateway import Gateway
from ai_adapter.price_book import FREE
from ai_adapter.registry import TOOLS
from ai_adapter.tools.copy import Post, parted
from ai_adapter.tools.tool import AnyTool

GOLDEN = Path(__file__).parents[2] / "golden" / "tools"
SPENT = Spent("m", 1, 1)


def examples() -> list[tuple[str, dict[str, object]]]:
    return [
        (name, json.loads(line))
        for name in TOOLS
        for line in (GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]


def recorded(tool: AnyTool, wish: msgspec.Struct, text: str) -> Answer:
    ask = tool.shape(wish, "t")
    variants = ask.variants if ask.variants > 1 else tool.prompt.variants
    output = shaped(ask.task, text, variants, SPENT)
    return Answer(output, FREE, "p", "m", 1, False, "r", "h", tool.prompt.label)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_tool_has_three_examples_or_more(name: str) -> None:
    assert sum(tool == name for tool, _ in examples()) >= 3


@pytest.mark.parametrize(("name", "example"), examples())
def test_a_recorded_text_becomes_the_result_that_is_written(
    name: str, example: dict[str, object]
) -> None:
    tool = TOOLS[name]
    wish = msgspec.convert(example["wish"], tool.wish)

    result = tool.read(recorded(tool, wish, str(example["text"])))

    assert result == msgspec.convert(example["result"], tool.result)


@pytest.mark.parametrize(("name", "example"), examples())
async def test_the_template_answers_every_example_too(
    name: str, example: dict[str, object]
) -> None:
    tool = TOOLS[name]
    ask = tool.shape(msgspec.convert(example["wish"], tool.wish), "t1")
    answer = await Gateway().ask(ask)

    assert ask.tenant_id == "t1"
    assert answer.prompt_version == tool.prompt.label
    first = msgspec.structs.astuple(tool.read(answer))[0]
    assert first


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_an_unknown_field_is_refused(name: str) -> None:
    tool = TOOLS[name]
    known = next(e["wish"] for n, e in examples() if n == name)
    assert isinstance(known, dict)

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**known, "surprise": 1}, tool.wish)


@pytest.mark.parametrize(
    ("text", "post"),
    [
        ("标题\n\n正文\n\n#一 #二", Post("标题", "正文", ("一", "二"))),
        ("标题\n\n正文\n\n#一# #二#", Post("标题", "正文", ("一", "二"))),
        ("标题\n\n正文\n#1 的做法", Post("标题", "正文\n#1 的做法", ())),
        ("# Title\n\nBody", Post("Title", "Body", ())),
        ("only a title", Post("only a title", "", ())),
        ("T\n\n#a #a", Post("T", "", ("a",))),
    ],
)
def test_a_post_is_parted_into_title_body_and_tags(text: str, post: Post) -> None:
    assert parted(text) == post


@pytest.mark.parametrize("text", ["", "null", "{}", '{"variants": "a"}', '["a","a"]'])
def test_fewer_variants_than_asked_are_no_answer(text: str) -> None:
    with pytest.raises(AskAgain) as caught:
        shaped("title", text, 2, SPENT)

    assert caught.value.spent == SPENT
