"""The index in OpenSearch: what the log says, whoever writes it and how often."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import pytest
from msgspec import structs
from opensearchpy import OpenSearch
from opensearchpy.connection import Urllib3HttpConnection

from fixtures.fix_read_side import running
from fixtures.fix_records import BEGAN, Chronicle, Writer, eventually
from fixtures.fix_search import SEARCHES
from infra import builds, doctor, migrate, parked, rebuild_index, switching
from infra.problem import Stop
from infra.settings import Settings
from infra.sources import index_source, opensearch_access
from projections import index, indexing, opensearch, versions
from projections.index import Document
from projections.indexing import Indexer
from projections.opensearch import Away
from projections.registry import INDEX
from projections.search import Only
from projections.table import Projection
from schemas.envelope import Record
from schemas.events.asset import (
    AssetDescribed,
    AssetPresigned,
    AssetPurged,
    AssetRestored,
    AssetTrashed,
)
from schemas.events.content import ProjectCreated
from schemas.registry import Data

PROCESS = Path(__file__).with_name("indexer_process.py")
ROOT = Path(__file__).parents[2]
KILLED = 137
NAMED = AssetPresigned("p", "gather.mp4", "video/mp4", 1, "k")


@pytest.fixture(scope="module")
def stack(searched_stack: Settings) -> Settings:
    return searched_stack


@pytest.fixture
def node(stack: Settings) -> Iterator[OpenSearch]:
    with closing(opensearch.connect(opensearch_access(stack))) as client:
        yield client


@pytest.fixture
def indexing_(stack: Settings) -> Iterator[None]:
    source = index_source(stack)
    with running(lambda stop: indexing.run(source, stop)):
        yield


def live(stack: Settings) -> Projection:
    with migrate.connect(stack) as connection:
        found = versions.shown(versions.every(connection), INDEX)
    assert found is not None
    return found


def stored(stack: Settings, node: OpenSearch, tenant: str, id_: str) -> Document:
    found = index.stored(node, live(stack), [(tenant, id_)])
    return found.get((tenant, id_), index.NOTHING)


def found(stack: Settings, tenant: str, question: str) -> list[str]:
    async def ask() -> list[str]:
        async with SEARCHES["opensearch"].opens(stack) as search:
            hits = await search.find(tenant, question, only=Only(), limit=100)
            return sorted(each.id for each in hits.items)

    return asyncio.run(ask())


def life(log: Chronicle, tenant: str, id_: str) -> list[Record[Data]]:
    """Named, described, into the trash and back: four versions of one document."""
    told = AssetDescribed("夜骑 guide", ("video",), (), "ads")
    both = (NAMED, told, AssetTrashed(BEGAN, ""), AssetRestored())
    return [log.record(each, "asset", id_, tenant) for each in both]


def catch_up(stack: Settings) -> None:
    """An indexer of this process goes on until all there is now is in."""
    with migrate.connect(stack) as connection:
        seen = builds.live(connection, INDEX.name)
    with closing(Indexer(index_source(stack))) as own:

        def there() -> bool:
            own.step()
            ours = [it for it in switching.standings(stack) if it.version == seen]
            return [each.lag for each in ours] == [0]

        eventually(there, 60)


def go_on(own: Indexer) -> None:
    """Until it fails; the suite's own limit ends one that never does."""
    while True:
        own.step()


def test_the_started_node_is_known_to_the_doctor(stack: Settings) -> None:
    (seen,) = (it for it in doctor.examined(stack) if it.component == "opensearch")
    assert seen.healthy, seen
    assert seen.version.startswith("3.8.0, green, 1 builds")
    assert seen.address == stack.opensearch


