"""Where a media job works: a private folder, the bytes it was told of, its words."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TypeVar

from media_agents import errors
from media_agents.storage import Storage
from schemas.jobs import JobResult
from streams.agents import scratch
from streams.agents.spending import spend
from streams.agents.work import Impossible, Job, Report, TryLater

Maker = TypeVar("Maker")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_ROOM = "no space left for the job's files"


def spoken(
    step: Callable[[Maker, Job, Report], Awaitable[JobResult]],
) -> Callable[[Maker, Job, Report], Awaitable[JobResult]]:
    """Media errors in the words of jobs."""

    @wraps(step)
    async def work(maker: Maker, job: Job, report: Report) -> JobResult:
        try:
            return await step(maker, job, report)
        except errors.MediaRefused as no:
            reason = f"{no.reason}. {no.remedy}".rstrip(". ")
            raise Impossible(no.code, reason) from no
        except errors.TryLater as later:
            raise TryLater(later.code, later.reason) from later
        except errors.ObjectMissing as missing:
            raise Impossible("object_missing", str(missing)) from missing
        except errors.ObjectDiffers as other:
            raise Impossible("object_differs", str(other)) from other
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise TryLater("disk_full", NO_ROOM) from error

    return work


@dataclass(frozen=True, slots=True)
class Workplace:
    """`scratch` must be on a disk with room for the source and all that is made."""

    storage: Storage
    scratch: Path

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        with scratch.folder(self.scratch) as folder:
            yield folder

    async def source(self, key: str, sha256: str, folder: Path) -> Path:
        """The one file that most jobs work on."""
        return await self.fetched(key, sha256, folder / "source", "the object")

    async def fetched(self, key: str, sha256: str, path: Path, name: str) -> Path:
        """What was uploaded, and nothing else: the hash is the one on the log.

        What we made ourselves has none there; its name follows from its content.
        """
        await self.storage.download(key, path)
        spend(bytes_in=(await asyncio.to_thread(path.stat)).st_size)
        if not sha256:
            return path
        found = await asyncio.to_thread(sha256_of, path)
        if found != sha256:
            raise Impossible("wrong_hash", f"{name} is not what was uploaded")
        return path


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
