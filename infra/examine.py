"""One question per component: are you there, and in which version?"""

import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from opensearchpy import OpenSearchException

from infra.problem import Stop
from infra.settings import Settings

UNREACHABLE: tuple[type[Exception], ...] = (
    OSError,
    psycopg.Error,
    KafkaException,
    ClickHouseError,
    BotoCoreError,
    ClientError,
    OpenSearchException,
)


def kafka(settings: Settings, limit_s: float) -> str:
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": settings.need("kafka")})
    seen = client.list_topics(timeout=limit_s)
    return f"{len(seen.brokers)} broker, {len(seen.topics)} topics"


def postgres(settings: Settings, limit_s: float) -> str:
    owner = settings.dsn("owner")
    with psycopg.connect(owner, connect_timeout=int(limit_s)) as connection:
        row = connection.execute("show server_version").fetchone()
    return str(row[0]) if row else "?"


def clickhouse(settings: Settings, limit_s: float) -> str:
    import clickhouse_connect

    client = clickhouse_connect.get_client(
        dsn=settings.need("clickhouse"),
        username="admin",
        password=settings.clickhouse_password("admin"),
        connect_timeout=int(limit_s),
    )
    try:
        return str(client.server_version)
    finally:
        client.close()


def objects(settings: Settings, limit_s: float) -> str:
    del limit_s  # boto3 has its own
    from infra.stack.bucket import client

    server = client(settings)
    server.head_bucket(Bucket=settings.s3_bucket)
    return f"bucket {settings.s3_bucket}"


def opensearch(settings: Settings, limit_s: float) -> str:
    from infra.sources import opensearch_access
    from projections import index, opensearch

    with closing(opensearch.connect(opensearch_access(settings), limit_s)) as client:
        version = client.info()["version"]["number"]
        state = client.cluster.health()["status"]
        many = len(client.indices.get(index=f"{index.PREFIX}-v*"))
    if state == "red":
        raise Stop("some of its indices are lost (red): see its log and its disk.")
    if not many:
        raise Stop("it has no search index: run `contentops migrate`.")
    return f"{version}, {state}, {many} builds of the index"


def api(settings: Settings, limit_s: float) -> str:
    if not settings.api_port:
        raise Stop("No stack runs on this data directory: start `contentops up`.")
    url = f"http://{settings.api_host}:{settings.api_port}/readyz"
    with urllib.request.urlopen(url, timeout=limit_s) as answer:
        return f"HTTP {answer.status}"


CHECKS: Mapping[str, Callable[[Settings, float], str]] = {
    "kafka": kafka,
    "postgres": postgres,
    "clickhouse": clickhouse,
    "s3": objects,
    "api": api,
}


def address(settings: Settings, name: str) -> str:
    """Where it is, without any password."""
    if name == "postgres" and settings.postgres:
        parts = psycopg.conninfo.conninfo_to_dict(settings.need("postgres"))
        return f"{parts.get('host')}:{parts.get('port')}"
    if name == "api":
        return settings.api_url if settings.api_port else "-"
    given = str(getattr(settings, name) or "-")
    secret = urlsplit(given).password if "@" in given else None
    return given.replace(secret, "…") if secret else given
