"""Account portrait: who an account speaks to and what it should sound like."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class PortraitWish(Wish, frozen=True, kw_only=True):
    """`posts` are titles or texts that went out, best with what became of them."""

    brief: Brief
    posts: Annotated[tuple[Line, ...], Meta(max_length=50)] = ()
    rivals: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()


class Reader(Result, frozen=True):
    who: Annotated[str, Meta(min_length=1, description="a person, not an age group")]
    wants: Annotated[str, Meta(description="what they come for")]
    leaves: Annotated[str, Meta(description="what makes them go")]


class Portrait(Result, frozen=True):
    position: Annotated[
        str, Meta(min_length=1, description="for whom, what, unlike whom")
    ]
    bio: Annotated[str, Meta(description="profile text, at most 60 characters")]
    readers: tuple[Reader, ...]
    voice: tuple[Annotated[str, Meta(description="a rule with an example")], ...]
    pillars: tuple[Annotated[str, Meta(description="recurring format: idea")], ...]
    avoid: tuple[Annotated[str, Meta(description="what this account does not do")], ...]
    unknown: tuple[Annotated[str, Meta(description="figure to look up")], ...] = ()


SYSTEM = """
You draw portraits of creators' accounts (账号画像) that a team can write by.
- `position`: one sentence of the form "for … who …, this account …, unlike …"; if it
  would fit any other account in the field, it is wrong.
- One to three `readers`, each a person in a situation ("下班后只有二十分钟做饭的人"),
  with what they want and what makes them leave; from the material, not from
  demographics.
- `voice`: three to six rules that can be checked, each with a line as the account
  would say it ("说做法不说道理：『先关火，再放盐』").
- `pillars`: three to five recurring formats, each with one next idea; if `posts` carry
  results, begin with what worked and say by which post you see it.
- `avoid`: subjects, words and tricks that would cost trust here.
- No figures of the audience that are not given; what should be looked up in the
  platform's statistics goes to `unknown`. `rivals` serve to be unlike, not to copy.
"""


def bounds(_wish: PortraitWish) -> tuple[Bound, ...]:
    return (
        Bound("bio", 60),
        Bound("position", 200),
        Bound("readers", 3, entries=True),
        Bound("voice", 8, entries=True),
        Bound("pillars", 6, entries=True),
    )


def without_model(wish: PortraitWish) -> Portrait:
    position = offline.subject(wish.brief, 200, wish.lang)
    ask = offline.said(
        wish.lang, "待补充：读者是谁？", "To be found out: who reads it?"
    )
    pillars = offline.keywords("\n".join(wish.posts) or wish.brief, 5, wish.lang)
    return Portrait(position, position[:60], (), (), pillars, (), (ask,))


TOOL = structured(
    "account-portrait",
    PortraitWish,
    Portrait,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    temperature=0.5,
    max_tokens=2500,
)
