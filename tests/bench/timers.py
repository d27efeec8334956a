"""Armed timers: how late they fire, and that kills of the dispatcher lose none.

`python -m tests.bench.timers` arms 100 000, lets 1 000 fall due in one second, then
kills the dispatcher fifty times while another thousand fall due.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from msgspec import Struct

from fixtures.fix_moderation import JUDGED
from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.publication import (
    FirePublication,
    PlanPublication,
    SchedulePublication,
)
from schemas.envelope import Record, command
from schemas.events.publication import PublicationDue
from schemas.jobs import Evidence, Schedule
from schemas.registry import Command, wire_name
from schemas.topics import PUBLICATION
from streams.faults import EXIT
from streams.judging import envelope_of
from streams.log import Batched
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import ROOT, Site, Tail, site, until

Figures: TypeAlias = dict[str, float]

POINTS = ("dispatcher.marked", "dispatcher.appended")
DUE = wire_name(PublicationDue)
FIRE = wire_name(FirePublication)
FAR = """
INSERT INTO read.timers (tenant, id, version, event_id, created_at, updated_at, kind,
  at, state)
SELECT 'far', gen_random_uuid(), 1, 'e', now(), now(), 'publication',
  now() + interval '1 day' + n * interval '1 second', 'armed'
FROM generate_series(1, %s) n
"""
ARMED = "SELECT count(*) FROM read.timers WHERE id = ANY(%s)"


def main() -> int:
    prefix = "contentops-timers-"
    with (
        tempfile.TemporaryDirectory(prefix=prefix) as folder,
        servers_in(Path(folder)) as settings,
    ):
        report = {
            "quiet": measure(settings, Load(armed=100_000)),
            "kills": measure(settings, Load(armed=100_000, kills=50)),
        }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


class Load(Struct, frozen=True):
    """How many lie armed in the far future, how many fall due and over how long.

    With `kills` they fall due in as many waves, each met by a dispatcher that dies of
    it; the next one finds what the last left behind.
    """

    armed: int = 0
    due: int = 1000
    spread_s: float = 1.0
    lead_s: float = 15.0
    kills: int = 0


def measure(settings: Settings, load: Load) -> Figures:
    """Lateness in milliseconds, from due to the decision on the log."""
    with (
        site(settings, "decider", "projector") as town,
        _far(town, load.armed),
        town.following(PUBLICATION.commands.name) as sent,
        town.following(PUBLICATION.events.name) as decided,
    ):
        if load.kills:
            wanted = _killed(town, load)
        else:
            wanted = _armed(town, load.due, load.lead_s, load.spread_s)
        with _dispatcher(settings):
            enough = 60 + load.lead_s + load.spread_s
            until(lambda: len(_fired(decided)) >= load.due, enough)
        return _figures(wanted, sent, decided)


@contextmanager
def _far(town: Site, armed: int) -> Iterator[None]:
    """Rows alone: the dispatcher reads nothing else of a timer that is not due."""
    town.owner.execute(FAR, (armed,))
    town.owner.execute("ANALYZE")
    try:
        yield
    finally:
        town.owner.execute("DELETE FROM read.timers WHERE tenant = 'far'")


def _armed(
    town: Site, count: int, lead_s: float, spread_s: float
) -> dict[str, datetime]:
    """The instants at which they are due, once the dispatcher can know of them."""
    first = utc_now() + timedelta(seconds=lead_s)
    step = timedelta(seconds=spread_s / count)
    wanted = {str(uuid4()): first + number * step for number in range(count)}
    log = Batched(town.kafka)
    for publication_id, at in wanted.items():
        for wish in (_plan(at), SchedulePublication()):
            log.add(_command(town.tenant, publication_id, wish))
    log.confirm()
    until(lambda: town.row(ARMED, list(wanted)) == (count,), 60)
    return wanted


def _killed(town: Site, load: Load) -> dict[str, datetime]:
    wanted: dict[str, datetime] = {}
    for point in itertools.islice(itertools.cycle(POINTS), load.kills):
        wanted |= _armed(town, load.due // load.kills, 0, 0)
        with _dispatcher(town.settings.replace({"fault": f"{point}:1"})) as process:
            assert process.wait(60) == EXIT
    return wanted


def _command(tenant: str, publication_id: str, wish: Command) -> Record[Command]:
    sent = str(uuid4())
    return command(
        wish, tenant=tenant, aggregate_id=publication_id, id=sent, time=utc_now()
    )


def _plan(at: datetime) -> PlanPublication:
    return PlanPublication(
        project_id="p",
        video_id="v",
        account_id="a",
        platform="bilibili",
        mode="direct",
        title="title",
        text="",
        tags=(),
        mp4_key="m",
        cover_key="c",
        copy_id="copy",
        schedule=Schedule(at, at.isoformat(), "UTC"),
        approval=Evidence("copy.approved", "e", 1),
        material=Evidence("asset.transcoded", "e", 1),
        moderation=JUDGED,
    )


@contextmanager
def _dispatcher(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "run", "dispatcher"],
        cwd=ROOT,
        env={**os.environ, **settings.environment()},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _fired(decided: Tail) -> list[tuple[str, int]]:
    """Publications that came due, with the broker's time in milliseconds."""
    found = []
    for message in decided.read():
        envelope = envelope_of(message)
        if envelope.type == DUE:
            found.append((envelope.aggregate_id, message.timestamp()[1]))
    return found


def _figures(wanted: dict[str, datetime], sent: Tail, decided: Tail) -> Figures:
    fired = [each for each in _fired(decided) if each[0] in wanted]
    times = Counter(each for each, _ in fired)
    late = sorted(_late_ms(at, wanted[each]) for each, at in fired)
    commands = until(lambda: _ids(sent, wanted), 20)
    return {
        "timers": len(wanted),
        "lost": len(wanted.keys() - times.keys()),
        "doubled": sum(count > 1 for count in times.values()),
        "ids_per_timer": max(map(len, commands.values())),
        "late_p50_ms": late[len(late) // 2],
        "late_p99_ms": late[int(len(late) * 0.99)],
        "late_max_ms": late[-1],
    }


def _ids(sent: Tail, wanted: Collection[str]) -> dict[str, set[str]] | None:
    """The ids of what was sent for each timer, once something was for every one."""
    found: dict[str, set[str]] = {}
    for message in sent.read():
        envelope = envelope_of(message)
        if envelope.type == FIRE:
            found.setdefault(envelope.aggregate_id, set()).add(envelope.id)
    return found if found.keys() >= set(wanted) else None


def _late_ms(recorded_ms: int, at: datetime) -> float:
    late = datetime.fromtimestamp(recorded_ms / 1000, UTC) - at
    return round(late.total_seconds() * 1000, 1)


if __name__ == "__main__":
    sys.exit(main())
