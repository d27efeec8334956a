"""The auditor on a real log: crashes, restarts, and one byte flipped in a copy."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from aiokafka.record.util import calc_crc32c

from fixtures.fix_read_side import running
from fixtures.fix_records import Writer, eventually, story
from infra import audit
from infra.problem import Stop
from infra.settings import Settings, inherited
from infra.stack import kafka, ports
from infra.stack.children import Children
from schemas.clock import utc_now
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.registry import Data
from streams import audit as role
from streams import ledger
from streams.faults import EXIT
from streams.log import producer
from streams.places import ends_of

CRC = slice(17, 21)
CANARY = b"canary of the audit"
BEHIND = "UPDATE coordination.positions SET next_offset = 0 WHERE reader = 'auditor'"
POSITIONS = """
SELECT topic, partition, next_offset FROM coordination.positions
WHERE reader = 'auditor'
"""


@pytest.fixture
def site(written_stack: Settings, tmp_path: Path) -> Settings:
    """The shared servers with audit files of our own, and records to audit."""
    return written_stack.replace({"audit": tmp_path / "audit", "audit_every_s": 0.2})


@pytest.fixture
def victim(site: Settings) -> Record[Data]:
    """One record among others whose bytes are easy to find in the log's files."""
    writer = Writer(site.need("kafka"))
    writer.append(story(writer, mark=f"audit {uuid4()}"))
    # Without compression, as a byte of it can be flipped and the checksum mended.
    writer._producer = producer(site.need("kafka"), **{"compression.type": "none"})
    data = ProjectCreated(CANARY.decode())
    (found,) = writer.append([writer.record(data, "project", str(site.audit))])
    writer.append(story(writer, mark=f"after {uuid4()}"))
    return found


@contextmanager
def auditing(site: Settings) -> Iterator[None]:
    source = role.Source(
        kafka=site.need("kafka"),
        postgres=site.dsn("worker"),
        folder=site.audit_folder,
        seed=site.audit_seed(),
        records=7,
        every_s=site.audit_every_s,
    )
    with running(lambda stop: role.run(source, utc_now, stop)):
        yield


def ends(site: Settings) -> dict[tuple[str, int], int]:
    key = audit.public_key(site)
    found = {}
    for place in ledger.places(site.audit_folder):
        lines = list(ledger.Ledger(site.audit_folder, *place).lines())
        found[place] = ledger.opened(lines[-1], key).end if lines else 0
    return found


def all_covered(site: Settings) -> None:
    """Waits until this folder reaches as far as what others signed on this log."""
    wanted = ends_of(site.need("kafka"), role.AUDITED)

    def there() -> bool:
        try:
            found = ends(site)
        except ledger.Forged:
            return False  # a line is being written
        return all(found.get(place, 0) >= end for place, end in wanted.items())

    eventually(there)


def verified(site: Settings, files: Path | None = None) -> list[str]:
    """The lines of `contentops audit verify`, and its refusal if there is one."""
    lines: list[str] = []
    try:
        audit.verify(site, files=files, say=lines.append)
    except Stop as refused:
        lines.append(str(refused))
    return lines


def differing(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.endswith("good")]


def copied(site: Settings, folder: Path) -> Path:
    """The log as a thief or a backup takes it, while the broker runs.

    Indexes are big holes on the disk, and a broker makes them again.
    """
    gone = shutil.ignore_patterns("*.index", "*.timeindex", "*.tmp", "*.swap", ".lock")
    shutil.copytree(
        site.data / "kafka" / "logs",
        folder / "kafka" / "logs",
        ignore=gone,
        ignore_dangling_symlinks=True,
    )
    return folder / "kafka" / "logs"


def flip(logs: Path, record: Record[Data], *, mend: bool) -> None:
    """Change one letter of the record, with or without a checksum that fits again."""
    (path,) = (logs / f"{record.topic}-{record.partition}").glob("*.log")
    log = bytearray(path.read_bytes())
    at = log.rindex(CANARY)
    batch = batch_of(log, at)
    log[at] ^= 1
    if mend:
        crc = calc_crc32c(bytes(log[batch.start + CRC.stop : batch.stop]))
        where = slice(batch.start + CRC.start, batch.start + CRC.stop)
        log[where] = crc.to_bytes(4)
    path.write_bytes(log)


