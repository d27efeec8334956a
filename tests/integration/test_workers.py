"""Worker processes that are killed, frozen and doubled, against the real log."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.job import CancelJob, CompleteJob, FailJob, RequestJob
from schemas.jobs import ProbeInput, Settled
from schemas.topics import JOBS, PROGRESS
from tests.integration.rolling import Site, site, until

ENDED = {"completed", "failed", "cancelled", "lost", "parent_failed"}
PROCESS = str(Path(__file__).with_name("worker_process.py"))


@pytest.fixture(scope="module")
def town(stack: Settings) -> Iterator[Site]:
    quick = stack.replace({"lease_s": 3.0, "heartbeat_s": 0.5})
    with site(quick, "decider", "projector", "dispatcher", "reactor") as opened:
        yield opened


class Floor:
    """Worker processes that share a folder of marks."""

    def __init__(self, town: Site, folder: Path) -> None:
        self.town = town
        self.folder = folder
        self.names: list[str] = []
        self.jobs: list[str] = []
        self._next = 0

    def worker(self) -> str:
        ordinal = self._next
        self._next += 1
        name = f"{self.folder.name}-{ordinal}"
        self.town.start(name, PROCESS, str(ordinal), str(self.folder))
        self.names.append(name)
        return name

    def request(
        self, *, after: tuple[str, ...] = (), deadline: datetime | None = None
    ) -> str:
        job_id = str(uuid4())
        wish = RequestJob(
            role="media",
            subject=f"asset/{job_id}",
            input=ProbeInput(f"{self.town.tenant}/a", "0" * 64),
            digest=job_id,
            after=after,
            deadline=deadline,
        )
        self.town.send(wish, job_id)
        self.jobs.append(job_id)
        return job_id

    def _ended(self, job_id: str) -> bool:
        found = self.town.task(job_id)
        return found is not None and found[0] in ENDED

    def go(self) -> None:
        (self.folder / "go").touch()

    def tokens(self, end: str, job_id: str = "") -> list[str]:
        found = sorted(self.folder.glob(f"{job_id}*.{end}"))
        return [each.name.split(".")[1] for each in found]

    def begun(self, *job_ids: str) -> bool:
        return all(self.tokens("begun", job_id) for job_id in job_ids)

    def kill(self, name: str) -> None:
        self.names.remove(name)
        self.town.kill(name)

    def leave(self) -> None:
        """What a test left unfinished must not take the next one's slots."""
        for job_id in self.jobs:
            self.town.send(CancelJob("the test is over"), job_id)
        for job_id in self.jobs:
            until(lambda job_id=job_id: self._ended(job_id))
        for name in self.names:
            self.town.kill(name)


@contextmanager
def floor(town: Site, folder: Path) -> Iterator[Floor]:
    opened = Floor(town, folder)
    try:
        yield opened
    finally:
        opened.leave()


@pytest.fixture
def shop(town: Site, tmp_path: Path) -> Iterator[Floor]:
    with floor(town, tmp_path) as opened:
        yield opened


def test_two_workers_do_every_job_once(town: Site, shop: Floor) -> None:
    jobs = [shop.request() for _ in range(8)]
    shop.go()
    shop.worker()
    shop.worker()

    for job_id in jobs:
        until(lambda job_id=job_id: town.task_is(job_id, "completed"))

    attempts = Counter(mark.name.split(".")[0] for mark in shop.folder.glob("*.begun"))
    assert {job_id: attempts[job_id] for job_id in jobs} == dict.fromkeys(jobs, 1)


def test_a_job_of_a_killed_worker_is_done_by_another_under_a_new_token(
    town: Site, shop: Floor
) -> None:
    job_id = shop.request()
    first = shop.worker()
    until(lambda: shop.begun(job_id))
    (old,) = shop.tokens("begun", job_id)

    shop.kill(first)
    shop.worker()
    until(lambda: len(shop.tokens("begun", job_id)) == 2)

    late = town.send(CompleteJob(old, Settled("from the grave"), 1.0), job_id)
    assert town.decided(late) == ("rejected", "attempt_fenced")
    shop.go()
    done = until(lambda: town.task_is(job_id, "completed"))
    assert done[1] == 2
    assert done[2] != old
    assert shop.tokens("ended", job_id) == [done[2]]


def test_a_worker_frozen_past_its_lease_says_nothing_when_it_wakes(
    town: Site, shop: Floor
) -> None:
    job_id = shop.request()
    shop.worker()
    until(lambda: shop.begun(job_id))
    (old,) = shop.tokens("begun", job_id)
    pid = town.pid(shop.names[0])

    os.kill(pid, signal.SIGSTOP)
    shop.worker()
    until(lambda: len(shop.tokens("begun", job_id)) == 2)
    os.kill(pid, signal.SIGCONT)
    held = town.row("SELECT token FROM coordination.leases WHERE job_id = %s", job_id)
    shop.go()

    done = until(lambda: town.task_is(job_id, "completed"))
    assert held is not None
    assert done[2] == held[0] != old


