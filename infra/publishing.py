"""What the publish worker is made of: rows, credentials, connectors and limits."""

from datetime import timedelta
from pathlib import Path

from infra.settings import Settings
from infra.wiring import Credentials, Ports, connectors
from schemas.jobs import JobInput
from schemas.publishing import MetricsInput, PublishInput, ReviewInput, SettleInput
from streams.agents.answers import Answers
from streams.agents.posting import Desk
from streams.agents.publish import Limits, Publishing
from streams.agents.rows import PostgresRows
from streams.agents.settle import Settling
from streams.agents.work import Work


async def works(
    settings: Settings, ports: Ports, answers: Answers, scratch: Path
) -> dict[type[JobInput], Work]:
    desk = Desk(
        PostgresRows(await ports.pool(largest=4)),
        Credentials(await ports.keyring()),
        ports.storage,
        scratch,
    )
    found = connectors(settings)
    limits = limits_of(settings)
    publishing = Publishing(desk, found, answers, limits)
    settling = Settling(desk, found, answers, limits)
    return {
        PublishInput: publishing.publish,
        SettleInput: settling.settle,
        ReviewInput: settling.review,
        MetricsInput: settling.metrics,
    }


def limits_of(settings: Settings) -> Limits:
    return Limits(
        call_before=timedelta(seconds=settings.call_before_s),
        request=timedelta(seconds=settings.request_limit_s),
        slack=timedelta(seconds=settings.clock_slack_s),
    )
