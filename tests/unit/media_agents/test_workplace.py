"""What a job says when the machine under it gives way."""

import errno
from dataclasses import dataclass

import pytest

from media_agents.workplace import spoken
from schemas.jobs import JobResult, ProbeInput
from streams.agents.work import Job, Report, TryLater

JOB = Job(id="j", tenant="t", subject="asset/a", input=ProbeInput("k", ""), token="x")


@dataclass
class Writer:
    number: int

    @spoken
    async def write(self, _job: Job, _report: Report) -> JobResult:
        raise OSError(self.number, "as the kernel says it")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_tried_again_later(number: int) -> None:
    with pytest.raises(TryLater, match="disk_full: no space left"):
        await Writer(number).write(JOB, lambda *_: None)


async def test_any_other_trouble_of_the_machine_stays_what_it_is() -> None:
    with pytest.raises(PermissionError):
        await Writer(errno.EACCES).write(JOB, lambda *_: None)
