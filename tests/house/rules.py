"""The house rules: each has a name, a reason, and finds lines in one source file."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.house.tree import Source, dotted, functions

CLOCKS = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?)$"
)
ENVIRONMENT = re.compile(r"^os\.(environb?|getenvb?|putenv|unsetenv)(\.|$)")
IMPURE_MODULES = {"os", "time", "random", "secrets", "socket", "schemas.clock"}
IMPURE_NAMES = re.compile(r"(^|\.)(uuid1|uuid4|utc_now|urandom)$")
APPENDERS = {"append", "append_raw", "append_soon", "add", "add_raw", "produce"}
PRODUCERS = {"streams/log.py", "streams/decider.py", "streams/deciding.py"}
FOLDERS_OF_NOTHING = {"utils", "helpers", "common", "misc", "manager"}


@dataclass(frozen=True)
class Rule:
    """`find` yields line numbers; `bad` is a file it has to catch."""

    name: str
    reason: str
    find: Callable[[Source], Iterator[int]]
    bad: tuple[Source, ...]


def _names(source: Source) -> Iterator[tuple[str, int]]:
    """Every dotted name that is used or imported, with its line."""
    for node in ast.walk(source.module):
        if isinstance(node, ast.Attribute | ast.Name):
            yield dotted(node), node.lineno
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield f"{node.module}.{each.name}", node.lineno


def environment(source: Source) -> Iterator[int]:
    if source.path == "infra/settings.py":
        return
    yield from (line for name, line in _names(source) if ENVIRONMENT.match(name))


def clock(source: Source) -> Iterator[int]:
    if source.path == "schemas/clock.py" or source.under("infra"):
        return
    yield from (line for name, line in _names(source) if CLOCKS.search(name))


def _pure(source: Source) -> bool:
    if source.path == "schemas/clock.py":
        return False
    return source.under("schemas", "streams/domain", "streams/reactions") or bool(
        re.match(r"projections/\w+/project\.py$", source.path)
    )


def _imports(source: Source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(source.module):
        if isinstance(node, ast.Import):
            yield from ((each.name, node.lineno) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


def purity(source: Source) -> Iterator[int]:
    if not _pure(source):
        return
    yield from (line for name, line in _imports(source) if name in IMPURE_MODULES)
    for name, line in _names(source):
        if CLOCKS.search(name) or IMPURE_NAMES.search(name):
            yield line


def event_topics(source: Source) -> Iterator[int]:
    if source.path == "streams/decider.py":
        return
    for node in ast.walk(source.module):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in APPENDERS:
            given = [*node.args, *(each.value for each in node.keywords)]
            if any(_event_topic(each) for each in given):
                yield node.lineno


def _event_topic(argument: ast.expr) -> bool:
    for node in ast.walk(argument):
        if isinstance(node, ast.Attribute) and node.attr == "events":
            return True
        if isinstance(node, ast.Constant) and str(node.value).endswith(".events.v1"):
            return True
        if isinstance(node, ast.Name) and node.id == "EVENT_TOPICS":
            return True
    return False


def producers(source: Source) -> Iterator[int]:
    if source.path in PRODUCERS:
        return
    for node in ast.walk(source.module):
        if isinstance(node, ast.Call) and dotted(node.func).lower().endswith(
            "producer"
        ):
            yield node.lineno


def names(source: Source) -> Iterator[int]:
    parts = source.path.removesuffix(".py").split("/")
    if FOLDERS_OF_NOTHING & set(parts):
        yield 1
    for function in functions(source.module):
        if function.name.lstrip("_").startswith(("process_", "handle_")):
            yield function.lineno
    for node in ast.walk(source.module):
        if isinstance(node, ast.ClassDef) and re.match(r"_?Base[A-Z]", node.name):
            yield node.lineno


def opening(source: Source) -> Iterator[int]:
    if source.path.endswith("__init__.py") and not source.module.body:
        return
    text = ast.get_docstring(source.module)
    if text is None or text.split("\n\n")[0].rstrip()[-1:] not in {".", "?", ":"}:
        yield 1


def agents(source: Source) -> Iterator[int]:
    for function in functions(source.module):
        for each in function.decorator_list:
            if isinstance(each, ast.Attribute) and each.attr == "agent":
                yield each.lineno
    for node in ast.walk(source.module):
        if not isinstance(node, ast.Call) or not dotted(node.func).endswith(".agent"):
            continue
        if "supervisor_strategy" not in {each.arg for each in node.keywords}:
            yield node.lineno


def sleep(source: Source) -> Iterator[int]:
    """A pause inside a loop looks again for an effect; anywhere else it is luck."""
    polling = {
        id(inner)
        for node in ast.walk(source.module)
        if isinstance(node, ast.While | ast.For | ast.AsyncFor)
        for inner in ast.walk(node)
    }
    for node in ast.walk(source.module):
        if not isinstance(node, ast.Call) or id(node) in polling:
            continue
        if dotted(node.func) in {"time.sleep", "asyncio.sleep", "sleep"} and node.args:
            first = node.args[0]
            if not (isinstance(first, ast.Constant) and first.value == 0):
                yield node.lineno


def _bad(path: str, *lines: str) -> Source:
    return Source(path, "\n".join(('"""A planted case."""', *lines, "")))


RULES = (
    Rule(
        "environment",
        "Settings have one home; whoever needs a value is given it.",
        environment,
        (
            _bad("api/app.py", "import os", "print(os.environ['HOME'])"),
            _bad("streams/log.py", "from os import getenv", "getenv('A')"),
        ),
    ),
    Rule(
        "clock",
        "Time is passed in, so a test can say what time it is.",
        clock,
        (
            _bad("api/app.py", "from datetime import datetime", "datetime.now()"),
            _bad("streams/leases.py", "import time", "time.time()"),
            _bad("api/app.py", "import datetime", "datetime.datetime.utcnow()"),
        ),
    ),
    Rule(
        "purity",
        "A decision, a reaction and a row follow from the log alone.",
        purity,
        (
            _bad("streams/domain/copy.py", "import random"),
            _bad("streams/reactions/x.py", "from uuid import uuid4", "uuid4()"),
            _bad("projections/leads/project.py", "from schemas.clock import utc_now"),
            _bad("schemas/ids.py", "from datetime import datetime", "datetime.now()"),
        ),
    ),
    Rule(
        "event-topics",
        "Only a decider writes facts; everybody else sends wishes.",
        event_topics,
        (
            _bad("api/app.py", "log.append(record, CONTENT.events)"),
            _bad("api/app.py", "log.add(record, topic='contentops.x.events.v1')"),
        ),
    ),
    Rule(
        "producers",
        "One producer per process, with the settings of streams/log.py.",
        producers,
        (_bad("api/app.py", "import confluent_kafka", "confluent_kafka.Producer({})"),),
    ),
    Rule(
        "names",
        "A name says what lives there; these say nothing.",
        names,
        (
            _bad("api/utils.py"),
            _bad("api/app.py", "def process_copy(): ..."),
            _bad("api/app.py", "async def _handle_error(): ..."),
            _bad("api/app.py", "class BaseConnector: ..."),
        ),
    ),
    Rule(
        "opening",
        "The first sentence of a file says what it is for.",
        opening,
        (Source("api/app.py", "x = 1\n"), Source("api/app.py", '"""No full stop"""\n')),
    ),
    Rule(
        "agents",
        "Without the crashing supervisor Faust commits past a failed record.",
        agents,
        (
            _bad("streams/agents/x.py", "@app.agent", "async def f(stream): ..."),
            _bad("streams/agents/x.py", "@app.agent(topic)", "async def f(s): ..."),
        ),
    ),
)
TEST_RULES = (
    Rule(
        "sleep",
        "Wait for an effect with a limit, never for luck.",
        sleep,
        (
            _bad("tests/unit/x.py", "import time", "time.sleep(1)"),
            _bad("tests/unit/x.py", "import asyncio", "asyncio.sleep(PAUSE)"),
        ),
    ),
)


def broken(rule: Rule, source: Source) -> list[str]:
    return [
        f"{source.path}:{line} breaks `{rule.name}`: {rule.reason}"
        for line in sorted(set(rule.find(source)))
        if not source.excused(rule.name, line)
    ]
