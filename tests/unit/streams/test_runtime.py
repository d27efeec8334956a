"""The Faust module: acknowledgements in order, the profile's settings, one agent."""

import ast
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from mode.supervisors import CrashingSupervisor

from streams import runtime
from streams.runtime import Acker, Slot

ROOT = Path(__file__).parents[3]
PACKAGES = ("api", "infra", "media_agents", "projections", "streams")
HERE = ("topic", 0)


class Acked:
    """A partition's acknowledgements as Faust would get them."""

    def __init__(self, generation: int = 1) -> None:
        self.generation = generation
        self.offsets: list[int] = []
        self.acker = Acker(lambda: self.generation)

    def begin(self, offset: int, generation: int = 1) -> Slot:
        return self.acker.begin(HERE, generation, lambda: self.offsets.append(offset))


@given(st.permutations(range(8)), st.integers(0, 8))
def test_any_order_of_ends_acknowledges_the_unbroken_head_in_order(
    order: list[int], ended: int
) -> None:
    partition = Acked()
    slots = [partition.begin(offset) for offset in range(8)]

    for offset in order[:ended]:
        partition.acker.done(slots[offset])

    done = set(order[:ended])
    head = next((n for n in range(8) if n not in done), 8)
    assert partition.offsets == list(range(head))


def test_one_unfinished_event_at_the_head_holds_everything_back() -> None:
    partition = Acked()
    _unfinished, second = partition.begin(5), partition.begin(6)

    partition.acker.done(second)

    assert partition.offsets == []


def test_partitions_do_not_wait_for_each_other() -> None:
    seen: list[str] = []
    acker = Acker(lambda: 1)
    acker.begin(("topic", 0), 1, lambda: seen.append("slow"))
    quick = acker.begin(("topic", 1), 1, lambda: seen.append("quick"))

    acker.done(quick)

    assert seen == ["quick"]


def test_what_an_old_generation_left_is_neither_acknowledged_nor_in_the_way() -> None:
    partition = Acked()
    old, unfinished = partition.begin(1), partition.begin(2)
    partition.generation = 2
    new = partition.begin(2, generation=2)

    partition.acker.done(old)
    partition.acker.done(new)
    partition.acker.done(unfinished)

    assert partition.offsets == [2]


def test_a_message_fetched_under_an_old_generation_is_not_acknowledged() -> None:
    partition = Acked(generation=2)

    partition.acker.done(partition.begin(7, generation=1))

    assert partition.offsets == []


def settings(tmp_path: Path) -> faust.Settings:
    made = runtime.app("ai", "one:9092,two:9092", 3, tmp_path)
    made.finalize()
    return made.conf


def test_the_profile_is_kept_to_the_letter(tmp_path: Path) -> None:
    conf = settings(tmp_path)

    assert [str(each) for each in conf.broker] == [
        "kafka://one:9092",
        "kafka://two:9092",
    ]
    assert conf.consumer_group_instance_id == "ai-3"
    assert conf.processing_guarantee.value == "at_least_once"
    assert conf.broker_max_poll_interval == 1e6
    assert conf.stream_wait_empty is False
    assert conf.agent_supervisor is CrashingSupervisor
    assert (conf.broker_max_poll_records, conf.stream_buffer_maxsize) == (100, 1024)
    assert (conf.broker_session_timeout, conf.broker_heartbeat_interval) == (20, 3)
    assert conf.broker_request_timeout > conf.broker_rebalance_timeout == 60
    assert (conf.producer_request_timeout, conf.producer_linger) == (45, 0)
    assert (conf.broker_commit_interval, conf.producer_acks) == (1.0, -1)
    assert conf.stream_processing_timeout == 3600
    assert conf.broker_commit_livelock_soft_timeout == 3600
    assert conf.topic_allow_declare is False
    assert conf.topic_disable_leader is True
    assert conf.table_standby_replicas == 0
    assert str(conf.store) == "memory:"
    assert conf.value_serializer == conf.key_serializer == "raw"
    assert conf.web_enabled is False
    assert conf.cython_optimizations is False
    assert conf.producer_threaded is False


def test_each_role_is_a_group_of_its_own_and_each_process_a_member(
    tmp_path: Path,
) -> None:
    one = runtime.app("media", "k:1", 0, tmp_path).conf
    two = runtime.app("publish", "k:1", 1, tmp_path).conf

    assert one.id != two.id
    assert two.consumer_group_instance_id == "publish-1"


def test_faust_still_commits_past_one_unfinished_event(tmp_path: Path) -> None:
    """Why acknowledgements are in order: when this fails, read the profile again."""
    app = runtime.app("ai", "k:1", 0, tmp_path)
    app.finalize()
    place = TP("topic", 0)
    consumer = app.consumer
    consumer._committed_offset[place] = 5
    consumer._acked[place] = [6, 7, 8]
    consumer._acked_index[place] = {6, 7, 8}

    assert consumer._new_offset(place) == 9


def agents(source: str) -> Iterator[int]:
    """Lines where somebody makes an agent, a table, a timer or a task of Faust."""
    names = {"agent", "Table", "GlobalTable", "timer", "crontab", "task", "page"}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(call, ast.Attribute) and call.attr in names:
                owner = call.value
                if not (isinstance(owner, ast.Name) and owner.id == "Service"):
                    yield node.lineno


def imports_faust(source: str) -> bool:
    """Also through `import faust.x` and `from faust import y`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(name.partition(".")[0] in {"faust", "mode"} for name in names):
            return True
    return False


def test_there_is_one_agent_and_one_module_that_knows_faust() -> None:
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    knowing = [path for path in files if imports_faust(path.read_text())]
    making = [path for path in files for _ in agents(path.read_text())]

    assert [path.relative_to(ROOT).as_posix() for path in knowing] == [
        "streams/runtime.py"
    ]
    assert making == knowing


@pytest.mark.parametrize(
    "bare",
    [
        "@app.agent(topic)\nasync def work(stream):\n    pass\n",
        "@app.agent\nasync def work(stream):\n    pass\n",
        "@app.timer(1.0)\nasync def tick():\n    pass\n",
    ],
)
def test_a_bare_agent_elsewhere_would_be_seen(bare: str) -> None:
    assert list(agents(bare))


def test_another_module_that_imports_faust_would_be_seen() -> None:
    assert imports_faust("from faust.types import AgentT\n")
    assert not imports_faust("from faustus import devil\n")
