"""Where readers that write read models read, plan and write, from the settings."""

from infra.settings import Settings
from projections import indexing
from projections.opensearch import Access
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


def index_source(settings: Settings, group: str = "indexer") -> indexing.Source:
    """For the role, and under another group for a rebuild beside it."""
    return indexing.Source(
        kafka=settings.need("kafka"),
        postgres=settings.dsn("projector"),
        opensearch=opensearch_access(settings),
        group=group,
        ordinal=settings.ordinal,
    )


def opensearch_access(settings: Settings) -> Access:
    password = settings.opensearch_password
    return Access(
        url=settings.need("opensearch"),
        user=settings.opensearch_user or "",
        password=password.get_secret_value() if password else "",
        ca=str(settings.opensearch_ca or ""),
    )
