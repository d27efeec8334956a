"""Fault points: where a test may end this process as a crash would.

`CONTENTOPS_FAULT=<point>:<nth>` arms one point; the process then ends without a word
the nth time it gets there. In production nothing is armed and a point costs one look.
"""

import os
import threading

EXIT = 137

POINTS: dict[str, str] = {
    "api.before_append": "a command is checked, nothing is on the log",
    "api.appended": "the broker has the command, the caller was not told",
    "api.webhook_verified": "a webhook is genuine, nothing is on the log",
    "api.webhook_appended": "the webhook is on the log, the platform was not told",
    "decider.claiming": "folded to the end, the claim is not written",
    "decider.claimed": "the claim counts, no command was served yet",
    "decider.before_append": "a command is decided, nothing was sent",
    "decider.sent": "the decision is with the producer, nobody confirmed it",
    "decider.confirmed": "the broker has the decision, offsets are not committed",
    "decider.snapshot": "a snapshot is written, its transaction is open",
    "projector.moved": "the position has moved, no row is written",
    "projector.written": "rows are written too, the transaction is open",
    "projector.committed": "rows and position are there, nothing else is done",
    "projector.parking": "a poison record is on parked.v1, its row is not written",
    "rebuild.filling": "a new version is half built",
    "rebuild.switching": "views point to the new version, the transaction is open",
    "rebuild.switched": "the new version is live, its builder has not heard",
    "sink.planning": "rows are made, the plan is not written down",
    "sink.planned": "the plan is written down, nothing is in ClickHouse",
    "sink.between_tables": "one of the plan's tables has its rows, the next has not",
    "sink.inserted": "all rows are in, the plan is still open",
    "sink.mending": "an open plan was found, nothing is mended",
    "sink.deleted": "a spoilt range is deleted, not inserted again",
    "reactor.before_append": "commands are made, none is sent",
    "reactor.appended": "commands are acknowledged, the position has not moved",
    "inbound.before_append": "a webhook is understood, no command is sent",
    "inbound.appended": "its commands are acknowledged, the position has not moved",
    "dispatcher.marked": "a due row is marked, nothing was appended",
    "dispatcher.appended": "the due command is acknowledged",
    "dispatcher.rung": "a bell is on its way",
    "worker.leased": "a lease is taken, the log knows of no attempt",
    "worker.started": "the attempt is decided, no work is done",
    "worker.worked": "the work is done, no answer was sent",
    "worker.answered": "the answer is decided, the lease is still held",
    "publish.intended": "the intent is decided, the platform was not called",
    "publish.called": "the platform has answered, nothing is recorded",
    "publish.recorded": "the outcome is decided, the job is not answered",
    "auditor.hashed": "a stretch is hashed, no checkpoint is written",
    "auditor.appended": "the checkpoint is on the log, the position has not moved",
}


# Of roles that the installation of the fault runs has not; tests of theirs arm them.
ELSEWHERE: dict[str, str] = {
    "indexer.indexed": "the index has the documents, the position has not moved",
}


class _Armed:
    point = ""
    left = 0
    lock = threading.Lock()


def arm(setting: str | None) -> None:
    """`<point>:<nth>`, nth from 1; raises ValueError that says what is wrong."""
    point, _, nth = (setting or "").partition(":")
    if point and point not in POINTS and point not in ELSEWHERE:
        raise ValueError(f"there is no fault point {point!r}")
    if point and (not nth.isdecimal() or not int(nth)):
        raise ValueError(f"{setting!r}: say which time, as in {point}:1")
    _Armed.point, _Armed.left = point, int(nth or 0)


def reach(point: str) -> None:
    """Ends the process here if this is the armed point's nth time."""
    if _Armed.point != point:
        return
    with _Armed.lock:
        _Armed.left -= 1
        if _Armed.left == 0:
            os._exit(EXIT)