def test_a_job_that_kills_two_workers_is_lost_and_a_person_is_told(
    town: Site, shop: Floor
) -> None:
    job_id = shop.request()
    for deaths in (1, 2):
        name = shop.worker()
        until(lambda deaths=deaths: len(shop.tokens("begun", job_id)) == deaths)
        shop.kill(name)

    lost = until(lambda: town.task_is(job_id, "lost"))

    assert lost[3] == "lost"


def test_stopping_a_worker_gives_its_job_back_without_a_death(
    town: Site, shop: Floor
) -> None:
    job_id = shop.request()
    name = shop.worker()
    until(lambda: shop.begun(job_id))

    shop.names.remove(name)
    assert town.stop(name) == 0

    held = town.row(
        "SELECT owner, deaths, done FROM coordination.leases WHERE job_id = %s", job_id
    )
    assert held == ("", 0, False)


def test_a_cancelled_job_stops_while_it_runs(town: Site, shop: Floor) -> None:
    job_id, other = shop.request(), shop.request()
    shop.worker()
    until(lambda: shop.begun(job_id, other))

    town.send(CancelJob("not wanted"), job_id)
    until(lambda: town.task_is(job_id, "cancelled"))
    free = "SELECT 1 FROM coordination.leases WHERE job_id = %s AND owner = ''"
    until(lambda: town.row(free, job_id))
    shop.go()

    until(lambda: town.task_is(other, "completed"))
    assert shop.tokens("ended", job_id) == []


def test_a_job_after_another_starts_when_that_one_is_completed(
    town: Site, shop: Floor
) -> None:
    first = shop.request()
    second = shop.request(after=(first,))
    third = shop.request(after=(first, second))
    shop.worker()
    until(lambda: shop.begun(first))
    assert until(lambda: town.task_is(second, "waiting_for_parent"))
    assert not shop.begun(second)

    shop.go()

    until(lambda: town.task_is(third, "completed"))
    assert len(shop.tokens("ended")) == 3


def test_what_comes_after_a_job_that_was_called_off_never_starts(
    town: Site, shop: Floor
) -> None:
    first = shop.request()
    second = shop.request(after=(first,))
    third = shop.request(after=(second,))
    until(lambda: town.task_is(third, "waiting_for_parent"))

    town.send(CancelJob("not wanted"), first)

    found = until(lambda: town.task_is(third, "parent_failed"))
    assert found[3] == "parent_failed"
    assert town.task_is(second, "parent_failed")


def test_a_running_job_is_called_off_at_its_deadline(town: Site, shop: Floor) -> None:
    ready = shop.request()
    shop.worker()
    until(lambda: shop.begun(ready))
    job_id = shop.request(deadline=utc_now() + timedelta(seconds=6))
    until(lambda: shop.begun(job_id))

    until(lambda: town.task_is(job_id, "cancelled"))

    free = "SELECT 1 FROM coordination.leases WHERE job_id = %s AND owner = ''"
    until(lambda: town.row(free, job_id))
    assert shop.tokens("ended", job_id) == []


def test_a_retry_waits_for_its_time_and_counts_on(town: Site, shop: Floor) -> None:
    job_id = shop.request()
    shop.worker()
    until(lambda: shop.begun(job_id))
    (old,) = shop.tokens("begun", job_id)
    soon = FailJob(old, "busy", "not now", retry_at=_soon())
    assert town.decided(town.send(soon, job_id)) == ("accepted", "")
    shop.go()

    done = until(lambda: town.task_is(job_id, "completed"))

    assert done[1] == 2


def test_progress_is_told_while_it_runs(town: Site, shop: Floor) -> None:
    with town.following(PROGRESS.name) as tail:
        job_id = shop.request()
        shop.worker()

        told = until(lambda: [m for m in tail.read() if m.key() == job_id.encode()])

    assert b'"percent":50' in (told[0].value() or b"")


def test_bells_alone_start_nothing_that_is_not_due(town: Site, shop: Floor) -> None:
    shop.worker()
    stranger = str(uuid4())
    for _ in range(100):
        town.ring(JOBS["media"], stranger)
    job_id = shop.request()
    shop.go()

    until(lambda: town.task_is(job_id, "completed"))
    assert shop.tokens("begun", stranger) == []


def _soon() -> datetime:
    return utc_now() + timedelta(seconds=1)
