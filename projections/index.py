"""The index in OpenSearch: made, shown to tenants, filled, looked through, dropped.

Each build is an index of its own, `contentops-search-v<N>`. It is written through an
alias, so that no write makes an index by accident; each tenant searches through an
alias of its own, which shows no other tenant's documents and nothing that is gone. A
document carries the version of its stream: an older one never replaces a newer one.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, convert
from opensearchpy import NotFoundError, OpenSearch
from opensearchpy.helpers import scan, streaming_bulk

from projections.documents.words import entries
from projections.opensearch import Away
from projections.table import Projection, Row, Value

Key: TypeAlias = tuple[str, str]
Values: TypeAlias = dict[str, object]

PREFIX = "contentops-search"
BULK_BYTES = 5_000_000
PAGE = 1000
# A deleted document stays without its words for so long, for whoever writes late.
TOMBSTONE = "now-1d"
NEWER = 409
GONE = 404
BUSY = frozenset({429, 503})

KEPT = {"type": "keyword", "index": False, "doc_values": False}
# The words were cut here, as for Postgres, so a cluster needs no analyzer of Chinese.
# They count without regard to how rare they are: that would tell of other tenants.
WORDS = {"type": "keyword", "doc_values": False, "copy_to": "words"}
TERM = {"type": "keyword"}
FLAG = {"type": "boolean"}
FIELDS: Mapping[str, Mapping[str, object]] = {
    **dict.fromkeys(("tenant", "id", "kind", "project_id", "folder", "tags"), TERM),
    **dict.fromkeys(("gone", "purged"), FLAG),
    **dict.fromkeys(("title", "text"), KEPT),
    **dict.fromkeys(("title_words", "text_words", "name_words"), WORDS),
    "words": {"type": "keyword", "doc_values": False},
    "updated_at": {"type": "date"},
}
BODY = {
    # Refreshed by whoever writes, before it says how far it has come.
    "settings": {"refresh_interval": "-1", "auto_expand_replicas": "0-1"},
    "mappings": {"dynamic": "strict", "properties": FIELDS},
}


class Document(Struct, frozen=True):
    """`version` is that of its stream, 0 for one that is not there."""

    version: int = 0
    values: Values = {}


NOTHING = Document()


class Refused(Struct, frozen=True):
    """What the index says of a document that it will never take."""

    key: Key
    reason: str


def name_of(projection: Projection) -> str:
    return f"{PREFIX}-{projection.label}"


def rows_of(projection: Projection) -> str:
    """The alias that it is written through."""
    return f"{name_of(projection)}-rows"


def alias_of(tenant: str) -> str:
    """A tenant's name may hold what no alias may."""
    return f"{PREFIX}-of-{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"


def create(client: OpenSearch, projection: Projection) -> None:
    """Empty; forget the position of its reader afterwards."""
    drop(client, projection)
    body = {**BODY, "aliases": {rows_of(projection): {}}}
    client.indices.create(index=name_of(projection), body=body)


def drop(client: OpenSearch, projection: Projection) -> None:
    client.indices.delete(index=name_of(projection), ignore_unavailable=True)


def there(client: OpenSearch, projection: Projection) -> bool:
    name, alias = name_of(projection), rows_of(projection)
    return bool(client.indices.exists_alias(index=name, name=alias))


def show(client: OpenSearch, projection: Projection, tenants: Iterable[str]) -> None:
    """Let these tenants, and all who search in another build, search in this one.

    At one moment for all of them.
    """
    name, found = name_of(projection), _shown(client)
    wanted = {alias_of(each): each for each in tenants}
    known = {alias for index, alias in found if index == name}
    others = [(index, alias) for index, alias in found if index != name]
    actions: list[Mapping[str, object]] = [
        {"remove": {"index": index, "alias": alias}} for index, alias in others
    ]
    actions += [
        {"add": {"index": name, "alias": alias, **_within(tenant)}}
        for alias, tenant in wanted.items()
        if alias not in known
    ]
    if actions:
        client.indices.update_aliases(body={"actions": actions})


def lacking(client: OpenSearch, projection: Projection) -> set[str]:
    """Tenants whose documents are here and who cannot search them here."""
    name = name_of(projection)
    known = {alias for index, alias in _shown(client) if index == name}
    return {each for each in tenants(client, projection) if alias_of(each) not in known}


