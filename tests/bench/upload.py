"""A large upload straight into the store: the API's memory meanwhile, and a cut.

`python -m tests.bench.upload [--size BYTES] [--json FILE]` starts servers, decider,
projector and one API process. A client sends presigned parts, one after the other, is
cut in the middle of one, goes on with what `GET …/upload` says is left, and completes.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from infra import keys
from infra.settings import Settings
from tests.bench.edge import answers
from tests.fixtures.fix_edge import free_port
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import site, until

Figures: TypeAlias = dict[str, object]

SIZE = 1 << 30
WARM = 80 << 20
BLOCK = 1 << 20
SAMPLE_S = 0.05
MIB = 1 << 20


class Body:
    """As many bytes as are wanted, never all of them in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._block = hashlib.shake_256(b"body").digest(BLOCK)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Each block begins with its number, so no two are the same."""
        for place in range(start // BLOCK, -(-end // BLOCK)):
            block = place.to_bytes(8, "big") + self._block[8:]
            first = place * BLOCK
            yield block[max(start - first, 0) : end - first]

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self.read(0, self.size):
            digest.update(block)
        return digest.hexdigest()


class CutOff(Exception):
    """The client's line went dead."""


class Client:
    """Sends parts and counts what went over the line, by part."""

    def __init__(self, body: Body, part_size: int) -> None:
        self.sent: dict[int, int] = {}
        self.again: dict[int, int] = {}
        self.answered: set[int] = set()
        self._body = body
        self._part_size = part_size

    def send(self, upload: Mapping[str, Any], *, cut: int | None = None) -> None:
        """In order; `cut` is the part that is given up in its middle."""
        for part in upload["parts"]:
            self._part(part["number"], part["url"], cut=part["number"] == cut)

    @property
    def unanswered(self) -> list[int]:
        return sorted(self.sent.keys() - self.answered)

    def _part(self, number: int, url: str, *, cut: bool) -> None:
        start = (number - 1) * self._part_size
        end = min(start + self._part_size, self._body.size)
        content = self._counted(number, start, end, cut=cut)
        told = httpx.put(
            url,
            content=content,
            headers={"Content-Length": str(end - start)},
            timeout=60,
            trust_env=False,
        )
        told.raise_for_status()
        self.answered.add(number)

    def _counted(
        self, number: int, start: int, end: int, *, cut: bool
    ) -> Iterator[bytes]:
        line = self.again if number in self.sent else self.sent
        for block in self._body.read(start, end):
            if cut and line.get(number, 0) * 2 >= end - start:
                raise CutOff
            line[number] = line.get(number, 0) + len(block)
            yield block


class Memory:
    """Resident memory of one process, looked at all the time."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/status")
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> int:
        lines = self._path.read_text().splitlines()
        (line,) = [each for each in lines if each.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    def peak(self) -> int:
        """Since it was asked for the last time."""
        found, self._peak = max(self._peak, self.now()), 0
        return found

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._peak = max(self._peak, self.now())


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--size", type=int, default=SIZE)
    given.add_argument("--json", type=Path, default=Path("/dev/stdout"))
    options = given.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="contentops-upload-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        found = measure(settings, options.size)
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def measure(settings: Settings, size: int) -> Figures:
    """Memory in MiB. A small upload goes first, which loads what any needs."""
    given = settings.replace({"api_port": free_port()})
    with site(given, "decider", "projector", "api") as town:
        until(lambda: answers(f"{given.api_url}/readyz"))
        asked = {"Authorization": f"Bearer {keys.create(given, 'bench', 'admin')}"}
        base = f"{given.api_url}/api/v1"
        with httpx.Client(base_url=base, headers=asked, timeout=300) as api:
            told = api.post(
                "/projects", json={"name": "upload"}, headers={"Prefer": "wait=10"}
            )
            project = str(told.raise_for_status().json()["id"])
            memory = Memory(town.pid("api"))
            try:
                _upload(api, Body(WARM), project, memory)
                return _upload(api, Body(size), project, memory)
            finally:
                memory.close()


def _upload(api: httpx.Client, body: Body, project: str, memory: Memory) -> Figures:
    before = memory.now()
    memory.peak()
    wish = {
        "filename": "large.mp4",
        "contentType": "video/mp4",
        "size": body.size,
        "projectId": project,
    }
    asset, upload = _announced(api, wish)
    client = Client(body, upload["partSize"])
    began = time.monotonic()
    try:
        client.send(upload, cut=len(upload["parts"]) // 2)
    except CutOff:
        # No answer came for it: the store may have it torn and take it for whole.
        torn = {"again": client.unanswered}
        answer = api.get(f"/assets/{asset}/upload", params=torn)
        rest = answer.raise_for_status().json()
        client.send(rest)
    sending = time.monotonic() - began
    peaks = {"uploading": memory.peak()}
    digest = {"sha256": body.sha256()}
    began = time.monotonic()
    done = api.post(
        f"/assets/{asset}/complete", json=digest, headers={"Prefer": "wait=60"}
    ).raise_for_status()
    completing = time.monotonic() - began
    peaks["completing"] = memory.peak()
    return {
        "size": body.size,
        "parts": len(upload["parts"]),
        "part_size": upload["partSize"],
        "mib_per_s": round(body.size / MIB / sending, 1),
        "complete_s": round(completing, 2),
        "sha256_same": done.json().get("sha256") == digest["sha256"],
        "api_mib": {
            "before": _mib(before),
            **{name: _mib(peak) for name, peak in peaks.items()},
            "after": _mib(memory.now()),
            "growth": _mib(max(peaks.values()) - before),
        },
        "resume": {
            "parts_sent_again": len(client.again),
            "bytes_before_the_cut": sum(client.sent[each] for each in client.again),
            "bytes_sent_again": sum(client.again.values()),
        },
    }


def _announced(
    api: httpx.Client, wish: Mapping[str, object]
) -> tuple[str, dict[str, Any]]:
    made = api.post("/assets/presign", json=wish, headers={"Prefer": "wait=10"})
    found = made.raise_for_status().json()
    return str(found["id"]), found["upload"]


def _mib(size: int) -> float:
    return round(size / MIB, 1)


if __name__ == "__main__":
    sys.exit(main())
