"""Which fault brings about which row of the failure matrix.

The matrix is section H of the design notes on event sourcing. A row names fault points
(a process dies there), zombies (it is frozen there, replaced and woken), troubles of
`troubles.py`, or tests elsewhere that bring exactly this about; or it says why it
cannot be brought about here.
"""

from msgspec import Struct


class Row(Struct, frozen=True):
    """`why`: for a row that is superseded, or that one broker cannot show."""

    what: str
    points: tuple[str, ...] = ()
    zombies: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    why: str = ""

    @property
    def covered(self) -> bool:
        return bool(self.points or self.zombies or self.troubles or self.tests)


NO_TABLE = "there is no idempotency table: ids follow from the client's key"

MATRIX: dict[str, Row] = {
    "API1": Row("after the check, before the append", points=("api.before_append",)),
    "API2": Row(
        "appended, the answer is lost",
        points=("api.appended", "api.webhook_appended"),
    ),
    "API3": Row("acknowledged, nothing noted", points=("api.appended",), why=NO_TABLE),
    "API4": Row(
        "the append times out, the broker writes it later",
        troubles=("cut kafka silent", "restart kafka"),
    ),
    "API5": Row("the idempotency table is lost", why=NO_TABLE),
    "D1": Row("read, nothing produced", points=("decider.before_append",)),
    "D2": Row("produced, not acknowledged", points=("decider.sent",)),
    "D3": Row("acknowledged, offset not committed", points=("decider.confirmed",)),
    "D4": Row(
        "the answer was not sent",
        why="there is no answer topic: who waits looks at the operations row",
        points=("projector.committed",),
    ),
    "D5": Row(
        "a fenced owner writes",
        zombies=("decider.before_append", "decider.sent"),
        troubles=("haunt", "pause all"),
    ),
    "D6": Row(
        "two claims race",
        points=("decider.claiming", "decider.claimed"),
        troubles=("pause all",),
    ),
    "D6b": Row(
        "one record of a pipeline is lost, later ones are written",
        tests=("tests/unit/streams/test_decider_model.py",),
        why="librdkafka's idempotent producer never leaves a gap; the model does",
    ),
    "D7": Row("snapshots are lost or spoilt", points=("decider.snapshot",)),
    "D8": Row(
        "the producer fails for good",
        troubles=("restart kafka", "cut kafka cut", "full kafka"),
    ),
    "P1": Row("rows written, position not", points=("projector.written",)),
    "P2": Row(
        "the outcome of COMMIT is unknown",
        points=("projector.moved",),
        troubles=("restart postgres", "cut postgres cut"),
    ),
    "P3": Row(
        "a rebalance in the middle of a batch",
        zombies=("projector.written", "projector.moved"),
        troubles=("pause all",),
    ),
    "P4": Row(
        "the coordinator is away, fetching goes on",
        troubles=("cut kafka silent", "pause all"),
    ),
    "P5": Row("a poison record", points=("projector.parking",)),
    "P6": Row(
        "an offset outside the log",
        tests=("tests/integration/test_restored.py",),
    ),
    "P7": Row(
        "Postgres comes out of an older backup",
        tests=("tests/integration/test_restored.py",),
    ),
    "C1": Row("planned, not inserted", points=("sink.planning", "sink.planned")),
    "C2": Row("inserted, not confirmed", points=("sink.inserted", "sink.mending")),
    "C3": Row("half inserted", points=("sink.between_tables", "sink.deleted")),
    "C4": Row("a zombie inserts late", zombies=("sink.planning", "sink.planned")),
    "C5": Row(
        "other code between plan and retry",
        tests=("tests/integration/test_sink_crashes.py",),
    ),
    "C6": Row(
        "ClickHouse comes out of a backup",
        tests=("tests/integration/test_sink_reconcile.py",),
    ),
    "O1": Row(
        "bulk applied, offset not stored",
        tests=("tests/integration/test_indexer.py",),
    ),
    "J1": Row("the worker dies with a lease", points=("worker.leased",)),
    "J2": Row(
        "the answer is on the log, the bell is not acknowledged",
        points=("worker.answered", "worker.worked"),
    ),
    "J3": Row(
        "a slow worker comes back",
        points=("worker.started",),
        zombies=("worker.started", "worker.worked"),
    ),
    "J4": Row(
        "the platform was called, nothing was recorded",
        points=("publish.intended", "publish.called", "publish.recorded"),
        zombies=("publish.intended", "publish.called"),
    ),
    "T1": Row(
        "fired, the mark is lost",
        points=("dispatcher.marked", "dispatcher.appended", "dispatcher.rung"),
        zombies=("dispatcher.marked",),
    ),
    "T2": Row("the dispatcher is down", points=("dispatcher.marked",)),
    "W1": Row(
        "a webhook out is answered, the answer is lost",
        why="outbound webhooks are a later issue; their points come with them",
    ),
    "W2": Row(
        "a webhook in is genuine, then we die",
        points=(
            "api.webhook_verified",
            "api.webhook_appended",
            "inbound.before_append",
            "inbound.appended",
        ),
    ),
    "K1": Row(
        "a broker of three loses what it had not flushed",
        why="needs three brokers; here one broker is killed, which loses no page",
    ),
    "K2": Row(
        "the only broker loses its tail",
        tests=("tests/integration/test_restored.py",),
        troubles=("restart kafka",),
    ),
    "K3": Row("unclean election", why="switched off, and needs a second broker"),
    "E1": Row(
        "a key goes while it is used",
        why="erasing a person is a later issue; the keyring's own tests cover it",
    ),
    "R1": Row(
        "a reaction is half sent",
        points=("reactor.before_append", "reactor.appended"),
        zombies=("reactor.before_append", "reactor.appended"),
    ),
    "B1": Row(
        "a new version is half built or half switched",
        points=("rebuild.filling", "rebuild.switching", "rebuild.switched"),
    ),
    "A1": Row(
        "the auditor dies before or after its checkpoint",
        points=("auditor.hashed", "auditor.appended"),
    ),
    "S1": Row(
        "a server is away or full",
        troubles=(
            "away clickhouse",
            "minutes without clickhouse",
            "cut clickhouse silent",
            "cut s3 cut",
            "full postgres",
            "full clickhouse",
        ),
    ),
}
"""The rows R1 to S1 are ours: the notes had none for reactions, builds and servers."""
