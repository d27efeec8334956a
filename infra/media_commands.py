"""The `contentops media` commands: each imports only what it needs."""

from pathlib import Path
from typing import Annotated

import typer

from infra.terminal import Data, given, one_sentence, say

app = typer.Typer(no_args_is_help=True, help="Pictures and sound on this machine.")

Profile = Annotated[
    list[str] | None,
    typer.Option(help="A destination (bilibili, douyin, …) or rungs (1080p, 720p, …)."),
]


@app.callback()
def media() -> None:
    """Pictures and sound on this machine."""


@app.command("render")
def render(  # noqa: PLR0913  options of a command are its arguments
    source: Annotated[
        Path, typer.Argument(help="A video, a timeline (.json), or the id of one.")
    ],
    profile: Profile = None,
    out: Annotated[Path | None, typer.Option(help="Where the file goes.")] = None,
    project: Annotated[
        str | None, typer.Option(help="Upload it as an asset of this project.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(help="The API; else CONTENTOPS_CLIENT_URL, else this machine's."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is wrong, and the cost.")
    ] = False,
    data: Data = None,
) -> None:
    """Run a worker's recipe here; the key to upload with is CONTENTOPS_CLIENT_KEY."""
    with one_sentence():
        from infra import media

        settings = given(data)
        if api is not None:
            settings = settings.replace({"client_url": api})
        wish = media.Wish(
            source=source,
            profiles=tuple(profile or ()),
            out=out,
            project=project or "",
            dry_run=dry_run,
        )
        media.render(settings, wish, say)