def batch_of(log: bytearray, at: int) -> slice:
    start = 0
    while True:
        end = start + 12 + int.from_bytes(log[start + 8 : start + 12])
        if start <= at < end:
            return slice(start, end)
        start = end


@pytest.mark.parametrize("mend", [True, False], ids=["mended", "plain"])
def test_a_flipped_byte_of_a_copied_log_is_named(
    site: Settings, victim: Record[Data], tmp_path: Path, *, mend: bool
) -> None:
    with auditing(site):
        all_covered(site)
    logs = copied(site, tmp_path)

    assert differing(verified(site, logs)) == []
    assert differing(verified(site)) == []
    flip(logs, victim, mend=mend)

    found, verdict = differing(verified(site, logs))
    place = f"{victim.topic}[{victim.partition}]"
    assert found.startswith(f"{place}: differs first at offset {victim.offset}: ")
    assert verdict.startswith("1 of ")


async def test_a_broker_on_the_copied_log_is_no_help(
    site: Settings, victim: Record[Data], tmp_path: Path
) -> None:
    with auditing(site):
        await asyncio.to_thread(all_covered, site)
    flip(copied(site, tmp_path), victim, mend=True)

    children = Children(tmp_path)
    chosen = ports.keep(tmp_path / "ports.json", print, names=("kafka", "controller"))
    jars = kafka.prepare(site.cache, print)
    try:
        await kafka.start(children, tmp_path, jars, ports=chosen, env=inherited())
        copy = site.replace({"kafka": f"127.0.0.1:{chosen['kafka']}"})
        lines = await asyncio.to_thread(verified, copy)
    finally:
        await children.end_all()

    found, _ = differing(lines)
    assert f"differs first at offset {victim.offset}: " in found


def test_an_auditor_goes_on_exactly_where_it_was(
    site: Settings, victim: Record[Data]
) -> None:
    with auditing(site):
        all_covered(site)
    first = ends(site)
    writer = Writer(site.need("kafka"))
    writer.append(story(writer, mark=f"second run {uuid4()}"))
    with auditing(site):
        all_covered(site)

    now = ends(site)
    assert all(now[place] >= end for place, end in first.items())
    assert differing(verified(site)) == []


def test_a_lost_folder_is_made_again_from_the_log(
    site: Settings, victim: Record[Data]
) -> None:
    with auditing(site):
        all_covered(site)
    shutil.rmtree(site.audit_folder)
    with auditing(site):
        all_covered(site)

    assert differing(verified(site)) == []


def test_positions_that_fell_behind_the_files_follow_them(
    site: Settings, victim: Record[Data]
) -> None:
    """A crash between file and topic, or a Postgres from a backup, looks like this."""
    with auditing(site):
        all_covered(site)
    with psycopg.connect(site.dsn("owner"), autocommit=True) as connection:
        connection.execute(BEHIND)
        with auditing(site):
            pass
        rows = connection.execute(POSITIONS).fetchall()

    now = ends(site)
    assert {(topic, each): at for topic, each, at in rows if at} == now
    assert differing(verified(site)) == []


@pytest.mark.parametrize("point", ["auditor.hashed", "auditor.appended"])
def test_a_killed_auditor_leaves_nothing_out(
    site: Settings, victim: Record[Data], point: str
) -> None:
    died = subprocess.run(
        [sys.executable, "-m", "infra.cli", "run", "auditor"],
        env={**os.environ, **environment(site, f"{point}:1")},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == EXIT, died.stderr[-2000:]
    with auditing(site):
        all_covered(site)

    assert differing(verified(site)) == []


def environment(site: Settings, fault: str) -> dict[str, str]:
    return site.replace({"fault": fault, "audit_every_s": 0.05}).environment()


def test_nothing_signed_is_no_proof(site: Settings) -> None:
    """The topic of this run may hold what other tests signed: the copy has none."""
    logs = site.data / "none" / f"{role.AUDITED[0]}-0"
    logs.mkdir(parents=True, exist_ok=True)

    assert "Nothing is signed yet" in verified(site, logs.parent)[-1]
    assert "holds no partition" in verified_error(site, site.data / "keys")


def verified_error(site: Settings, files: Path) -> str:
    with pytest.raises(Stop) as refused:
        audit.verify(site, files=files, say=lambda _: None)
    return str(refused.value)