def test_a_kill_after_the_index_only_repeats_what_it_refuses(
    stack: Settings, node: OpenSearch, log: Writer
) -> None:
    tenant = f"t{uuid4().hex}"
    catch_up(stack)
    log.append(life(log, tenant, f"{tenant}-1"))
    source = msgspec.json.encode(index_source(stack)).decode()
    ended = subprocess.run(
        [sys.executable, str(PROCESS), source, "indexer.indexed:1"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert ended.returncode == KILLED
    before = stored(stack, node, tenant, f"{tenant}-1")
    assert before.version > 0

    catch_up(stack)
    after = stored(stack, node, tenant, f"{tenant}-1")
    assert after.version == 4
    assert after.values["title"] == "夜骑 guide"
    assert after.values["gone"] is False
    assert found(stack, tenant, "夜骑") == [f"{tenant}-1"]


def test_who_writes_late_replaces_nothing(
    stack: Settings, node: OpenSearch, log: Writer
) -> None:
    """A frozen indexer wakes up with what it had made of the first two records."""
    tenant = f"t{uuid4().hex}"
    records = life(log, tenant, f"{tenant}-1")
    build = live(stack)
    rows = [row for record in records[:2] for row in build.project(record)]
    late = index.merged({}, rows)
    assert {each.version for each in late.values()} == {2}
    log.append(records)
    catch_up(stack)
    before = stored(stack, node, tenant, f"{tenant}-1")

    assert index.put(node, build, late) == []
    assert stored(stack, node, tenant, f"{tenant}-1") == before


def test_rows_that_come_again_change_nothing() -> None:
    """Also where only a part of them is known already."""
    records = life(Chronicle(), "t", "a")
    rows = [row for record in records for row in INDEX.project(record)]
    whole = index.merged({}, rows)
    half = index.merged({}, rows[:2])

    assert index.merged(half, rows) == whole
    assert index.merged(whole, rows) == {}


def test_what_is_deleted_for_good_leaves_no_words_and_goes_after_a_day(
    stack: Settings, node: OpenSearch, log: Writer
) -> None:
    tenant, build = f"t{uuid4().hex}", live(stack)
    log.append([*life(log, tenant, f"{tenant}-1"), *life(log, tenant, f"{tenant}-2")])
    log.append(
        [
            log.record(AssetTrashed(BEGAN, ""), "asset", f"{tenant}-1", tenant),
            log.record(AssetPurged(("k",)), "asset", f"{tenant}-1", tenant),
        ]
    )
    catch_up(stack)
    left = stored(stack, node, tenant, f"{tenant}-1")
    assert left.version == 6
    assert not left.values["title"]
    assert not left.values["title_words"]
    assert found(stack, tenant, "夜骑") == [f"{tenant}-2"]
    late = Document(3, {**left.values, "title": "again", "gone": False})
    assert index.put(node, build, {(tenant, f"{tenant}-1"): late}) == []
    assert stored(stack, node, tenant, f"{tenant}-1") == left

    index.refresh(node, build)
    index.sweep(node, build)
    index.refresh(node, build)
    assert stored(stack, node, tenant, f"{tenant}-1") == index.NOTHING
    assert stored(stack, node, tenant, f"{tenant}-2").version == 4


def test_a_tenant_s_alias_shows_nothing_of_another(
    stack: Settings, node: OpenSearch, log: Writer
) -> None:
    mine, other = (f"t{uuid4().hex}" for _ in range(2))
    for tenant in (mine, other):
        log.append([log.record(ProjectCreated("secret"), "project", tenant, tenant)])
    catch_up(stack)
    whole = {"query": {"match_all": {}}}
    answer = node.search(index=index.alias_of(mine), body=whole)["hits"]["hits"]
    assert {each["_source"]["tenant"] for each in answer} == {mine}
    every = node.search(index=index.rows_of(live(stack)), body={**whole, "size": 1000})
    assert {mine, other} <= {
        each["_source"]["tenant"] for each in every["hits"]["hits"]
    }


class Weighing(Urllib3HttpConnection):
    """The client's own connection, which notes how much it sends at once."""

    sent: ClassVar[list[int]] = []

    def perform_request(
        self, method: str, url: str, params: Any = None, body: Any = None, **more: Any
    ) -> Any:
        if url.endswith("_bulk"):
            self.sent.append(len(body))
        return super().perform_request(method, url, params, body, **more)


def test_no_request_is_larger_than_five_megabytes(
    stack: Settings, node: OpenSearch
) -> None:
    build, tenant = structs.replace(INDEX, label=f"t{uuid4().hex}"), "t"
    index.create(node, build)
    text = "x" * 900_000
    many = {
        (tenant, str(n)): Document(
            1, {"tenant": tenant, "id": str(n), "kind": "copy", "text": text}
        )
        for n in range(12)
    }
    client = OpenSearch(hosts=[stack.opensearch], connection_class=Weighing)
    with closing(client):
        assert index.put(client, build, many) == []
    index.drop(node, build)
    assert len(Weighing.sent) >= 3
    assert max(Weighing.sent) <= index.BULK_BYTES
    assert sum(Weighing.sent) > 12 * len(text)


def test_beside_compared_switched_back_and_retired(
    indexing_: None, log: Writer, stack: Settings, node: OpenSearch
) -> None:
    tenant = f"t{uuid4().hex}"
    log.append(life(log, tenant, f"{tenant}-1"))
    eventually(lambda: found(stack, tenant, "夜骑") == [f"{tenant}-1"], 60)
    said: list[str] = []
    before = live(stack)
    rebuild_index.rebuild(stack, said.append)
    assert live(stack) == before
    with pytest.raises(Stop, match="not found equal"):
        rebuild_index.switch(stack, said.append)
    assert switching.verify(stack, "search", said.append), said

    switching.switch(stack, "search", said.append)
    assert live(stack) != before
    assert found(stack, tenant, "夜骑") == [f"{tenant}-1"]
    newcomer = f"t{uuid4().hex}"
    log.append([*life(log, tenant, f"{tenant}-2"), *life(log, newcomer, newcomer)])
    eventually(lambda: len(found(stack, tenant, "夜骑")) == 2, 60)
    eventually(lambda: found(stack, newcomer, "夜骑") == [newcomer], 60)

    switching.switch(stack, "search", said.append, to=int(before.label[1:]))
    assert live(stack) == before
    assert len(found(stack, tenant, "夜骑")) == 2
    assert found(stack, newcomer, "夜骑") == [newcomer]
    with pytest.raises(Stop, match="shown"):
        switching.retire(stack, "search", int(before.label[1:]))
    switching.retire(stack, "search", say=said.append)
    assert list(node.indices.get(index="contentops-search-v*")) == [
        index.name_of(before)
    ]


def test_a_difference_is_found(
    indexing_: None, log: Writer, stack: Settings, node: OpenSearch
) -> None:
    tenant = f"t{uuid4().hex}"
    log.append([*life(log, tenant, f"{tenant}-1"), *life(log, tenant, f"{tenant}-2")])
    eventually(lambda: len(found(stack, tenant, "夜骑")) == 2, 60)
    said: list[str] = []
    rebuild_index.rebuild(stack, said.append)
    with migrate.connect(stack) as connection:
        new = versions.of(connection, "search")[-1].of(INDEX)
    spoilt = stored(stack, node, tenant, f"{tenant}-1")
    key = (tenant, f"{tenant}-1")
    index.put(node, new, {key: structs.replace(spoilt, version=99)})
    index.refresh(node, new)

    assert not rebuild_index.verify(stack, said.append)
    assert f"{tenant}-1 of {tenant} differs" in said
    assert f"{tenant}-2 of {tenant} differs" not in said
    with pytest.raises(Stop, match="not found equal"):
        rebuild_index.switch(stack, said.append)
    rebuild_index.retire(stack, say=said.append)


def test_without_its_index_it_waits_and_migrate_brings_all_back(
    log: Writer, stack: Settings, node: OpenSearch
) -> None:
    tenant = f"t{uuid4().hex}"
    log.append(life(log, tenant, f"{tenant}-1"))
    catch_up(stack)
    with closing(Indexer(index_source(stack))) as own:
        own.step()
        index.drop(node, live(stack))
        log.append(life(log, tenant, f"{tenant}-2"))
        with pytest.raises(Away, match="contentops migrate"):
            go_on(own)
    assert not index.there(node, live(stack))
    (seen,) = (it for it in doctor.examined(stack) if it.component == "opensearch")
    assert "contentops migrate" in seen.mend

    migrate.searches(stack)
    assert found(stack, tenant, "夜骑") == [f"{tenant}-1", f"{tenant}-2"]
    (seen,) = (it for it in doctor.examined(stack) if it.component == "opensearch")
    assert seen.healthy, seen


def test_a_stream_it_cannot_index_is_parked_and_taken_up_later(
    log: Writer, stack: Settings, node: OpenSearch
) -> None:
    """The index takes no word of 32 kB."""
    tenant = f"t{uuid4().hex}"
    bad = AssetDescribed("夜骑", ("x" * 40_000,))
    one, other = f"{tenant}-1", f"{tenant}-2"
    records = [log.record(each, "asset", one, tenant) for each in (NAMED, bad)]
    log.append([*records, *life(log, tenant, other)])
    catch_up(stack)
    log.append([log.record(AssetTrashed(BEGAN, ""), "asset", one, tenant)])
    catch_up(stack)
    held = [each for each in parked.listed(stack) if each.stream == f"{tenant}:{one}"]
    assert {each.reader for each in held} == {live(stack).reader}
    assert any("immense term" in each.reason for each in held)
    assert found(stack, tenant, "夜骑") == [other]

    said: list[str] = []
    last = next(each for each in held if each.place.endswith(f":{_offset(held)}"))
    parked.drop(stack, "search", last.place, "nobody needs this tag", said.append)
    assert not [it for it in parked.listed(stack) if it.stream == f"{tenant}:{one}"]
    assert stored(stack, node, tenant, one).version == 3
    assert stored(stack, node, tenant, one).values["gone"] is True


def _offset(held: list[parked.Parked]) -> int:
    """Of the one that was refused: the last but one, before what came later."""
    return sorted(int(each.place.rpartition(":")[2]) for each in held)[-2]


def test_an_index_nobody_asks_any_more_is_forgotten_and_made_again(
    stack: Settings, log: Writer
) -> None:
    tenant = f"t{uuid4().hex}"
    log.append(life(log, tenant, f"{tenant}-1"))
    said: list[str] = []
    away = stack.replace({"opensearch": None, "search": "postgres"})

    switching.retire(away, "search", say=said.append)
    with migrate.connect(stack) as connection:
        assert versions.of(connection, INDEX.name) == []
    assert "is forgotten" in said[-1]
    migrate.searches(stack)
    assert found(stack, tenant, "夜骑") == [f"{tenant}-1"]
