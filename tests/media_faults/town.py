"""Servers, roles and media workers as processes, and assets that jobs are made of."""

import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from psycopg.rows import dict_row

from infra.settings import Settings, inherited
from infra.stack import bucket
from media_agents.engines.ffmpeg import find_engine
from schemas.commands.asset import CompleteUpload, PresignAsset, RequestTranscode
from schemas.events.job import JobCompleted
from schemas.topics import JOB
from tests.integration.rolling import ROOT, Site, Tail, site
from tests.media_faults import clips
from tests.media_faults.gate import Gate, gate
from tests.media_faults.watch import starters

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Short, so that what is stuck is noticed while somebody looks on.
TERMS: Mapping[str, object] = {
    "lease_s": 4.0,
    "heartbeat_s": 1.0,
    "media_slots": 5,
    "media_piece_s": 2,
    "media_stall_s": 10.0,
    "s3_patience_s": 4.0,
}
HELPERS = ("decider", "projector", "reactor", "dispatcher")
ROLE = (sys.executable, "-m", "infra.cli", "run")
WORKER = ("worker-media",)
OPEN = "('waiting', 'retrying', 'running', 'waiting_for_parent')"
OPEN_JOBS = f"SELECT id FROM read.tasks WHERE tenant = %s AND status IN {OPEN}"
VIDEO = "SELECT * FROM read.videos WHERE tenant = %s AND id = %s"
ASSET = "SELECT * FROM read.assets WHERE tenant = %s AND id = %s"
TASK = "SELECT * FROM read.tasks WHERE tenant = %s AND kind = %s AND subject = %s"


class Town:
    """Made by `town`; everything on the main thread."""

    def __init__(self, opened: Site, door: Gate, folder: Path) -> None:
        self.site = opened
        self.gate = door
        self.folder = folder
        self.tenant = opened.tenant
        self.started = folder / "started.log"
        engine = find_engine(opened.settings.ffmpeg)
        self.programs = starters(folder / "bin", engine, self.started)
        ours = {"s3": door.address, "ffmpeg": str(self.programs / "ffmpeg")}
        self.settings = opened.settings.replace({**TERMS, **ours})
        self.clip = clips.made(folder)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._roles: list[subprocess.Popen[bytes]] = []
        self._rows = opened.owner
        self._s3: S3Client = bucket.client(opened.settings)
        self._ends = Tail(opened.kafka, JOB.events.name)
        self._read = 0

    @property
    def scratch(self) -> Path:
        return self.settings.data / "scratch"

    # Workers

    def work(self, name: str = "worker", *argv: str, ordinal: int = 0) -> int:
        """Start one; `argv` in place of the role itself. Its process id."""
        settings = self.settings.replace({"ordinal": ordinal})
        self.workers[name] = self._spawned(name, argv or ROLE + WORKER, settings)
        return self.workers[name].pid

    def role(self, name: str) -> None:
        self._roles.append(self._spawned(name, (*ROLE, name), self.site.settings))

    def _spawned(
        self, name: str, argv: Sequence[str], settings: Settings
    ) -> subprocess.Popen[bytes]:
        path = f"{self.programs}:{os.environ['PATH']}"
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                argv,
                cwd=ROOT,
                env={**inherited(), **settings.environment(), "PATH": path},
                stdout=log,
                stderr=log,
            )

    def tell(self, name: str, number: int) -> None:
        self.workers[name].send_signal(number)

    def gone(self, name: str, limit_s: float = 40) -> int:
        """Its exit code, once it has one."""
        return self.workers.pop(name).wait(timeout=limit_s)

    def stop(self) -> None:
        for name in tuple(self.workers):
            self.tell(name, signal.SIGCONT)
            self.tell(name, signal.SIGTERM)
        for process in self.workers.values():
            _end(process)
        self.workers.clear()

    def log_of(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # Assets and videos

    def upload(self) -> str:
        """A clip that no other has the hash of, in the store; its asset's id."""
        asset = str(uuid4())
        body = clips.named(self.clip, asset)
        key = self.source(asset)
        self._s3.put_object(Bucket=self.settings.s3_bucket, Key=key, Body=body)
        announced = PresignAsset("faults", "clip.mp4", "video/mp4", len(body), key)
        self.site.send(announced, asset)
        return asset

    def arrived(self, asset: str) -> None:
        """From here on the asset is probed."""
        body = clips.named(self.clip, asset)
        digest = hashlib.sha256(body).hexdigest()
        self.site.send(CompleteUpload(len(body), digest, "video/mp4"), asset)

    def transcode(self, asset: str) -> str:
        video = str(uuid4())
        self.site.send(RequestTranscode(video, ("360p",)), asset)
        return video

    def source(self, asset: str) -> str:
        return f"{self.tenant}/assets/{asset}/clip.mp4"

    def prefix(self, video: str) -> str:
        return f"{self.tenant}/videos/{video}/"

    def source_kept(self, asset: str) -> bool:
        return self._body(self.source(asset)) == clips.named(self.clip, asset)

    # What is seen from outside

    def row(self, query: str, *values: str) -> dict[str, object]:
        cursor = self._rows.cursor(row_factory=dict_row)
        return cursor.execute(query, (self.tenant, *values)).fetchone() or {}

    def video(self, video: str) -> dict[str, object]:
        return self.row(VIDEO, video)

    def asset(self, asset: str) -> dict[str, object]:
        return self.row(ASSET, asset)

    def task(self, kind: str, asset: str) -> dict[str, object]:
        return self.row(TASK, kind, f"asset/{asset}")

    def names(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.s3_bucket, Prefix=prefix
        )
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return [key.removeprefix(prefix) for key in keys]

    def bodies(self, prefix: str, *, playlists: bool = False) -> dict[str, bytes]:
        """Without what is kept beside a video; `playlists`: other bodies are empty."""
        names = [each for each in self.names(prefix) if not each.startswith("pieces/")]
        wanted = {each for each in names if not playlists or each.endswith(".m3u8")}
        return {n: self._body(prefix + n) if n in wanted else b"" for n in names}

    def _body(self, key: str) -> bytes:
        found = self._s3.get_object(Bucket=self.settings.s3_bucket, Key=key)
        return found["Body"].read()

    def quiet(self) -> bool:
        return self._rows.execute(OPEN_JOBS, (self.tenant,)).fetchone() is None

    def count_ends(self) -> Counter[str]:
        """How often each job came to a result, as the log has it."""
        while (many := len(self._ends.read())) > self._read:
            self._read = many
        records = self._ends.commands(self.tenant)
        done = (each for each in records if isinstance(each.data, JobCompleted))
        return Counter(each.envelope.subject.rpartition("/")[2] for each in done)

    def close(self) -> None:
        self.stop()
        for process in self._roles:
            process.terminate()
        for process in self._roles:
            _end(process)
        self._ends.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    process.kill()
    process.wait()


@contextmanager
def town(settings: Settings, folder: Path) -> Iterator[Town]:
    """On running servers: a tenant of its own, the roles it needs, no worker yet."""
    with ExitStack() as stack:
        port = urlsplit(settings.need("s3")).port or 0
        door = stack.enter_context(gate(port))
        opened = stack.enter_context(site(settings))
        made = Town(opened, door, folder)
        stack.callback(made.close)
        for name in HELPERS:
            made.role(name)
        yield made
