"""Ways to start a process of ours with something wrong: `python -m tests.faults.entry`.

`armed` runs a command with its fault point armed, `plain` a role as it is. `freeze`
runs a role that stops where it would have died, so that it can be woken as a zombie in
the middle of its work. Each other way is a *planted bug*: a promise of one family taken
out, which the harness has to notice.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace

from infra import cli, roles
from infra.terminal import running
from schemas.envelope import Envelope
from streams import acceptance, faults, leases, positions
from streams.acceptance import Fence

READERS = ("streams.decider", "streams.judging")


class NothingToPlant(Exception):
    """The code this bug takes out has changed: plant it anew, or it proves nothing."""


def main(way: str, *words: str) -> None:
    WAYS[way]()
    if way == "armed":
        roles.arm(running().fault)
        sys.argv = ["contentops", *words]
        cli.app()
    else:
        roles.run(words[0], running())


def _armed() -> None:
    """Nothing to prepare."""


def _freeze() -> None:
    stop = SimpleNamespace(_exit=lambda _: os.kill(os.getpid(), signal.SIGSTOP))
    setattr(faults, "os", stop)  # noqa: B010  the one call it makes


def _ack_trusted() -> None:
    """Whatever the broker has taken counts, whoever wrote it."""
    rule = acceptance.accept

    def believe(fence: Fence, envelope: Envelope) -> Fence | None:
        return rule(fence, envelope) or fence

    found = 0
    for name in READERS:
        module = import_module(name)
        if getattr(module, "accept", None) is rule:
            setattr(module, "accept", believe)  # noqa: B010
            found += 1
    if not found:
        raise NothingToPlant("no reader applies the acceptance rule by this name")


def _cas_left_out() -> None:
    """A position is moved by whoever comes, from wherever it stands; freezes too."""
    _freeze()
    guard = "AND next_offset = %(start)s AND reader_owner = %(owner)s"
    positions.ADVANCE = _without(positions.ADVANCE, guard, "")


def _plan_row_skipped() -> None:
    """Rows go to ClickHouse without a word in Postgres before."""
    plans = import_module("projections.plans")
    if not hasattr(plans, "write_down") or not hasattr(plans, "confirm"):
        raise NothingToPlant("plans are written down by another name")
    for name in ("write_down", "confirm"):
        setattr(plans, name, lambda *_: None)


def _lease_ignored() -> None:
    """Somebody else's lease keeps nobody from the job."""
    free = "l.until <= clock_timestamp()"
    leases.TAKE = _without(leases.TAKE, free, "true")


def _without(text: str, part: str, instead: str) -> str:
    plain, wanted = " ".join(text.split()), " ".join(part.split())
    if wanted not in plain:
        raise NothingToPlant(f"nowhere is written: {wanted}")
    return plain.replace(wanted, instead)


WAYS: dict[str, Callable[[], None]] = {
    "armed": _armed,
    "plain": _armed,
    "freeze": _freeze,
    "ack_trusted": _ack_trusted,
    "cas_left_out": _cas_left_out,
    "plan_row_skipped": _plan_row_skipped,
    "lease_ignored": _lease_ignored,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
