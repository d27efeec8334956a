"""A decider as a process of its own: `python decider_process.py ORDINAL BUILD FOLDER`.

BUILD `new` shouts: it makes a project's name upper case, as another release of the
rules might. Process 0 waits at a project called `wait` until a file `go` is there, and
says by a file `waiting` that it does, so a test can freeze it in the middle of a batch.
"""

import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

sys.path.insert(0, str(Path(__file__).parents[2]))

from msgspec import Struct

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from streams.deciding import Decider
from streams.domain import project
from streams.domain.registry import RULES, Rules

ORDINAL, BUILD, FOLDER = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
SESSION_S = 6.0
FIRST = 0


def decide(command: Struct, state: Struct) -> Struct | None:
    assert isinstance(command, CreateProject)
    assert isinstance(state, project.Project)
    if command.name == "wait" and ORDINAL == FIRST:
        (FOLDER / "waiting").touch()
        while not (FOLDER / "go").exists():
            time.sleep(0.01)
    name = command.name.upper() if BUILD == "new" else command.name
    return project.decide(CreateProject(name), state)


def main() -> None:
    settings = Settings()
    rules = SimpleNamespace(
        initial=project.initial, decide=decide, evolve=project.evolve
    )
    RULES["project"] = cast(Rules, rules)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Decider(
        settings.need("kafka"),
        utc_now,
        ordinal=ORDINAL,
        postgres=settings.dsn("worker"),
        session_s=SESSION_S,
    ).run(stop)


if __name__ == "__main__":
    main()
