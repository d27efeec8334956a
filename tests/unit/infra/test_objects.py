"""The object server: only what was built from the pinned source is taken."""

from pathlib import Path

import pytest

from infra.problem import Stop
from infra.stack.objects import (
    MODULE_SUM,
    SOURCE,
    VERSION,
    check_origin,
    toolchain,
)

RECORD = "versitygw: go1.26.8\n\tpath\tx\n\tmod\t{source}\t{version}\t{sum}\n"


def record(**changes: str) -> str:
    good = {"source": SOURCE, "version": VERSION, "sum": MODULE_SUM}
    return RECORD.format(**{**good, **changes})


def test_the_pinned_source_is_taken() -> None:
    check_origin(record())


@pytest.mark.parametrize(
    "changes", [{"sum": "h1:other="}, {"version": "v1.7.9"}, {"source": "a.b/c"}]
)
def test_another_source_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Stop, match="was refused"):
        check_origin(record(**changes))


def go_on_path(folder: Path, answer: str) -> dict[str, str]:
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_a_new_enough_go_on_the_path_is_used(tmp_path: Path) -> None:
    env = go_on_path(tmp_path, "go version go1.25.0 linux/amd64")
    assert toolchain(env) == (str(tmp_path / "go"), {})


@pytest.mark.parametrize("answer", ["go version go1.19.8 linux/amd64", "what?", ""])
def test_else_the_one_of_the_wheel(tmp_path: Path, answer: str) -> None:
    go, root = toolchain(go_on_path(tmp_path, answer))
    assert go == str(Path(root["GOROOT"]) / "bin" / "go")
    assert Path(go).exists()
