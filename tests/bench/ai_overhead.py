"""What a call costs the processor: the bare SDK, the adapter and LiteLLM, in turns."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TypeAlias

from infra.settings import default_cache
from tests.bench import peers

ROOT = Path(__file__).parents[2]
Figures: TypeAlias = dict[str, object]
WORDS = "The night ride begins at eight, at the north gate of the park. " * 8
CHUNKS = 200
OURS = ("bare", "adapter", "bare_stream", "adapter_stream")
THEIRS = ("litellm_bare", "litellm", "router", "litellm_stream")


@contextmanager
def provider(*wishes: str) -> Iterator[str]:
    """The base URL of a model server of the bench's own."""
    line = [sys.executable, "-m", "tests.bench.ai_provider", *wishes]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        finally:
            server.terminate()


class Client:
    """One process of `tests.bench.ai_turns`."""

    def __init__(self, python: Path, module: str, url: str) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", f"tests.bench.{module}", url, WORDS],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def turn(self, name: str, times: int) -> float:
        """Processor milliseconds of one call."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{name} {times}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def measure(rounds: int, calls: int) -> Figures:
    """Medians over interleaved rounds; overheads are differences within a round."""
    python = peers.environment(default_cache(), "litellm", peers.LITELLM)
    with ExitStack() as stack:
        url = stack.enter_context(provider("--chunks", str(CHUNKS)))
        ours = Client(Path(sys.executable), "ai_clients", url)
        stack.callback(ours.close)
        theirs = Client(python, "ai_litellm", url)
        stack.callback(theirs.close)
        clients = dict.fromkeys(OURS, ours) | dict.fromkeys(THEIRS, theirs)
        return _figures([_round(clients, n, calls) for n in range(-1, rounds)][1:])


def _round(clients: dict[str, Client], number: int, calls: int) -> dict[str, float]:
    """Every other round goes backwards, so that nobody is always the first."""
    names = list(clients)[:: 1 if number % 2 else -1]
    fewer = max(5, calls // 10)
    return {
        name: clients[name].turn(name, fewer if "stream" in name else calls)
        for name in names
    }


def _figures(found: list[dict[str, float]]) -> Figures:
    """`over`: milliseconds more than the SDK of the same environment."""
    adapter = _over(found, "adapter", "bare")
    litellm = _over(found, "litellm", "litellm_bare")
    router = _over(found, "router", "litellm_bare")
    return {
        "cpu_ms": {name: round(median(e[name] for e in found), 3) for name in found[0]},
        "over_ms": {"adapter": adapter, "litellm": litellm, "router": router},
        "over_to_litellm": round(adapter / litellm, 3),
        "over_to_router": round(adapter / router, 3),
        "whole_to_litellm": _ratio(found, "adapter", "litellm"),
        "whole_to_router": _ratio(found, "adapter", "router"),
        "chunk_us": _chunk_us(found, "adapter_stream"),
        "litellm_chunk_us": _chunk_us(found, "litellm_stream"),
    }


def _over(found: list[dict[str, float]], name: str, floor: str) -> float:
    return round(median(each[name] - each[floor] for each in found), 3)


def _chunk_us(found: list[dict[str, float]], name: str) -> float:
    return round(1000 * _over(found, name, "bare_stream") / CHUNKS, 2)


def _ratio(found: list[dict[str, float]], name: str, peer: str) -> float:
    return round(median(each[name] / each[peer] for each in found), 3)
