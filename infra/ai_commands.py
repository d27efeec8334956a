"""The `contentops ai` commands: each imports only what it needs."""

import sys
from typing import Annotated

import typer

from infra.terminal import Data, given, one_sentence, running, say

app = typer.Typer(no_args_is_help=True, help="Models: what they cost and who pays.")


key_app = typer.Typer(no_args_is_help=True, help="Keys of providers, sealed.")
app.add_typer(key_app, name="key")

Tenant = Annotated[
    str | None, typer.Option(help="Whose key it is; without it, the installation's.")
]


@app.callback()
def ai() -> None:
    """Models: what they cost and who pays."""


@app.command("prices")
def prices(data: Data = None) -> None:
    """Print the price book: rows of this release and those of CONTENTOPS_AI_PRICES."""
    with one_sentence():
        from infra import prices as book
        from schemas.clock import utc_now

        for line in book.lines(book.book(given(data)), utc_now()):
            say(line)


@key_app.command("set")
def key_set(provider: str, tenant: Tenant = None, data: Data = None) -> None:
    """Seal a key that is typed or piped in; calls use it within two seconds."""
    with one_sentence():
        from infra import ai_keys

        ai_keys.put(running(data), provider, tenant, _typed())
        say(f"The key for {provider} is sealed.")


@key_app.command("list")
def key_list(data: Data = None) -> None:
    """Say whose keys there are and since when; never the keys."""
    with one_sentence():
        from infra import ai_keys

        for line in ai_keys.lines(running(data)):
            say(line)


@key_app.command("remove")
def key_remove(provider: str, tenant: Tenant = None, data: Data = None) -> None:
    """Forget a key; calls stop using it within two seconds."""
    with one_sentence():
        from infra import ai_keys

        ai_keys.remove(running(data), provider, tenant)
        say(f"The key for {provider} is gone.")


def _typed() -> str:
    """Not an argument: those are seen in the list of processes and in histories."""
    if sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True))
    return sys.stdin.readline()
