"""The `contentops` command: each command imports only what it needs."""

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from infra import ai_commands, media_commands, projection_commands
from infra.terminal import Data, given, one_sentence, running, say

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
topics_app = typer.Typer(no_args_is_help=True, help="The topics of the catalogue.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
log_app = typer.Typer(no_args_is_help=True, help="Look at the log.")
audit_app = typer.Typer(no_args_is_help=True, help="Proof that the log is unchanged.")
parked_app = typer.Typer(no_args_is_help=True, help="Records that readers gave up on.")
sink_app = typer.Typer(no_args_is_help=True, help="Facts in ClickHouse.")
app.add_typer(topics_app, name="topics")
app.add_typer(sink_app, name="sink")
app.add_typer(key_app, name="key")
app.add_typer(projection_commands.app, name="projection")
app.add_typer(media_commands.app, name="media")
app.add_typer(ai_commands.app, name="ai")
app.add_typer(log_app, name="log")
app.add_typer(parked_app, name="parked")
schemas_app = typer.Typer(no_args_is_help=True, help="Shapes of records.")
app.add_typer(audit_app, name="audit")
app.add_typer(schemas_app, name="schemas")


class Searches(StrEnum):
    POSTGRES = "postgres"
    OPENSEARCH = "opensearch"


@app.command()
def up(
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port of the API.")] = None,
    sandbox: Annotated[
        bool | None,
        typer.Option(
            "--sandbox/--no-sandbox",
            help="Stand-in platforms; by default where no app credentials are set.",
        ),
    ] = None,
    search: Annotated[
        Searches | None, typer.Option(help="What answers searches; else the settings.")
    ] = None,
) -> None:
    """Start every server and every role; ends on Ctrl-C."""
    with one_sentence():
        from infra.up import up as serve

        settings = given(data)
        if port is not None:
            settings = settings.replace({"api_port": port})
        if search is not None:
            settings = settings.replace({"search": search.value})
        asyncio.run(serve(settings, say, sandbox=sandbox))


@app.command("run")
def run_role(role: str, data: Data = None) -> None:
    """Run one role until it is told to stop."""
    with one_sentence():
        from infra import roles

        roles.run(role, running(data))


@app.command()
def doctor(
    data: Data = None,
    fix: Annotated[bool, typer.Option(help="End left-over processes.")] = False,
    restored: Annotated[
        bool, typer.Option(help="A store came out of a backup: hold all to the log.")
    ] = False,
) -> None:
    """Say of each component: version, address, healthy?, how to mend."""
    with one_sentence():
        from infra import doctor as surgery
        from infra import restored as after

        settings = running(data)
        well = (
            after.visit(settings, say) if restored else surgery.visit(settings, fix=fix)
        )
        if not well:
            raise typer.Exit(1)


@app.command()
def migrate(data: Data = None) -> None:
    """Bring databases to the newest shape."""
    with one_sentence():
        from infra import migrate as shapes

        shapes.migrate(running(data))


@topics_app.command("apply")
def topics_apply(data: Data = None) -> None:
    """Make the broker match the catalogue."""
    with one_sentence():
        from infra import topics

        topics.mend(running(data), say)


@topics_app.command("check")
def topics_check(data: Data = None) -> None:
    """Fail if the broker differs from the catalogue."""
    with one_sentence():
        from infra import topics

        topics.check(running(data))


@sink_app.command("reconcile")
def sink_reconcile(
    repair: Annotated[bool, typer.Option("--repair/--dry-run")] = True,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    data: Data = None,
) -> None:
    """Compare ClickHouse with what was confirmed, and mend what differs."""
    with one_sentence():
        from infra.reconcile import reconcile

        if not reconcile(running(data), say, repair=repair, as_json=as_json).right:
            raise typer.Exit(1)


@key_app.command("create")
def key_create(
    tenant: Annotated[str, typer.Option()],
    role: Annotated[str, typer.Option()] = "admin",
    data: Data = None,
) -> None:
    """Create a key and print it, once."""
    with one_sentence():
        from infra import keys

        typer.echo(keys.create(running(data), tenant, role))


@app.command("quota")
def quota_of(
    tenant: str,
    size: Annotated[str, typer.Option("--bytes", help="500MB, 1.5TB, or none.")] = "",
    files: Annotated[str, typer.Option(help="How many files, or none.")] = "",
    data: Data = None,
) -> None:
    """Show what a tenant's assets take, or limit it."""
    with one_sentence():
        from infra import quota

        settings = running(data)
        now = quota.read(settings, tenant)
        most = quota.size_of(size) if size else now.most_bytes
        many = quota.size_of(files) if files else now.most_files
        if size or files:
            quota.limit(settings, tenant, most, many)
            now = quota.read(settings, tenant)
        quota.show(now, say)


@log_app.command("read")
def log_read(
    topic: str,
    key: Annotated[str, typer.Option(help="Stream, or its last part.")] = "",
    start: Annotated[str, typer.Option("--from", help="Offset or position.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
    data: Data = None,
) -> None:
    """Print the records of a topic."""
    with one_sentence():
        from infra import inspect

        inspect.read(running(data), topic, key=key, start=start, as_json=as_json)


@log_app.command("explain")
def log_explain(event_id: str, data: Data = None) -> None:
    """Print the causal chain of an event, back to its first cause."""
    with one_sentence():
        from infra import inspect

        inspect.explain(running(data), event_id)


@audit_app.command("verify")
def audit_verify(
    topic: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    files: Annotated[
        Path | None, typer.Option("--from-files", help="A copied log folder.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Public key, in hex.")] = None,
    data: Data = None,
) -> None:
    """Compare the log with what the auditor signed."""
    with one_sentence():
        from infra import audit

        audit.verify(running(data), topic=topic, files=files, key=key, say=say)


@audit_app.command("key")
def audit_key(data: Data = None) -> None:
    """Print the public key that checkpoints are signed with."""
    with one_sentence():
        from infra import audit

        say(audit.public_key(given(data)))


@parked_app.command("list")
def parked_list(
    reader: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    data: Data = None,
) -> None:
    """Name every parked record: reader, stream, place, reason, since."""
    with one_sentence():
        from infra import parked

        parked.show(running(data), reader, as_json=as_json, say=say)


@parked_app.command("replay")
def parked_replay(reader: str, key: str, data: Data = None) -> None:
    """Take a parked stream up again, in order."""
    with one_sentence():
        from infra import parked

        parked.replay(running(data), reader, key, say)


@parked_app.command("drop")
def parked_drop(
    reader: str,
    place: Annotated[str, typer.Argument(help="TOPIC:PARTITION:OFFSET")],
    why: Annotated[str, typer.Option(help="Kept on the log for ever.")],
    data: Data = None,
) -> None:
    """Pass over one record for ever and take up what was parked behind it."""
    with one_sentence():
        from infra import parked

        parked.drop(running(data), reader, place, why, say)


@schemas_app.command("check")
def schemas_check(
    against: Annotated[Path | None, typer.Option(help="Another baseline.")] = None,
) -> None:
    """Refuse what would break a reader of the last release."""
    with one_sentence():
        from infra import compatibility

        compatibility.check(against, say)


@schemas_app.command("freeze")
def schemas_freeze() -> None:
    """At a release: make the shapes and examples of now the baseline."""
    with one_sentence():
        from infra import compatibility

        compatibility.freeze(say)


@app.command()
def sandbox(
    platform: str,
    script: Annotated[Path | None, typer.Option(help="What it shall answer.")] = None,
    port: Annotated[int, typer.Option(help="0: any free port.")] = 0,
    data: Data = None,
) -> None:
    """Run a scripted stand-in for a platform."""
    with one_sentence():
        from infra import sandboxes

        sandboxes.run(running(data), platform, script=script, port=port)


@app.command()
def demo(
    video: Annotated[Path | None, typer.Option(help="A clip of yours.")] = None,
    data: Data = None,
) -> None:
    """The main job on a real clip; ends by itself."""
    with one_sentence():
        from infra import demo as show

        raise typer.Exit(show.run(given(data), video))


@app.command()
def docs() -> None:
    """Write the generated pages of docs/reference from the code."""
    with one_sentence():
        from infra.reference import write

        for path in write():
            typer.echo(path)


@app.command()
def access(
    who: str,
    tenant: Annotated[str | None, typer.Option(help="Only this one's facts.")] = None,
    data: Data = None,
) -> None:
    """Print how `analyst` (ClickHouse) or `api` (Postgres) sign in."""
    with one_sentence():
        from infra.access import sign_in

        typer.echo(sign_in(running(data), who, tenant))


@app.command(hidden=True)
def addresses(data: Data = None) -> None:
    """Where the running stack is, as JSON without secrets."""
    with one_sentence():
        names = ("api_url", "kafka", "clickhouse", "s3", "data")
        found = running(data)
        typer.echo(json.dumps({name: str(getattr(found, name)) for name in names}))


if __name__ == "__main__":
    sys.exit(app())
