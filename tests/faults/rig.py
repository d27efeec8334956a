"""The rig: an installation under a random history, and the judgement of its stores."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from media_agents.engines.ffmpeg import find_engine
from schemas.clock import utc_now
from tests.faults import oracle
from tests.faults.history import (
    Answer,
    Client,
    Material,
    Traffic,
)
from tests.faults.installation import (
    ROLES,
    Installation,
    NotWithin,
    installed,
    until,
)
from tests.faults.journal import COMMANDS, EVENTS, Journal, Place
from tests.faults.oracle import Told, Verdict, folded
from tests.faults.outside import Outsider, posted, told_all
from tests.faults.proxy import Wires, wires
from tests.faults.stores import ClickHouse, Postgres

CLIP = ("testsrc2=s=320x180:r=10:d=1", "libx264", "ultrafast", "yuv420p")
SETTLE_S = 180.0
AGAIN = 6
TENANTS = 2
OPEN_JOBS = """
SELECT count(*) AS n FROM read.tasks WHERE status IN ('waiting', 'retrying', 'running')
  AND (not_before IS NULL OR not_before <= clock_timestamp() + interval '2 seconds')
"""
OPEN_PLANS = "SELECT count(*) AS n FROM coordination.ch_plan"
PLANNED = """
SELECT topic, partition AS part, from_offset AS start, to_offset AS stop
FROM coordination.ch_plan
"""


class Rig:
    """Holds everything one run needs; made by `rigged`, used on the main thread."""

    def __init__(
        self, site: Installation, seed: str, stack: ExitStack, lines: Wires | None
    ) -> None:
        self.site = site
        self.wires = lines
        self.chance = random.Random(seed)
        self.journal = Journal(site.settings.need("kafka"))
        stack.callback(self.journal.close)
        self.postgres = Postgres(site.settings)
        stack.callback(self.postgres.close)
        self.clickhouse = ClickHouse(site.settings)
        stack.callback(self.clickhouse.close)
        self.clients = [
            Client(site.settings, f"faults-{number}") for number in range(TENANTS)
        ]
        for client in self.clients:
            stack.callback(client.close)
        self.outsider = Outsider(site.settings, self.clients[0].tenant)
        materials = [Material(each, self._became(each)) for each in self.clients]
        film = filmed(site.settings.data)
        for material in materials:
            material.film(film)
            material.words()
        self._extra: list[Told] = []
        self._known: set[str] = set()
        self.patience_s = SETTLE_S
        self.traffic = Traffic(site.settings, materials, seed)
        stack.callback(self.traffic.close)
        self.traffic.begin()

    def spoil(self) -> None:
        """A record that cannot be projected."""
        self._extra.append(self.outsider.spoil())

    def haunt(self) -> None:
        """A late record of an owner that was fenced."""
        self.journal.read()
        entries = [each for each in self.journal.of(EVENTS) if each.key]
        self.outsider.haunt(self.chance.choice(entries))

    def open_plans(self) -> int:
        return int(str(self.postgres.ask(OPEN_PLANS)[0]["n"]))

    def double_range(self) -> None:
        """Rows of a planned range are there twice before anybody mends it."""
        for row in self.postgres.ask(PLANNED):
            place = [int(str(row[name])) for name in ("part", "start", "stop")]
            self.clickhouse.double(str(row["topic"]), place[0], place[1], place[2])

    def settle(self) -> Mapping[Place, int]:
        """Until nothing is left to be done; the log's ends before that was seen.

        Raises NotWithin with what is left.
        """
        self.traffic.hold()
        end, left = time.monotonic() + self.patience_s, "?"
        quiet = 0
        ends: Mapping[Place, int] = {}
        while quiet < 2:
            self.site.revive()
            ends = ends if quiet else self.journal.ends()
            left = self._left()
            quiet = 0 if left else quiet + 1
            if time.monotonic() > end:
                raise NotWithin(f"not settled in {self.patience_s:.0f} s: {left}")
            time.sleep(0.1)
        return ends

    def verdict(self, *, calm: bool = True) -> Verdict:
        """Settles and judges; what was found before is not told again.

        `calm`: no server was away, so leases were kept. Not to settle is a finding.
        """
        found = Verdict()
        for _ in range(AGAIN):
            try:
                ends = self.settle()
            except NotWithin as wrong:
                return Verdict(divergent=[str(wrong)])
            found = self._judge(calm=calm)
            # A platform may have called, a worker have told: then it was not settled.
            if ends == self.journal.ends():
                break
        news = found.without(self._known)
        self._known |= set(found.all)
        return news

    def _judge(self, *, calm: bool) -> Verdict:
        verdict = Verdict()
        told = [*self._extra, *(each for c in self.clients for each in c.told)]
        self.journal.read()
        records = folded(self.journal)
        oracle.judge_log(self.journal, told, verdict)
        oracle.judge_posts(records, posted(self.site.settings), verdict)
        oracle.judge_rows(self.journal, self.postgres, verdict)
        oracle.judge_facts(self.journal, self.clickhouse, verdict)
        oracle.judge_positions(self.journal, self.postgres, verdict)
        verdict.lost += [
            f"timer {key} never fired" for key in oracle.unfired(records, utc_now())
        ]
        if calm:
            lease = timedelta(seconds=self.site.settings.lease_s)
            oracle.judge_work(records, lease, verdict)
        return verdict

    def _left(self) -> str:
        """What somebody still has to do, in words; nothing when all is done."""
        self.journal.read()
        decided = {each.envelope.causation for each in folded(self.journal)}
        waiting = {each.id for each in self.journal.of(COMMANDS)} - decided
        if waiting:
            return f"{len(waiting)} commands undecided"
        behind = Verdict()
        oracle.judge_positions(self.journal, self.postgres, behind)
        if behind.divergent:
            return "; ".join(behind.divergent[:3])
        for name, query in (("jobs", OPEN_JOBS), ("plans", OPEN_PLANS)):
            if found := self.postgres.ask(query)[0]["n"]:
                return f"{found} {name} open"
        unfired = oracle.unfired(folded(self.journal), utc_now() + timedelta(seconds=3))
        if unfired:
            return f"{len(unfired)} timers armed"
        return "" if told_all(self.site.settings) else "webhooks under way"

    def _became(self, client: Client) -> Callable[[str, str], Answer]:
        def look(path: str, status: str) -> Answer:
            def there() -> Answer | None:
                found = client.get(path)
                return found if found.get("status") == status else None

            return until(there, 60, f"{path} {status}")

        return look


class Size(Struct, frozen=True):
    """How much a run has seen, for its report."""

    commands: int
    records: int
    void: int
    posts: int


def size(rig: Rig) -> Size:
    return Size(
        commands=sum(1 for _ in rig.journal.of(COMMANDS)),
        records=len(folded(rig.journal)),
        void=rig.journal.void(),
        posts=sum(posted(rig.site.settings).counts.values()),
    )


def filmed(folder: Path) -> Path:
    """One second of a test picture, made by the engine that transcodes it."""
    path = folder / "clip.mp4"
    if not path.exists():
        source, codec, preset, pixels = CLIP
        picture = ["-f", "lavfi", "-i", source, "-c:v", codec, "-preset", preset]
        to = ["-pix_fmt", pixels, str(path)]
        command = [find_engine(None).ffmpeg, "-y", *picture, *to]
        subprocess.run(command, check=True, capture_output=True)
    return path


@contextmanager
def rigged(
    data: Path, seed: str, say: Callable[[str], None], *, wired: bool = False
) -> Iterator[Rig]:
    """A fresh installation with all roles; `wired`: their servers can be cut off."""
    with installed(data, say) as site, ExitStack() as stack:
        lines = stack.enter_context(wires(site.settings)) if wired else None
        if lines is not None:
            site.lead(lines.settings)
        for role in ROLES:
            site.start(role)
        site.ready()
        yield Rig(site, seed, stack, lines)
