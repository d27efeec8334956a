"""The `contentops ai` commands: each imports only what it needs."""

import typer

from infra.terminal import Data, given, one_sentence, say

app = typer.Typer(no_args_is_help=True, help="Models: what they cost and who pays.")


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
