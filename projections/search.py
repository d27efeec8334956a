"""Searching what a tenant has: one port, answered by Postgres unless told otherwise.

What is searched are the rows of the projection `documents`, here or in OpenSearch
(`projections/opensearch.py`); both pass the contract, `tests/contract/test_search.py`.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from projections.documents.query import FACETS, FIND, words_of
from projections.documents.words import asked, words
from streams.pools import Pool

Kind: TypeAlias = Literal["project", "asset", "copy", "publication"]
Mark: TypeAlias = tuple[int, int]

AROUND = 60
MOST_TAGS = 50
HIGHEST = 2**53
SET_TENANT = "SELECT set_config('app.tenant', %s, true)"


class NotACursor(ValueError):
    """Send the `next` of an earlier page of the same search, or none."""


class SearchAway(Exception):
    """What answers searches does not answer: ask again later."""


class Hit(Struct, frozen=True):
    """One document. Marks are [start, end) characters of what was asked for."""

    kind: str
    id: str
    title: str
    title_marks: tuple[Mark, ...]
    snippet: str
    snippet_marks: tuple[Mark, ...]


class Hits(Struct, frozen=True):
    """The best first; `next` leads to the following ones, None at the end."""

    items: tuple[Hit, ...]
    next: str | None = None


class Only(Struct, frozen=True):
    """Empty = any. All of the tags are wanted; a folder means all below it as well."""

    kinds: tuple[Kind, ...] = ()
    tags: tuple[str, ...] = ()
    project_id: str = ""
    folder: str = ""


class Count(Struct, frozen=True):
    value: str
    count: int


class Facets(Struct, frozen=True):
    """How many match, by kind and by tag, the most first; at most 50 tags."""

    kinds: tuple[Count, ...] = ()
    tags: tuple[Count, ...] = ()


ANYTHING = Only()


class Search(Protocol):
    """Finds documents of one tenant that hold all words of a question."""

    async def find(
        self,
        tenant: str,
        question: str,
        *,
        only: Only = ANYTHING,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Hits:
        """Empty for a question without words; raises NotACursor."""

    async def facets(
        self, tenant: str, question: str, *, only: Only = ANYTHING
    ) -> Facets: ...


class PostgresSearch:
    """Full-text search over the words that the projection has cut."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(
        self,
        tenant: str,
        question: str,
        *,
        only: Only = ANYTHING,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Hits:
        rank, last = read_cursor(cursor)
        place = {"rank": rank, "id": last, "limit": limit + 1}
        found = await self._ask(FIND, tenant, question, only, place)
        more = found[limit - 1] if len(found) > limit else None
        items = tuple(hit(question, row) for row in found[:limit])
        return Hits(items, write_cursor(more["rank"], more["id"]) if more else None)

    async def facets(
        self, tenant: str, question: str, *, only: Only = ANYTHING
    ) -> Facets:
        found = await self._ask(FACETS, tenant, question, only, {"most": MOST_TAGS})
        kinds = (Count(r["value"], r["many"]) for r in found if r["facet"] == "kind")
        tags = (Count(r["value"], r["many"]) for r in found if r["facet"] == "tag")
        return Facets(tuple(kinds), tuple(tags))

    async def _ask(
        self,
        query: sql.SQL,
        tenant: str,
        question: str,
        only: Only,
        more: Mapping[str, object],
    ) -> list[DictRow]:
        wanted = words_of(question)
        if not wanted:
            return []
        values = {
            "words": wanted,
            "kinds": list(only.kinds) or None,
            "tags": list(only.tags) or None,
            "project": only.project_id or None,
            "folder": only.folder.strip("/") or None,
            **more,
        }
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SET_TENANT, (tenant,))
            cursor = connection.cursor(row_factory=dict_row)
            return await (await cursor.execute(query, values)).fetchall()


def hit(question: str, row: dict[str, str]) -> Hit:
    """A document as it is shown to whoever asked; for any implementation."""
    text = row["text"]
    marks = list(_marks(question, text))
    start = max(0, marks[0][0] - AROUND) if marks else 0
    snippet = text[start : start + 3 * AROUND]
    inside = [each for each in marks if each[1] <= start + len(snippet)]
    return Hit(
        kind=row["kind"],
        id=row["id"],
        title=row["title"],
        title_marks=tuple(_marks(question, row["title"])),
        snippet=snippet,
        snippet_marks=tuple((first - start, last - start) for first, last in inside),
    )


def _marks(question: str, text: str) -> Iterator[Mark]:
    """Where words of the question stand, those that touch or overlap as one."""
    wanted = [each for word, within, _ in asked(question) for each in (word, *within)]
    starts = tuple(word for word, _, han in asked(question) if not han)
    spans = sorted(
        (word.start, word.end)
        for word in words(text)
        if word.text in wanted or (not word.han and word.text.startswith(starts))
    )
    begin, stop = -1, -1
    for start, end in spans:
        if start > stop:
            if begin >= 0:
                yield begin, stop
            begin = start
        stop = max(stop, end)
    if begin >= 0:
        yield begin, stop


def write_cursor(rank: int, last: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((rank, last))).decode()


def read_cursor(cursor: str | None) -> tuple[int | None, str]:
    """The rank and the id of the last hit that was seen; raises NotACursor."""
    if cursor is None:
        return None, ""
    try:
        raw = base64.urlsafe_b64decode(cursor)
        rank, last = msgspec.json.decode(raw, type=tuple[int, str])
    except (binascii.Error, msgspec.MsgspecError, ValueError) as wrong:
        raise NotACursor("This is not a cursor of this search.") from wrong
    if abs(rank) > HIGHEST or "\0" in last:
        raise NotACursor("This is not a cursor of this search.")
    return rank, last
