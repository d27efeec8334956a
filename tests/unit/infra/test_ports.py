"""Ports: kept, chosen again when taken, never in the ephemeral range."""

from pathlib import Path

import pytest

from infra.problem import Stop
from infra.stack import ports


def test_ports_are_kept_between_starts(tmp_path: Path) -> None:
    lines: list[str] = []
    first = ports.keep(tmp_path / "ports.json", lines.append, free=lambda _: True)
    again = ports.keep(tmp_path / "ports.json", lines.append, free=lambda _: True)
    assert first == again
    assert lines == []


def test_all_are_different_and_below_the_ephemeral_range(tmp_path: Path) -> None:
    chosen = ports.keep(tmp_path / "p", lambda _: None, free=lambda _: True)
    assert len(set(chosen.values())) == len(chosen) == 11 + len(ports.PAGES)
    assert chosen.pop("opensearch") in range(9201, 9300)
    assert all(ports.LOWEST <= p < ports.ephemeral_start() for p in chosen.values())


def test_a_taken_port_is_chosen_again_and_said(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = ports.keep(file, lambda _: None, free=lambda _: True)
    taken = before["kafka"]
    lines: list[str] = []
    after = ports.keep(file, lines.append, free=lambda port: port != taken)
    assert after["kafka"] != taken
    assert {**after, "kafka": taken} == before
    assert lines == [
        f"port {taken} of kafka is taken by another program: chose a new one"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kafka": "x"}'])
def test_a_torn_file_is_written_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    assert set(ports.keep(file, lambda _: None, free=lambda _: True)) > {"kafka"}


def test_no_free_port_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="No free port"):
        ports.keep(tmp_path / "p", lambda _: None, free=lambda _: False)
