"""What the demo shows: a line per finished step, a bar for the running one, tables."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

Tell = Callable[[str], None]


class Screen:
    """Works on a terminal and, line by line, anywhere else."""

    def __init__(self, console: Console, steps: int) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[now]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=steps, now="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        self.console.print(f"[dim]{escape(line)}", highlight=False)

    def news(self, text: str) -> None:
        """A push from the server, shown beside the bar."""
        self._progress.update(self._task, now=escape(text[:40]))

    @contextmanager
    def step(self, title: str) -> Iterator[Tell]:
        """Give the block a function that says what the step found."""
        began, told = time.monotonic(), [""]
        self._progress.update(self._task, description=title)

        def tell(line: str) -> None:
            told[0] = line
            self._progress.update(self._task, description=f"{title}: {escape(line)}")

        yield tell
        took = time.monotonic() - began
        self._progress.advance(self._task)
        self.console.print(
            f"[green]✓[/] {title:<34}[dim]{took:5.1f} s[/]  {escape(told[0])}",
            highlight=False,
            no_wrap=True,
            overflow="ellipsis",
        )

    def table(self, title: str, rows: Iterable[dict[str, object]]) -> None:
        rows = list(rows)
        shown = Table(title=title, title_justify="left", title_style="bold")
        for name in rows[0] if rows else ("nothing",):
            shown.add_column(name, overflow="fold")
        for row in rows:
            shown.add_row(*(escape(_cell(value)) for value in row.values()))
        self.console.print(shown)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
