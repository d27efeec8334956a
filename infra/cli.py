"""The `contentops` command: each command imports only what it needs."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from infra.problem import Stop
from infra.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option(help="Data directory; else CONTENTOPS_DATA, else ./.contentops."),
]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
topics_app = typer.Typer(no_args_is_help=True, help="The topics of the catalogue.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
projection_app = typer.Typer(no_args_is_help=True, help="Read models.")
log_app = typer.Typer(no_args_is_help=True, help="Look at the log.")
app.add_typer(topics_app, name="topics")
app.add_typer(key_app, name="key")
app.add_typer(projection_app, name="projection")
app.add_typer(log_app, name="log")


@contextmanager
def one_sentence() -> Iterator[None]:
    """A known problem ends the command with its sentence instead of a trace."""
    try:
        yield
    except Stop as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(problem.code) from None
    except KeyboardInterrupt:
        raise typer.Exit(1) from None


def given(data: Path | None) -> Settings:
    """From the environment; a wrong value is a wrong use."""
    from pydantic import ValidationError

    try:
        settings = Settings()
    except ValidationError as error:
        names = [
            f"CONTENTOPS_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()
        ]
        raise Stop(f"Settings are wrong ({'; '.join(names)}).", code=2) from None
    return settings.replace({"data": data.absolute()}) if data else settings


def running(data: Path | None = None) -> Settings:
    """The environment, completed by the stack that runs on this machine."""
    from infra.stack.announce import attached

    return attached(given(data))


def say(line: str) -> None:
    typer.echo(line)


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
) -> None:
    """Start every server and every role; ends on Ctrl-C."""
    with one_sentence():
        from infra.up import up as serve

        settings = given(data)
        if port is not None:
            settings = settings.replace({"api_port": port})
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
) -> None:
    """Say of each component: version, address, healthy?, how to mend."""
    with one_sentence():
        from infra import doctor as surgery

        if not surgery.visit(running(data), fix=fix):
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

        topics.apply(running(data))


@topics_app.command("check")
def topics_check(data: Data = None) -> None:
    """Fail if the broker differs from the catalogue."""
    with one_sentence():
        from infra import topics

        topics.check(running(data))


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


@projection_app.command("list")
def projection_list(data: Data = None) -> None:
    """Name, version and position of each read model."""
    with one_sentence():
        from infra import rebuild

        rebuild.show(running(data))


@projection_app.command("rebuild")
def projection_rebuild(
    name: Annotated[str | None, typer.Argument()] = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    data: Data = None,
) -> None:
    """Build read models again from the log."""
    with one_sentence():
        if (name is None) == (not every):
            raise Stop("Name one projection, or give --all.", code=2)
        from infra import rebuild

        rebuild.rebuild(running(data), None if every else name)


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
def access(who: str, data: Data = None) -> None:
    """Print how `analyst` (ClickHouse) or `api` (Postgres) sign in."""
    with one_sentence():
        from infra.access import sign_in

        typer.echo(sign_in(running(data), who))


@app.command(hidden=True)
def addresses(data: Data = None) -> None:
    """Where the running stack is, as JSON without secrets."""
    with one_sentence():
        names = ("api_url", "kafka", "clickhouse", "s3", "data")
        found = running(data)
        typer.echo(json.dumps({name: str(getattr(found, name)) for name in names}))


if __name__ == "__main__":
    sys.exit(app())
