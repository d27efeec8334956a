"""A worker that does nothing but note its leases: `lease_worker.py FILE`."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.settings import Settings
from infra.wiring import ports
from schemas.clock import utc_now
from schemas.jobs import ProbeInput, Settled
from streams import runtime
from streams.agents.answers import Answers
from streams.agents.work import Job, Report
from streams.leases import Leased, Leases
from streams.worker import Jobs, Terms

SLOTS = 16
NOTES = Path(sys.argv[1])


async def work(_job: Job, _report: Report) -> Settled:
    return Settled("done")


class Noting(Leases):
    async def lease(self, role: str, owner: str, token: str) -> Leased | None:
        found = await super().lease(role, owner, token)
        if found is not None:
            note(found.job_id)
        return found


def note(job_id: str) -> None:
    with NOTES.open("a") as notes:
        notes.write(f"{job_id} {utc_now().timestamp()}\n")


def main() -> None:
    settings = Settings()

    @asynccontextmanager
    async def bells() -> AsyncIterator[Jobs]:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(ports(settings, "worker"))
            pool = await opened.pool(largest=SLOTS + 4)
            decisions = await opened.decisions(pool)
            answers = Answers(await opened.log(), decisions, utc_now, role="media")
            leases = Noting(pool, settings.lease_s)
            terms = Terms("media", SLOTS)
            yield Jobs(terms, leases, answers, {ProbeInput: work})

    kafka = settings.need("kafka")
    runtime.serve("media", kafka, 0, NOTES.with_suffix(".faust"), bells)


if __name__ == "__main__":
    main()
