"""Scenes: a word that holds platform, tool and language, or is just a word."""

import pytest

from ai_adapter.scenes import Scene, scene_of


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        ("douyin-title-zh", Scene("douyin", "title", "zh")),
        ("weibo-post-en", Scene("weibo", "weibo-post", "en")),
        ("bilibili-topic-ideas-ja", Scene("bilibili", "topic-ideas", "ja")),
        ("title-en", Scene("", "title", "en")),
        ("swot", Scene("", "swot", "")),
        ("summer-campaign", Scene()),
        ("douyin-launch-zh", Scene()),
        ("", Scene()),
        ("-", Scene()),
    ],
)
def test_a_scene_says_what_is_in_its_name(name: str, scene: Scene) -> None:
    assert scene_of(name) == scene
