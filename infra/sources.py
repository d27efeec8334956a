"""Where readers that write read models read, plan and write, from the settings."""

from infra.settings import Settings
from projections.sink import Source


def sink_source(settings: Settings, group: str = "sink") -> Source:
    """For the role, and under another group for a rebuild beside it."""
    return Source(
        kafka=settings.need("kafka"),
        postgres=settings.dsn("projector"),
        clickhouse=settings.need("clickhouse"),
        user="sink",
        password=settings.clickhouse_password("sink"),
        group=group,
        ordinal=settings.ordinal,
    )
