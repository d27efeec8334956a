"""Planted bugs: a media worker without its promises, which the judge must find.

Its master is published first, its folders stay behind, and its children outlive it.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra import roles
from infra.terminal import running
from media_agents import agent
from media_agents.engines import child
from media_agents.muxing import OutputFile
from media_agents.recipes import publish_files
from media_agents.storage import Storage
from streams.agents import scratch


async def master_first(
    storage: Storage, prefix: str, files: Sequence[OutputFile]
) -> None:
    for file in sorted(files, key=lambda each: -each.order):
        await publish_files(storage, prefix, [file])


@contextmanager
def left(place: Path) -> Iterator[Path]:
    """A folder that stays."""
    yield Path(tempfile.mkdtemp(dir=place))


def main() -> None:
    agent.publish_files = master_first
    scratch.folder, scratch.sweep = left, lambda _: []
    child._CONFINE = Path(__file__).with_name("unbound.py")
    roles.run("worker-media", running())


if __name__ == "__main__":
    main()
