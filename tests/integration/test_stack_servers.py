"""What the embedded servers allow and refuse; one running stack for all of it."""

import urllib.error
import urllib.parse
import urllib.request

import clickhouse_connect
import httpx
import psycopg
import pytest
from botocore.exceptions import ClientError
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.settings import ClickHouseUser, Settings
from infra.stack import bucket


def clickhouse(settings: Settings, user: ClickHouseUser) -> Client:
    return clickhouse_connect.get_client(
        dsn=settings.need("clickhouse"),
        username=user,
        password=settings.clickhouse_password(user),
        database="contentops",
        compress=False,
    )


def test_the_databases_are_there(stack: Settings) -> None:
    for database in ("contentops", "contentops_keys"):
        with psycopg.connect(stack.dsn("owner", database)) as connection:
            row = connection.execute("select current_database()").fetchone()
        assert row == (database,)


def test_postgres_refuses_a_wrong_password(stack: Settings) -> None:
    wrong = psycopg.conninfo.make_conninfo(stack.dsn("owner"), password="no")
    with pytest.raises(psycopg.OperationalError, match="password authentication"):
        psycopg.connect(wrong)


def test_the_sink_writes_and_the_analyst_only_reads(stack: Settings) -> None:
    sink, analyst = clickhouse(stack, "sink"), clickhouse(stack, "analyst")
    sink.command("create table probe (x UInt8) engine = MergeTree order by x")
    try:
        sink.insert("probe", [[1], [2]], column_names=["x"])
        assert analyst.query("select sum(x) from probe").result_rows == [(3,)]
        for refused in ("insert into probe values (3)", "drop table probe"):
            with pytest.raises(ClickHouseError):
                analyst.command(refused)
    finally:
        sink.command("drop table probe")


@pytest.mark.parametrize(
    "statement",
    [
        "select * from file('/etc/passwd', LineAsString)",
        "select * from url('http://127.0.0.1:1/', LineAsString)",
        "select * from s3('http://127.0.0.1:1/a', LineAsString)",
        "select * from remote('127.0.0.1', system.one)",
        "select * from postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "select * from executable('id', LineAsString, 'x String')",
        "select * from Python('x')",
        "select * from iceberg('http://127.0.0.1:1/a')",
        "select * from cluster('default', system.one)",
        "system shutdown",
        "kill query where 1",
        "create user mallory",
        "select * from sensitive settings allow_ddl = 1",
    ],
)
@pytest.mark.parametrize("user", ["analyst", "sink"])
def test_no_way_out_of_the_database(
    stack: Settings, user: ClickHouseUser, statement: str
) -> None:
    with pytest.raises(ClickHouseError):
        clickhouse(stack, user).command(statement)
    assert clickhouse(stack, user).command("select 1") == 1, "the server lives on"


def test_nobody_logs_in_as_default(stack: Settings) -> None:
    query = urllib.parse.urlencode({"query": "select count() from system.tables"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{stack.clickhouse}/?{query}", timeout=10)
    assert refused.value.code >= 400


def test_a_signed_link_takes_and_gives_bytes(stack: Settings) -> None:
    s3 = bucket.client(stack)
    where = {"Bucket": stack.s3_bucket, "Key": "t/one"}
    put = s3.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
    assert httpx.put(put, content=b"body").status_code == 200
    got = httpx.get(s3.generate_presigned_url("get_object", Params=where))
    assert got.content == b"body"
    assert httpx.get(f"{stack.s3}/{stack.s3_bucket}/t/one").status_code == 403


def test_a_wrong_secret_is_refused(stack: Settings) -> None:
    wrong = stack.replace({"s3_secret_key": "no"})
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        bucket.client(wrong).list_objects_v2(Bucket=stack.s3_bucket)


@pytest.mark.parametrize(("origin", "allowed"), [("own", True), ("other", False)])
def test_only_pages_of_the_api_may_upload(
    stack: Settings, origin: str, *, allowed: bool
) -> None:
    page = stack.api_url if origin == "own" else "https://elsewhere.example"
    # Other tests of this run may have set rules of their own on the bucket.
    bucket.allow_origins(stack, [stack.api_url])
    s3 = bucket.client(stack)
    where = {"Bucket": stack.s3_bucket, "Key": "t/two"}
    put = s3.generate_presigned_url("put_object", Params=where)
    answer = httpx.options(
        put, headers={"Origin": page, "Access-Control-Request-Method": "PUT"}
    )
    assert (answer.headers.get("access-control-allow-origin") == page) is allowed
