"""Keeping a loop alive: whatever it depends on may be away, and comes back."""

import gc
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

import psycopg
import structlog
from confluent_kafka import KafkaException

from streams.log import NotAcknowledged
from streams.parking import TooManyParked
from streams.reading import LogChanged
from streams.topic_ids import TopicsMissing
from streams.vitals import VITALS, Vitals

PAUSE_S = 1.0

_log = structlog.get_logger("projections")

# The remedy is known, the loop starts afresh when it was applied.
GONE = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
AWAY = (psycopg.OperationalError, KafkaException, NotAcknowledged)
TOLD = (LogChanged, TooManyParked, TopicsMissing)


class NeedsPerson(Exception):
    """Nothing goes on until a person does what the sentence says."""


class Worker(Protocol):
    def step(self) -> None:
        """Wait a moment for something to do and do it."""

    def close(self) -> None: ...


def serve(
    make: Callable[[], Worker], stop: threading.Event, vitals: Vitals = VITALS
) -> None:
    """Step until told to stop; a worker that fails for a known reason is replaced.

    Each step, and what is waited for, goes into `vitals`.
    """
    told = ""
    while not stop.is_set():
        try:
            with closing(make()) as worker:
                while not stop.is_set():
                    worker.step()
                    vitals.turn()
                    told = ""
        except (*GONE, *AWAY, *TOLD, NeedsPerson) as wrong:
            reason = type(wrong).__name__
            if reason != told:
                _log.warning(_sentence(wrong), action="wait", reason=reason)
            told = reason
            # What it leaves in cycles holds connections and threads of clients.
            gc.collect()
            vitals.wait_for(reason, _sentence(wrong))
            stop.wait(PAUSE_S)


def _sentence(wrong: Exception) -> str:
    if isinstance(wrong, GONE):
        return (
            f"A table is missing ({_first_line(wrong)}): run `contentops migrate`, "
            "or `contentops projection rebuild --all`."
        )
    if isinstance(wrong, AWAY):
        return f"Waiting for a server: {_first_line(wrong)}"
    return str(wrong)


def _first_line(wrong: Exception) -> str:
    return str(wrong).partition("\n")[0]
