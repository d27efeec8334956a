"""What every command shares: its settings, its output and how it fails."""

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
