"""What every implementation of Search must do; each one is a fixture parameter."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar
from uuid import uuid4

import psycopg
import pytest

from fixtures.fix_records import BEGAN, Writer, eventually
from fixtures.fix_search import SEARCHES, Way
from infra.settings import Settings
from projections.search import (
    Count,
    Facets,
    Hits,
    Kind,
    NotACursor,
    Only,
    Search,
    SearchAway,
)
from schemas.envelope import Record
from schemas.events.asset import (
    AssetDescribed,
    AssetPresigned,
    AssetPurged,
    AssetRestored,
    AssetTrashed,
)
from schemas.events.content import CopyApproved, CopyRequested, ProjectCreated
from schemas.registry import Data

Answer = TypeVar("Answer")
STANDING = """
SELECT topic, partition, next_offset FROM coordination.live_positions
WHERE projection = %s
"""


@pytest.fixture(scope="module")
def stack(searched_stack: Settings) -> Settings:
    return searched_stack


def passed(stack: Settings, reader: str, ends: dict[tuple[str, int], int]) -> bool:
    with psycopg.connect(stack.dsn("owner")) as connection:
        rows = connection.execute(STANDING, (reader,)).fetchall()
    there = {(topic, partition): offset for topic, partition, offset in rows}
    return all(there.get(place, 0) >= end for place, end in ends.items())


class Shelf:
    """Documents of one tenant, and one implementation that looks through them."""

    def __init__(self, stack: Settings, log: Writer, way: Way) -> None:
        self.tenant = f"t{uuid4().hex}"
        self.way = way
        self._stack = stack
        self._log = log

    def put(self, **titles: str) -> None:
        """A project per name; visible when it returns."""
        self.append(
            *(
                self.record(ProjectCreated(t), "project", id_)
                for id_, t in titles.items()
            )
        )

    def record(self, data: Data, aggregate: str, id_: str) -> Record[Data]:
        return self._log.record(data, aggregate, f"{self.tenant}-{id_}", self.tenant)

    def append(self, *records: Record[Data]) -> None:
        """Whoever has passed them shows them."""
        ends = {
            (each.topic, each.partition): each.offset + 1
            for each in self._log.append(records)
        }
        eventually(lambda: passed(self._stack, self.way.reader, ends), 60)

    def find(self, question: str, *kinds: Kind) -> list[str]:
        found = self.page(question, kinds=kinds, limit=50)
        return [each.id.removeprefix(f"{self.tenant}-") for each in found.items]

    def page(
        self,
        question: str,
        *,
        kinds: Sequence[Kind] = (),
        cursor: str | None = None,
        limit: int = 20,
    ) -> Hits:
        return self._ask(
            lambda search: search.find(
                self.tenant,
                question,
                only=Only(kinds=tuple(kinds)),
                cursor=cursor,
                limit=limit,
            )
        )

    def only(self, question: str, only: Only) -> list[str]:
        found = self._ask(lambda it: it.find(self.tenant, question, only=only))
        return sorted(each.id.removeprefix(f"{self.tenant}-") for each in found.items)

    def facets(self, question: str, only: Only) -> Facets:
        return self._ask(lambda it: it.facets(self.tenant, question, only=only))

    def _ask(self, question: Callable[[Search], Awaitable[Answer]]) -> Answer:
        async def ask() -> Answer:
            async with self.way.opens(self._stack) as search:
                return await question(search)

        return asyncio.run(ask())


@pytest.fixture(scope="module", params=SEARCHES)
def shelf(
    request: pytest.FixtureRequest, stack: Settings, log: Writer
) -> Iterator[Shelf]:
    """Filled once; each test looks for words of its own."""
    way = SEARCHES[request.param]
    with way.feeding(stack):
        made = Shelf(stack, log, way)
        made.put(
            beida="我爱北京大学生活",
            of="北京的大学很多",
            tianjin="天津大学",
            unknown="主播蔡徐坤的直播",
            summer="Sommer-Kampagne 2026: iPhone 15 ÜBERSICHT",
            width="ＡＢＣ全角 ｃａｆé",
            quote='it\'s 100% "quoted" \\ & | ! :* <-> ; --',
        )
        yield made


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("北京大学", ["beida", "of"]),
        ("大学生活", ["beida"]),
        ("大学", ["beida", "of", "tianjin"]),
        ("天津 大学", ["tianjin"]),
        ("蔡徐坤", ["unknown"]),
        ("徐坤", ["unknown"]),
        ("上海", []),
        ("iphone", ["summer"]),
        ("IPH", ["summer"]),
        ("15 iPhone", ["summer"]),
        ("übersicht", ["summer"]),
        ("phone", []),
        ("kampagne, sommer!", ["summer"]),
        ("abc", ["width"]),
        ("ｉｐｈｏｎｅ", ["summer"]),
        ("全角abc", ["width"]),
        ("quoted", ["quote"]),
        ("100%", ["quote"]),
    ],
)
def test_words_are_found(shelf: Shelf, question: str, found: list[str]) -> None:
    assert sorted(shelf.find(question)) == sorted(found)


@pytest.mark.parametrize(
    "question",
    [
        "'", "''", "\\", "a' | 'b", "!(北京)", "北京 & !大学'", ":*", "'; DROP TABLE x",
        "%s", "{0}", "。，！", "<->", "\u200b", "a:*b", "((((",
    ],
)  # fmt: skip
def test_no_question_is_a_program(shelf: Shelf, question: str) -> None:
    """It finds something or nothing, and never fails."""
    assert "tianjin" not in shelf.find(question)
    assert shelf.find("天津") == ["tianjin"]


def test_another_tenant_finds_nothing(
    shelf: Shelf, stack: Settings, log: Writer
) -> None:
    stranger = Shelf(stack, log, shelf.way)

    assert stranger.find("大学") == []
    stranger.put(own="大学 of another")
    assert stranger.find("大学") == ["own"]
    assert shelf.find("天津大学") == ["tianjin"]
    assert "own" not in shelf.find("大学")
    assert stranger.facets("大学", Only()) == Facets((Count("project", 1),))


def test_a_change_is_found_and_what_it_replaced_is_not(shelf: Shelf) -> None:
    asked = CopyRequested("p", "v", "copy", "bilibili", "夏日 brief")
    shelf.append(
        shelf.record(asked, "copy", "c"),
        shelf.record(CopyApproved(0, "第一稿 draft"), "copy", "c"),
    )
    assert shelf.find("第一稿") == shelf.find("夏日") == ["c"]
    shelf.append(shelf.record(CopyApproved(0, "最终版 final"), "copy", "c"))

    assert shelf.find("第一稿") == shelf.find("draft") == []
    assert shelf.find("最终版 夏日 final") == ["c"]


def test_titles_come_before_texts_and_kinds_can_be_chosen(shelf: Shelf) -> None:
    shelf.append(
        shelf.record(CopyRequested("p", "v", "copy", "b", "x"), "copy", "text"),
        shelf.record(CopyApproved(0, "zebra"), "copy", "text"),
        shelf.record(
            AssetPresigned("p", "zebra.mp4", "video/mp4", 1, "k"), "asset", "file"
        ),
    )

    assert shelf.find("zebra") == ["file", "text"]
    assert shelf.find("zebra", "copy") == ["text"]
    assert shelf.find("zebra", "asset", "copy") == ["file", "text"]
    assert shelf.find("zebra", "publication") == []


def test_pages_follow_each_other_without_gap_or_repeat(shelf: Shelf) -> None:
    shelf.put(**{f"page{n}": "翻页 same title" for n in range(7)})
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = shelf.page("翻页", cursor=cursor, limit=2)
        seen += [each.id for each in page.items]
        cursor = page.next
    assert cursor is None
    assert len(seen) == len(set(seen)) == 7
    assert seen == [each.id for each in shelf.page("翻页", limit=50).items]


@pytest.mark.parametrize("cursor", ["x", "", "bm8=", "WzFd", "é"])
def test_a_cursor_of_somebody_else_is_refused(shelf: Shelf, cursor: str) -> None:
    with pytest.raises(NotACursor):
        shelf.page("大学", cursor=cursor)


def test_what_was_asked_for_is_marked(shelf: Shelf) -> None:
    (hit,) = shelf.page("大学生活").items
    (start, end), *_ = hit.title_marks

    assert hit.title[start:end] == "大学生活"
    (wide,) = shelf.page("abc").items
    assert [wide.title[start:end] for start, end in wide.title_marks] == ["ＡＢＣ"]


@pytest.fixture(scope="module")
def filed(shelf: Shelf) -> Shelf:
    """Three files and a project that share a word."""
    for id_, project, tags, folder in (
        ("beach", "p1", ("summer", "video"), "/ads/2026/"),
        ("snow", "p1", ("winter", "video"), "ads"),
        ("logo", "p2", ("brand",), "ads2"),
    ):
        named = AssetPresigned(project, f"gather-{id_}.mp4", "video/mp4", 1, "k")
        told = AssetDescribed(f"gather {id_}", tags, ("topic",), folder)
        shelf.append(
            shelf.record(named, "asset", id_), shelf.record(told, "asset", id_)
        )
    shelf.put(p3="gather it")
    return shelf


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (Only(), ["beach", "logo", "p3", "snow"]),
        (Only(kinds=("asset",)), ["beach", "logo", "snow"]),
        (Only(kinds=("copy",)), []),
        (Only(tags=("video",)), ["beach", "snow"]),
        (Only(tags=("video", "summer")), ["beach"]),
        (Only(tags=("vid",)), []),
        (Only(project_id="p1"), ["beach", "snow"]),
        (Only(project_id="p1", tags=("winter",)), ["snow"]),
        (Only(folder="ads"), ["beach", "snow"]),
        (Only(folder="/ads/"), ["beach", "snow"]),
        (Only(folder="ads/2026"), ["beach"]),
        (Only(folder="ad"), []),
        (Only(folder="%"), []),
    ],
)
def test_filters_hold_at_once(filed: Shelf, only: Only, found: list[str]) -> None:
    assert filed.only("gather", only) == found


@pytest.mark.parametrize("word", ["summer", "topic", "2026", "gather-beach.mp4"])
def test_tags_topics_folders_and_names_are_words(filed: Shelf, word: str) -> None:
    assert "beach" in filed.find(word)


def test_facets_count_what_matches(filed: Shelf) -> None:
    whole = filed.facets("gather", Only())
    assert whole.kinds == (Count("asset", 3), Count("project", 1))
    assert whole.tags == (
        *(Count("video", 2), Count("brand", 1)),
        *(Count("summer", 1), Count("winter", 1)),
    )
    part = filed.facets("gather beach", Only(kinds=("asset",)))
    assert part.kinds == (Count("asset", 1),)
    assert filed.facets("nothing of it", Only()) == Facets()
    assert filed.facets("...", Only()) == Facets()


def test_what_is_in_the_trash_is_found_after_it_came_back(shelf: Shelf) -> None:
    named = AssetPresigned("p", "comeback.mp4", "video/mp4", 1, "k")
    trashed = AssetTrashed(BEGAN, "")
    shelf.append(shelf.record(named, "asset", "comeback"))
    assert shelf.find("comeback") == ["comeback"]
    shelf.append(shelf.record(trashed, "asset", "comeback"))
    assert shelf.find("comeback") == []
    assert shelf.facets("comeback", Only()) == Facets()
    shelf.append(shelf.record(AssetRestored(), "asset", "comeback"))
    assert shelf.find("comeback") == ["comeback"]
    shelf.append(
        shelf.record(trashed, "asset", "comeback"),
        shelf.record(AssetPurged(("k",)), "asset", "comeback"),
    )
    assert shelf.find("comeback") == []


def test_a_server_that_is_away_is_said_so(stack: Settings) -> None:
    nowhere = stack.replace({"opensearch": "http://127.0.0.1:1"})

    async def ask() -> None:
        async with SEARCHES["opensearch"].opens(nowhere) as search:
            await search.find("t", "word")

    with pytest.raises(SearchAway, match="OpenSearch"):
        asyncio.run(ask())
