"""The file of model providers: what may be in it, and what is said of a wrong one."""

from pathlib import Path

import pytest

from infra.ai_endpoints import endpoints
from infra.problem import Stop
from infra.settings import Settings

EXAMPLE = Path("docs/howto/model-providers.json")


def test_the_example_of_the_guide_is_read() -> None:
    found = endpoints(Settings(ai_endpoints_file=EXAMPLE))

    assert [each.name for each in found] == [
        "deepseek",
        "openai",
        "dashscope",
        "ark",
        "local",
    ]
    assert found[0].url == "https://api.deepseek.com"
    assert found[1].model_for("image") == "gpt-image-2"
    assert found[4].aliases == {"text.light": "qwen3-0.6b-pruned"}
    assert "vision" in found[4].can("qwen3-vl-8b")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "endpoints"),
        ('[{"name": "a"}]', "defaultModel"),
        ('[{"name": "a b", "defaultModel": "m"}]', "name"),
        ('[{"name": "a", "defaultModel": "m", "baseUrl": "ftp://x"}]', "baseUrl"),
        ('[{"name": "a", "defaultModel": "m", "apiKey": "sk-1"}]', "apiKey"),
        ('[{"name": "a", "defaultModel": "m", "able": ["magic"]}]', "able"),
    ],
)
def test_a_wrong_file_is_refused_and_the_field_is_named(
    tmp_path: Path, text: str, named: str
) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text(text, "utf-8")

    with pytest.raises(Stop, match=named):
        endpoints(Settings(ai_endpoints_file=path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"gone\.json"):
        endpoints(Settings(ai_endpoints_file=tmp_path / "gone.json"))
