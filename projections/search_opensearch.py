"""OpenSearch as an implementation of `Search`.

A question goes to the alias of its tenant, through which nothing else can be found. All
words must be there; those in a title count ten times as much.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, convert
from opensearchpy import AsyncOpenSearch, NotFoundError

from projections import index
from projections.documents.words import asked
from projections.opensearch import Away, told
from projections.search import (
    ANYTHING,
    MOST_TAGS,
    Count,
    Facets,
    Hits,
    Only,
    SearchAway,
    hit,
    read_cursor,
    write_cursor,
)

Clause: TypeAlias = Mapping[str, object]

SHOWN = ["kind", "id", "title", "text"]
WEIGHTS = {"title_words": 10, "text_words": 1, "name_words": 1}
COUNTED = {
    "kinds": {"terms": {"field": "kind"}},
    "tags": {"terms": {"field": "tags", "size": MOST_TAGS}},
}


class Source(Struct, frozen=True):
    """What is shown of a document."""

    kind: str
    id: str
    title: str = ""
    text: str = ""


class Found(Struct, frozen=True, rename={"source": "_source"}):
    """One hit as OpenSearch answers it, and where it stands among all."""

    source: Source
    sort: tuple[float, str]


class Bucket(Struct, frozen=True):
    key: str
    doc_count: int


class Buckets(Struct, frozen=True):
    buckets: tuple[Bucket, ...]


class Page(Struct, frozen=True):
    hits: tuple[Found, ...]


class Answer(Struct, frozen=True):
    hits: Page
    aggregations: dict[str, Buckets] = {}


class OpenSearchSearch:
    """Asks the build that the tenant's alias leads to."""

    def __init__(self, client: AsyncOpenSearch) -> None:
        self._client = client

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
        after = {} if rank is None else {"search_after": [rank, last]}
        order = [{"_score": "desc"}, {"id": "desc"}]
        shape = {"sort": order, "size": limit + 1, "_source": SHOWN}
        answer = await self._ask(tenant, question, only, {**shape, **after})
        if answer is None:
            return Hits(())
        found = answer.hits.hits
        more = found[limit - 1] if len(found) > limit else None
        items = tuple(hit(question, _row(each.source)) for each in found[:limit])
        return Hits(
            items, write_cursor(int(more.sort[0]), more.sort[1]) if more else None
        )

    async def facets(
        self, tenant: str, question: str, *, only: Only = ANYTHING
    ) -> Facets:
        shape = {"size": 0, "aggs": COUNTED}
        answer = await self._ask(tenant, question, only, shape)
        if answer is None:
            return Facets()
        found = answer.aggregations
        return Facets(_counts(found["kinds"]), _counts(found["tags"]))

    async def _ask(
        self, tenant: str, question: str, only: Only, shape: Clause
    ) -> Answer | None:
        """None where there is nothing to find; raises SearchAway."""
        if not asked(question):
            return None
        body = {**shape, "query": query_of(question, only), "track_total_hits": False}
        try:
            with told():
                return await self._answer(index.alias_of(tenant), body)
        except Away as wrong:
            raise SearchAway(str(wrong)) from wrong

    async def _answer(self, alias: str, body: Clause) -> Answer | None:
        """A tenant that has nothing yet has no alias; an index there must be."""
        try:
            answer = await self._client.search(index=alias, body=body)
        except NotFoundError:
            every = f"{index.PREFIX}-v*"
            if await self._client.indices.exists(index=every, allow_no_indices=False):
                return None
            raise
        return convert(answer, Answer)


def query_of(question: str, only: Only) -> Clause:
    """All words in any of the fields; the score says where, and of nothing else."""
    return {
        "bool": {
            "filter": [*_holding("words", question), *_filters(only)],
            "should": [
                {"constant_score": {"filter": each, "boost": weight}}
                for field, weight in WEIGHTS.items()
                for each in _holding(field, question)
            ],
        }
    }


def _holding(field: str, question: str) -> Iterator[Clause]:
    """One clause per word, under the rules of `documents.query.words_of`."""
    for word, within, han in asked(question):
        if not han:
            yield {"prefix": {field: {"value": word}}}
        elif within:
            parts = [{"term": {field: each}} for each in within]
            either = [{"term": {field: word}}, {"bool": {"filter": parts}}]
            yield {"bool": {"should": either, "minimum_should_match": 1}}
        else:
            yield {"term": {field: word}}


def _filters(only: Only) -> Iterator[Clause]:
    if only.kinds:
        yield {"terms": {"kind": list(only.kinds)}}
    for tag in only.tags:
        yield {"term": {"tags": tag}}
    if only.project_id:
        yield {"term": {"project_id": only.project_id}}
    if folder := only.folder.strip("/"):
        below = {"prefix": {"folder": {"value": f"{folder}/"}}}
        here = {"term": {"folder": folder}}
        yield {"bool": {"should": [here, below], "minimum_should_match": 1}}


def _row(source: Source) -> dict[str, str]:
    return {name: getattr(source, name) for name in SHOWN}


def _counts(found: Buckets) -> tuple[Count, ...]:
    return tuple(Count(each.key, each.doc_count) for each in found.buckets)
