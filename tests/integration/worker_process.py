"""A worker whose jobs wait for a file: `python worker_process.py ORDINAL FOLDER`.

Each attempt leaves a file `<job>.<token>.begun`, goes on once a file `go` exists, and
leaves `<job>.<token>.ended`. What other tests left waiting is done at once, or it would
keep the slots.
"""

import asyncio
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
from streams.leases import Leases
from streams.worker import Jobs, Terms

ORDINAL, FOLDER = int(sys.argv[1]), Path(sys.argv[2])


async def work(job: Job, report: Report) -> Settled:
    if job.subject != f"asset/{job.id}":
        return Settled("done")
    mark = FOLDER / f"{job.id}.{job.token}"
    mark.with_suffix(mark.suffix + ".begun").touch()
    report(50, "waiting")
    while True:
        if (FOLDER / "go").exists():
            break
        await asyncio.sleep(0.05)
    mark.with_suffix(mark.suffix + ".ended").touch()
    return Settled("done")


def main() -> None:
    settings = Settings()

    @asynccontextmanager
    async def bells() -> AsyncIterator[Jobs]:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(ports(settings, "worker"))
            pool = await opened.pool(largest=6)
            answers = Answers(
                await opened.log(),
                await opened.decisions(pool),
                utc_now,
                role="media",
            )
            terms = Terms(
                "media", 2, lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s
            )
            leases = Leases(pool, settings.lease_s)
            yield Jobs(terms, leases, answers, {ProbeInput: work})

    datadir = FOLDER / f"faust-{ORDINAL}"
    runtime.serve("media", settings.need("kafka"), ORDINAL, datadir, bells)


if __name__ == "__main__":
    main()
