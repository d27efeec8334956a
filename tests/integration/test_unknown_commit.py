"""The connection is lost in COMMIT: done or not done, the rows count once."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fixtures.fix_read_side import Rows, projector_source, running
from fixtures.fix_records import Writer, eventually
from infra.settings import Settings
from projections import runner
from projections.runner import Source
from schemas.events.content import ProjectCreated

NEWS = b'[["contentops.'
VERSION = """
SELECT version FROM coordination.projections WHERE name = 'projects' AND state = 'live'
"""
POSITION = """
SELECT p.next_offset FROM coordination.live_positions p
WHERE p.projection = 'projects' AND p.topic = %s AND p.partition = %s
"""


class Wire:
    """Between a client and Postgres; once armed it breaks at the next batch's COMMIT.

    `after`: the server has it and its answer is lost; else it never gets there.
    """

    def __init__(self, host: str, port: int, *, after: bool) -> None:
        self._server = (host, port)
        self._after = after
        self._announced = False
        self.armed = threading.Event()
        self.broken = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(self._server)
                for pair in ((client, server), (server, client)):
                    asking = pair[0] is client
                    threading.Thread(
                        target=self._pass, args=(*pair, asking), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, to: socket.socket, asking: bool) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                if asking and self._is_commit(part):
                    self._break(source, to, part)
                    return
                to.sendall(part)
        for each in (source, to):
            each.close()

    def _is_commit(self, part: bytes) -> bool:
        """The first COMMIT after positions were announced in the same connection."""
        if not self.armed.is_set() or self.broken.is_set():
            return False
        self._announced |= NEWS in part
        return self._announced and b"COMMIT" in part

    def _break(self, client: socket.socket, server: socket.socket, part: bytes) -> None:
        self.broken.set()
        client.shutdown(socket.SHUT_RDWR)
        client.close()
        if self._after:
            server.sendall(part)
            server.shutdown(socket.SHUT_WR)
        else:
            server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def stack(written_stack: Settings) -> Settings:
    return written_stack


@contextmanager
def broken_at_commit(stack: Settings, *, after: bool) -> Iterator[tuple[Wire, Source]]:
    place = conninfo_to_dict(stack.dsn("projector"))
    host, port = str(place["host"]), int(str(place["port"]))
    wire = Wire(host, port, after=after)
    through = make_conninfo(
        stack.dsn("projector"), host="127.0.0.1", port=wire.port, sslmode="disable"
    )
    try:
        source = projector_source(stack)
        yield wire, Source(source.kafka, through, source.group)
    finally:
        wire.close()


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "commit lost"])
def test_a_commit_whose_answer_is_lost_counts_once(
    stack: Settings, rows: Rows, after: bool
) -> None:
    log = Writer(stack.need("kafka"), stack.partitions)
    tenant = f"t{uuid4().hex}"
    ((number,),) = rows(VERSION)
    # Another transaction's mark would tell that a row was written twice.
    shown = (
        f"SELECT id, xmin::text FROM rm_projects_v{number}.projects WHERE tenant = %s"
    )

    def made(name: str) -> tuple[str, int, int]:
        (sent,) = log.append([log.record(ProjectCreated("x"), "project", name, tenant)])
        return sent.topic, sent.partition, sent.offset

    with (
        broken_at_commit(stack, after=after) as (wire, source),
        running(lambda stop: runner.run(source, stop)),
    ):
        made("a")
        eventually(lambda: len(rows(shown, (tenant,))) == 1)
        wire.armed.set()
        topic, partition, offset = made("b")
        eventually(wire.broken.is_set)
        eventually(lambda: len(rows(shown, (tenant,))) == 2)
        once = rows(shown, (tenant,))
        made("c")
        eventually(lambda: len(rows(shown, (tenant,))) == 3)
    there = rows(POSITION, (topic, partition))

    assert int(str(there[0][0])) > offset
    assert set(once) < set(rows(shown, (tenant,)))
