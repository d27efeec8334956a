"""The `contentops ai` commands: each imports only what it needs."""

import sys
from pathlib import Path
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


@app.command("reprice")
def reprice(
    since: Annotated[str, typer.Option("--from", help="ISO time; a date is 0:00 UTC.")],
    data: Data = None,
) -> None:
    """Say what recorded calls would have cost by the price book as it is now."""
    with one_sentence():
        from infra import ai_reprice
        from infra.ai_shadow import moment

        for line in ai_reprice.shown(ai_reprice.report(running(data), moment(since))):
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


@app.command("dataset")
def dataset(
    out: Annotated[Path, typer.Argument(help="The file to write; must not be there.")],
    tenant: Annotated[str, typer.Option(help="Whose copies.")],
    start: Annotated[str, typer.Option("--from", help="ISO time.")] = "1970-01-01",
    until: Annotated[str, typer.Option("--to", help="ISO time; else now.")] = "",
    data: Data = None,
) -> None:
    """Write the copies that people accepted as redacted JSON lines."""
    with one_sentence():
        from infra import ai_dataset as run
        from infra.ai_shadow import moment

        size = run.export(running(data), tenant, moment(start), moment(until), out)
        say(f"{out}: {size} bytes.")


@app.command("eval")
def evaluation(  # noqa: PLR0913  (options of a command are its arguments)
    suite: Annotated[
        str, typer.Argument(help="A file of JSON lines, or titles, copy.")
    ],
    model: Annotated[str, typer.Option(help="An alias, or provider/name.")],
    baseline: Annotated[
        Path | None, typer.Option(help="Kept scores; else beside the suite.")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep this score.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    data: Data = None,
) -> None:
    """Score a suite; exit 1 where the model does worse than the kept score says."""
    with one_sentence():
        from rich.console import Console

        from infra import ai_eval as run

        path, cases = run.suite(suite)
        kept = baseline or path.with_suffix(".baseline.json")
        held = run.run(given(data), cases, model, kept, tolerance)
        if as_json:
            say(run.as_json(held))
        else:
            run.show(held, Console())
        if keep:
            run.keep(kept, held.score)
        elif held.drops:
            raise typer.Exit(1)


@app.command("shadow")
def shadow(  # noqa: PLR0913  (options of a command are its arguments)
    start: Annotated[str, typer.Option("--from", help="ISO time; a date is 0:00 UTC.")],
    until: Annotated[str, typer.Option("--to", help="ISO time; else now.")] = "",
    policy: Annotated[Path | None, typer.Option(help="A routing document.")] = None,
    prompt: Annotated[Path | None, typer.Option(help="A prompt: name, text.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Rows of a price book.")] = None,
    tenant: Annotated[str, typer.Option(help="Only this one's requests.")] = "",
    most: Annotated[int, typer.Option(min=1, help="Of these the newest.")] = 1_000,
    *,
    ask: Annotated[
        bool, typer.Option("--ask", help="Really ask; costs money.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    data: Data = None,
) -> None:
    """Send requests of a period through another routing, prompt or price list.

    Without --ask nothing is asked: they are routed and priced anew.
    """
    with one_sentence():
        from infra import ai_shadow as run

        period = run.Period(run.moment(start), run.moment(until), tenant, most)
        new = run.NewTerms(policy, prompt, prices)
        report = run.run(running(data), period, new, ask=ask)
        if as_json:
            say(run.as_json(report))
        else:
            run.show(report, run.console())


@app.command("purge")
def purge(
    tenant: Annotated[str, typer.Option(help="Whose kept answers; all of them go.")],
    data: Data = None,
) -> None:
    """Remove what is kept for a tenant; running processes follow in half a minute."""
    with one_sentence():
        from infra import ai_answers

        gone = ai_answers.purge(running(data), tenant)
        say(f"{gone.answers} answers and {gone.bodies} bodies of calls removed.")


def _typed() -> str:
    """Not an argument: those are seen in the list of processes and in histories."""
    if sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True))
    return sys.stdin.readline()
