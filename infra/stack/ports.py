"""Ports of one installation: below the ephemeral range, chosen once, then kept."""

import contextlib
import json
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.problem import Stop

LOWEST = 10_000
NAMES = ("kafka", "controller", "postgres", "clickhouse", "s3", "api")
# The node, its other port and the page of the role that feeds it.
SEARCH = ("opensearch", "transport", "indexer")
SANDBOXES = ("bilibili", "douyin")
# Roles with a health page of their own; the API's is part of the API.
PAGES = (
    "decider",
    "reactor",
    "inbound",
    "projector",
    "sink",
    "dispatcher",
    "auditor",
    "worker-ai",
    "worker-media",
    "worker-publish",
)
# OpenSearch's runner knows no port beyond these.
NARROW = {"opensearch": range(9201, 9300)}
Free = Callable[[int], bool]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a closed connection that lingers does not make it busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ephemeral_start() -> int:
    """The kernel hands out ports from here on: one of ours there may be taken."""
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    with contextlib.suppress(OSError, ValueError):
        return max(int(path.read_text().split()[0]), LOWEST + 1000)
    return 32_768


def keep(
    path: Path,
    say: Callable[[str], None],
    free: Free = is_free,
    names: Iterable[str] = NAMES + SEARCH + SANDBOXES + PAGES,
) -> dict[str, int]:
    """The kept port of each name; one that somebody else took is chosen again."""
    kept = _read(path)
    chosen: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        if port is not None and not free(port):
            say(f"port {port} of {name} is taken by another program: chose a new one")
            port = None
        span = NARROW.get(name, range(LOWEST, ephemeral_start()))
        chosen[name] = port or _pick(free, {*chosen.values(), *kept.values()}, span)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(chosen))
    draft.replace(path)
    return chosen


def _pick(free: Free, avoid: set[int], span: range) -> int:
    for _ in range(200):
        port = secrets.choice(span)
        if port not in avoid and free(port):
            return port
    raise Stop(f"No free port from {span[0]} to {span[-1]}: end some servers.")


def _read(path: Path) -> dict[str, int]:
    try:
        rows = json.loads(path.read_text())
        return {str(name): int(port) for name, port in rows.items()}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}
