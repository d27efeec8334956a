"""The `contentops projection` commands: each imports only what it needs."""

from typing import Annotated

import typer

from infra.problem import Stop
from infra.terminal import Data, one_sentence, running, say

app = typer.Typer(no_args_is_help=True, help="Read models.")


@app.command("list")
def list_versions(data: Data = None) -> None:
    """Versions of each read model: state, how far behind, parked streams."""
    with one_sentence():
        from infra import switching

        switching.show(running(data))


@app.command("rebuild")
def rebuild(
    name: Annotated[str | None, typer.Argument()] = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    replace: Annotated[
        bool, typer.Option(help="Show it uncompared and drop what was shown.")
    ] = False,
    data: Data = None,
) -> None:
    """Build a new version from the log, beside the one people see."""
    with one_sentence():
        if (name is None) == (not every):
            raise Stop("Name one projection, or give --all.", code=2)
        from infra import rebuild

        rebuild.rebuild(running(data), name, say, replace=replace)


@app.command("verify")
def verify(name: str, data: Data = None) -> None:
    """Compare the newest version with the one people see, row by row."""
    with one_sentence():
        from infra import switching

        if not switching.verify(running(data), name, say):
            raise typer.Exit(1)


@app.command("switch")
def switch(
    name: str,
    to: Annotated[
        int | None, typer.Option(help="A version; else the newest that was built.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Also if not found equal.")] = False,
    data: Data = None,
) -> None:
    """Show another version; with --to also the one that was shown before."""
    with one_sentence():
        from infra import switching

        switching.switch(running(data), name, say, to=to, force=force)


@app.command("retire")
def retire(
    name: str,
    version: Annotated[int | None, typer.Argument(help="Else all not shown.")] = None,
    data: Data = None,
) -> None:
    """Drop versions that nobody is shown; then there is no way back to them."""
    with one_sentence():
        from infra import switching

        switching.retire(running(data), name, version, say)


@app.command("query")
def query(
    name: Annotated[str, typer.Argument(help="A read model, or `calendar`.")],
    as_of: Annotated[str, typer.Option(help="A time with zone, or a position.")],
    tenant: Annotated[str | None, typer.Option()] = None,
    where: Annotated[list[str] | None, typer.Option(help="column=value")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    data: Data = None,
) -> None:
    """Print rows as they were at a time of the log."""
    with one_sentence():
        from infra import asof

        kept = [*(where or ()), *([f"tenant={tenant}"] if tenant else ())]
        asof.query(running(data), name, as_of, where=kept, as_json=as_json)
