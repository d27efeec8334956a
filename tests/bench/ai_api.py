"""Answers that cost nothing, over the API: one caller, and 2 000 open connections.

`python -m tests.bench.ai_api` starts servers, decider, projector and one API process;
no provider is set up, so a template answers. Every answer has to be on the log.
"""

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import keys
from infra.settings import Settings
from schemas.observations import AnswersGiven
from schemas.topics import TRACKING
from streams.judging import envelope_of, record_of
from tests.bench.callers import Plan
from tests.bench.edge import Figures, _run, answers
from tests.fixtures.fix_edge import free_port
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import Tail, site, until

CONNECTIONS, RATE, SECONDS = 2_000, 500, 10.0
ALONE_S = 5.0
BODIES = tuple(
    json.dumps({"task": "title", "input": f"The night ride number {n} begins at 8."})
    for n in range(50)
)


def main() -> int:
    with serving() as settings:
        sys.stdout.write(json.dumps(measure(settings), indent=2) + "\n")
    return 0


@contextmanager
def serving(**more: object) -> Iterator[Settings]:
    """Settings of a whole installation whose API answers, with nobody else in it."""
    with (
        tempfile.TemporaryDirectory(prefix="contentops-ai-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        open_to_all = {"api_port": free_port(), "api_rate_max": 1_000_000}
        given = settings.replace({**open_to_all, **more})
        with site(given, "decider", "projector", "api"):
            until(lambda: answers(f"{given.api_url}/readyz"), 120)
            yield given


def measure(settings: Settings) -> Figures:
    """Milliseconds; `crowd` has the moment a request was due as its beginning."""
    key = keys.create(settings, "bench", "admin")
    asked = {"Authorization": f"Bearer {key}"}
    url = f"{settings.api_url}/api/v1/ai/generate"
    tail = Tail(settings.need("kafka"), TRACKING.name)
    warm = _run(Plan(url, BODIES, asked, 50, 2.0, 4))
    alone = _run(Plan(url, BODIES, asked, 0, ALONE_S, 1))
    crowd = _run(Plan(url, BODIES, asked, RATE, SECONDS, CONNECTIONS, greet=True))
    given = CONNECTIONS + sum(_answered(each) for each in (warm, alone, crowd))
    with contextlib.suppress(TimeoutError):
        until(lambda: _told(tail) >= given, 20)
    lost = given - _told(tail)
    tail.close()
    refused = int(RATE * SECONDS) - _answered(crowd)
    return {"alone": alone, "crowd": crowd, "refused": refused, "lost": lost}


def _answered(figures: Figures) -> int:
    statuses = figures["statuses"]
    assert isinstance(statuses, dict)
    return int(statuses.get("200", 0))


def _told(tail: Tail) -> int:
    """Answers on the log so far."""
    found = (record_of(each, envelope_of(each)).data for each in tail.read())
    return sum(len(each.answers) for each in found if isinstance(each, AnswersGiven))


if __name__ == "__main__":
    sys.exit(main())
