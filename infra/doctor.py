"""`contentops doctor`: what runs, where, in which version, and what to do if not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra import examine
from infra.problem import Stop
from infra.settings import Settings
from infra.stack import datadir, ports, processes
from infra.stack.children import read_state

LIMIT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row; `mend` is empty when nothing is wrong."""

    component: str
    version: str
    address: str
    mend: str = ""

    @property
    def healthy(self) -> bool:
        return not self.mend


def visit(settings: Settings, *, fix: bool, console: Console | None = None) -> bool:
    """Print the table; True if everything is well."""
    console = console or Console()
    if fix:
        for line in repair(settings.data):
            console.print(line)
    findings = examined(settings)
    console.print(_table(findings))
    for finding in findings:
        if finding.mend:
            console.print(f"{finding.component}: {finding.mend}", soft_wrap=True)
    return all(finding.healthy for finding in findings)


def examined(settings: Settings) -> list[Finding]:
    """All components at once: a dead server costs its limit only once."""
    checks = list(examine.CHECKS.items())
    if settings.searches_elsewhere:
        checks.append(("opensearch", examine.opensearch))
    with ThreadPoolExecutor(len(checks)) as pool:
        steps = [pool.submit(_look, name, check, settings) for name, check in checks]
        found = [step.result() for step in steps]
    return [*found, _media(settings), _disk(settings.data)]


def repair(data: Path) -> list[str]:
    """End what an ended stack left behind and choose taken ports anew."""
    try:
        lock = datadir.open_data(data)
    except Stop as problem:
        return [f"nothing was changed: {problem}"]
    lines: list[str] = []
    with lock:
        for name, (who, stop) in read_state(data / "run" / "children.json").items():
            if processes.alive(who):
                processes.end_process(who, stop, 10)
                lines.append(f"ended {name} (process {who.pid}) of an earlier run")
        ports.keep(data / "ports.json", lines.append)
    return lines or ["nothing had to be mended"]


def _look(
    name: str, check: Callable[[Settings, float], str], settings: Settings
) -> Finding:
    address = examine.address(settings, name)
    try:
        version = check(settings, LIMIT_S)
    except Stop as problem:
        return Finding(component=name, version="-", address=address, mend=str(problem))
    except examine.UNREACHABLE as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        mend = f"does not answer ({words[0][:160]}): {_remedy(settings, name)}"
        return Finding(component=name, version="-", address=address, mend=mend)
    return Finding(component=name, version=version, address=address)


def _remedy(settings: Settings, name: str) -> str:
    log = settings.data / "logs" / f"{name}.log"
    if log.exists():
        return f"see {log}, then start `contentops up` again."
    return "start it, or run `contentops up`."


def _media(settings: Settings) -> Finding:
    """What a worker on this machine would do at once; nothing to be mended."""
    return Finding(component="media", version=settings.workload, address="-")


def _disk(data: Path) -> Finding:
    there = next(path for path in (data, *data.parents) if path.exists())
    free = f"{datadir.free_bytes(there) // 1_000_000} MB free"
    try:
        datadir.check_room(there)
    except Stop as problem:
        return Finding(
            component="disk", version=free, address=str(data), mend=str(problem)
        )
    return Finding(component="disk", version=free, address=str(data))


def _table(findings: list[Finding]) -> Table:
    table = Table("component", "version", "address", "healthy", box=None)
    for finding in findings:
        well = "[green]yes" if finding.healthy else "[red]no"
        table.add_row(finding.component, finding.version, finding.address, well)
    return table
