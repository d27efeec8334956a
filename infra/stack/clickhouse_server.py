"""A process of its own that is a ClickHouse server, out of a wheel.

The module runs clickhouse-local, and `SYSTEM START LISTEN HTTP` opens ClickHouse's own
HTTP server in it. A statement that never ends keeps it open; killing that ends it in
order. Run as `python -m infra.stack.clickhouse_server CONFIG_DIR DATA_DIR PORT`; the
password of the user who may kill is in the file `launcher` of the first folder.
"""

import contextlib
import ctypes
import importlib.machinery
import importlib.util
import os
import signal
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

PINNED = "26.9.0"
RTLD_DEEPBIND = 0x8
DRAIN_S = 3
RUNNING = "SELECT count() FROM system.processes"
OWN_QUERIES = 2  # the one that keeps listening, and the count itself
# The rows are never read: one sleeping thread, no limit of time, no log entry.
LISTEN = (
    "SYSTEM START LISTEN HTTP; "
    "SELECT sleepEachRow(3) FROM numbers(4000000000) FORMAT Null "
    "SETTINGS max_block_size=1, max_threads=1, log_queries=0, max_execution_time=0, "
    "function_sleep_max_microseconds_per_block=0"
)


@dataclass(kw_only=True)
class Ending:
    """Set by the engine's thread or a signal, whichever comes first."""

    asked: threading.Event = field(default_factory=threading.Event)
    error: str | None = None


def load_engine() -> ModuleType:
    """The native module alone: importing the package would start a second engine."""
    library = Path(sysconfig.get_paths()["platlib"]) / "chdb" / "_chdb.abi3.so"
    if not library.exists():
        sys.exit(f"chdb-core {PINNED} is not installed: run `make setup`")
    os.chdir(library.parent)  # it looks for its stub library beside itself
    with contextlib.suppress(OSError):
        ctypes.CDLL(str(library), mode=sys.getdlopenflags() | RTLD_DEEPBIND)
    loader = importlib.machinery.ExtensionFileLoader("_chdb", str(library))
    spec = importlib.util.spec_from_loader("_chdb", loader)
    if spec is None:
        sys.exit(f"the native module of chdb-core is not the one of {PINNED}")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def listen(engine: ModuleType, data: str, ending: Ending) -> None:
    try:
        answer = engine.query(LISTEN, "TSV", path=data)
        if answer.has_error():
            ending.error = str(answer.error_message())
    except RuntimeError as error:
        ending.error = str(error)
    ending.asked.set()


def ask(port: str, password: str, statement: str) -> str:
    headers = {"X-ClickHouse-User": "launcher", "X-ClickHouse-Key": password}
    url = f"http://127.0.0.1:{port}/"
    request = urllib.request.Request(url, statement.encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return str(answer.read().decode())


def drain(port: str, password: str) -> None:
    """Let queries end, then kill the rest; without this it waits and exits 1."""
    end = time.monotonic() + DRAIN_S
    try:
        while int(ask(port, password, RUNNING)) > OWN_QUERIES:
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        ask(port, password, "KILL QUERY WHERE 1 ASYNC")
    except (urllib.error.URLError, OSError, ValueError) as error:
        sys.stderr.write(f"could not drain: {error}\n")


def main(config: str, data: str, port: str) -> None:
    engine = load_engine()
    engine.set_signal_handlers_enabled(0)
    os.chdir(config)
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.asked.set())
    thread = threading.Thread(target=listen, args=(engine, data, ending), daemon=True)
    thread.start()
    ending.asked.wait()
    if thread.is_alive():
        drain(port, Path("launcher").read_text())
        thread.join(15)
    failed = ending.error is not None and "QUERY_WAS_CANCELLED" not in ending.error
    if failed:
        sys.stderr.write(f"{ending.error}\n")
    sys.stderr.flush()
    os._exit(1 if failed or thread.is_alive() else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