def tenants(client: OpenSearch, projection: Projection) -> Iterator[str]:
    """All that have documents here, as of the last refresh."""
    source = [{"tenant": {"terms": {"field": "tenant"}}}]
    after: Mapping[str, object] = {}
    while True:
        asked = {"sources": source, "size": PAGE, **after}
        found = client.search(
            index=rows_of(projection),
            body={"size": 0, "aggs": {"all": {"composite": asked}}},
        )["aggregations"]["all"]
        yield from (str(each["key"]["tenant"]) for each in found["buckets"])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def stored(
    client: OpenSearch, projection: Projection, keys: Collection[Key]
) -> dict[Key, Document]:
    """As they are this very moment; raises Away when the index is not there."""
    if not keys:
        return {}
    docs = [{"_id": _id(key), "routing": key[0]} for key in keys]
    answer = client.mget(index=rows_of(projection), body={"docs": docs})
    found: dict[Key, Document] = {}
    for key, each in zip(keys, answer["docs"], strict=True):
        if "error" in each:
            raise _missing(projection)
        if each["found"]:
            values = convert(each["_source"], Values)
            found[key] = Document(int(each["_version"]), values)
    return found


def merged(before: Mapping[Key, Document], rows: Iterable[Row]) -> dict[Key, Document]:
    """What is to be written; a row that the document has seen changes nothing."""
    found: dict[Key, Document] = {}
    for row in rows:
        key = key_of(row)
        old = found.get(key) or before.get(key, NOTHING)
        version = int(str(row.values["version"]))
        if version > old.version:
            found[key] = Document(version, {**old.values, **_plain(row.values)})
    return found


def put(
    client: OpenSearch, projection: Projection, documents: Mapping[Key, Document]
) -> list[Refused]:
    """All but those that are there as new or newer; raises Away."""
    index = rows_of(projection)
    actions = [
        {
            "_index": index,
            "_id": _id(key),
            "routing": key[0],
            "version": each.version,
            "version_type": "external",
            "_source": each.values,
        }
        for key, each in documents.items()
    ]
    answers = streaming_bulk(
        client,
        actions,
        chunk_size=PAGE,
        max_chunk_bytes=BULK_BYTES,
        raise_on_error=False,
        require_alias=True,
    )
    keys = list(documents)
    found = [
        _judged(projection, key, each["index"])
        for key, (well, each) in zip(keys, answers, strict=True)
        if not well
    ]
    return [each for each in found if each is not None]


def refresh(client: OpenSearch, projection: Projection) -> None:
    """From here on searches find what was put in before."""
    client.indices.refresh(index=rows_of(projection))


def sweep(client: OpenSearch, projection: Projection) -> None:
    """Drop what was deleted for good a day ago."""
    old = [{"term": {"purged": True}}, {"range": {"updated_at": {"lt": TOMBSTONE}}}]
    client.delete_by_query(
        index=rows_of(projection),
        body={"query": {"bool": {"filter": old}}},
        conflicts="proceed",
    )


def every(client: OpenSearch, projection: Projection) -> Iterator[tuple[Key, Document]]:
    """In the order of their keys, without what was deleted for good."""
    left = {"bool": {"must_not": [{"term": {"purged": True}}]}}
    order = [{"tenant": "asc"}, {"id": "asc"}]
    body = {"query": left, "sort": order, "version": True}
    found = scan(
        client,
        query=body,
        index=rows_of(projection),
        size=PAGE,
        preserve_order=True,
    )
    for each in found:
        values = convert(each["_source"], Values)
        key = (str(values["tenant"]), str(values["id"]))
        yield key, Document(int(each["_version"]), values)


def key_of(row: Row) -> Key:
    return str(row.values["tenant"]), str(row.values["id"])


def _shown(client: OpenSearch) -> list[tuple[str, str]]:
    """Which index each tenant's alias leads to."""
    try:
        found = client.indices.get_alias(name=f"{PREFIX}-of-*")
    except NotFoundError:
        return []
    return [(str(i), str(a)) for i, each in found.items() for a in each["aliases"]]


def _within(tenant: str) -> Mapping[str, object]:
    own = {"term": {"tenant": tenant}}
    shown = {"bool": {"filter": [own], "must_not": [{"term": {"gone": True}}]}}
    return {"filter": shown, "routing": tenant}


def _id(key: Key) -> str:
    return "|".join(key)


def _plain(values: Mapping[str, Value]) -> Values:
    """As the index has them: words one by one, and nothing it does not know."""
    return {
        name: entries(str(value)) if name.endswith("_words") else value
        for name, value in values.items()
        if name in FIELDS
    }


def _judged(
    projection: Projection, key: Key, answer: Mapping[str, object]
) -> Refused | None:
    status = answer.get("status")
    if status == NEWER:
        return None
    if status == GONE:
        raise _missing(projection)
    why = answer.get("error")
    reason = f"{why.get('type')}: {why.get('reason')}" if isinstance(why, dict) else ""
    if status in BUSY:
        raise Away(f"OpenSearch is busy: {reason}")
    return Refused(key, reason or str(answer))


def _missing(projection: Projection) -> Away:
    return Away(
        f"The index {name_of(projection)} is missing: run `contentops migrate`, which "
        "makes it and lets it be filled from the log."
    )
