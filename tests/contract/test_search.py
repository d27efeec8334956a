"""What every implementation of Search must do; another one is a fixture parameter."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from uuid import uuid4

import pytest

from fixtures.fix_records import Writer, eventually
from infra.settings import Settings
from projections.search import Hits, Kind, NotACursor, Only, PostgresSearch, Search
from schemas.envelope import Record
from schemas.events.asset import AssetPresigned
from schemas.events.content import CopyApproved, CopyRequested, ProjectCreated
from schemas.registry import Data
from streams.pools import open_pool


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


class Shelf:
    """Documents of one tenant, and one implementation that looks through them."""

    def __init__(self, stack: Settings, log: Writer) -> None:
        self.tenant = f"t{uuid4().hex}"
        self._dsn = stack.dsn("api")
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
        mark = f"mark{uuid4().hex}"
        self._log.append([*records, self.record(ProjectCreated(mark), "project", mark)])
        eventually(lambda: bool(self.find(mark)), 60)

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

    def _ask(self, question: Callable[[Search], Awaitable[Hits]]) -> Hits:
        async def ask() -> Hits:
            async with open_pool(self._dsn, smallest=1, largest=1) as pool:
                return await question(PostgresSearch(pool))

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def shelf(stack: Settings, log: Writer) -> Iterator[Shelf]:
    """Filled once; each test looks for words of its own."""
    from fixtures.fix_read_side import projector_source, running
    from projections import runner

    source = projector_source(stack)
    with running(lambda stop: runner.run(source, stop)):
        made = Shelf(stack, log)
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
    stranger = Shelf(stack, log)

    assert stranger.find("大学") == []
    assert shelf.find("天津大学") == ["tianjin"]


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
