"""Processors that may be used, not those that are seen; what follows for media jobs."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra import cores as module
from infra import doctor, up
from infra import settings as settings_module
from infra.cores import cores
from infra.settings import Settings

QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "nonsense\n"}, 16),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "3000 1000"}, 3),
        ("0::/a\n", {"unified/a/cpu.max": "500000 100000"}, 5),
        ("1:cpu:/\n0::/\n", {f"cpu/{QUOTA}": "-1\n", f"cpu/{PERIOD}": "100000"}, 16),
        ("1:cpu:/x\n", {f"cpu/x/{QUOTA}": "200000", f"cpu/x/{PERIOD}": "100000"}, 2),
        (
            "4:cpu,cpuacct:/x\n",
            {f"cpu,cpuacct/x/{QUOTA}": "700", f"cpu,cpuacct/x/{PERIOD}": "100"},
            7,
        ),
        ("4:memory:/x\n", {"memory/x/cpu.max": "100 100"}, 16),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 16),
        ("", {}, 16),
    ],
)
def test_the_smallest_limit_on_the_way_up_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    files: dict[str, str],
    expected: int,
) -> None:
    """The machine is said to have sixteen: tests run where there are two."""
    monkeypatch.setattr(module, "_allowed", lambda: 16)
    mine = tmp_path / "own"
    mine.write_text(own)

    assert cores(written(tmp_path / "groups", files), mine) == expected


def test_here_it_is_what_the_scheduler_allows_at_most() -> None:
    assert 1 <= cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("found", "slots", "threads"),
    [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (16, 8, 2), (64, 8, 8)],
)
def test_jobs_at_once_and_threads_of_each_follow_from_the_processors(
    monkeypatch: pytest.MonkeyPatch, found: int, slots: int, threads: int
) -> None:
    monkeypatch.setattr(settings_module, "cores", lambda: found)

    settings = Settings()

    assert (settings.media_slots, settings.job_threads) == (slots, threads)
    assert settings.media_slots * settings.job_threads <= found


def test_what_was_set_wins_and_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "cores", lambda: 8)
    assert Settings(media_slots=2).job_threads == 4
    assert Settings(media_slots=16).job_threads == 1
    monkeypatch.setenv("CONTENTOPS_MEDIA_SLOTS", "3")
    monkeypatch.setenv("CONTENTOPS_MEDIA_THREADS", "5")
    settings = Settings(data=tmp_path)
    assert (settings.media_slots, settings.job_threads) == (3, 5)
    assert settings.workload == "3 jobs at once with 5 threads each, on 8 processors"
    assert f"media       {settings.workload}" in up.welcome(settings)
    assert doctor.examined(settings)[-2].version == settings.workload


@pytest.mark.parametrize("name", ["MEDIA_SLOTS", "MEDIA_THREADS", "AI_SLOTS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "1000"])
def test_a_bad_number_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CONTENTOPS_{name}", value)
    with pytest.raises(ValidationError) as no:
        Settings()
    (error,) = no.value.errors()
    assert error["loc"] == (name.lower(),)
