"""The figures to reach, and where each is found in what the benchmarks report."""

from collections.abc import Mapping, Sequence
from operator import ge, le
from typing import Any, TypeAlias

from msgspec import Struct

Report: TypeAlias = dict[str, Any]


class Bar(Struct, frozen=True):
    """`path` leads to the number; `least` says whether more of it is better."""

    what: str
    path: tuple[str, ...]
    bar: float
    least: bool
    unit: str = ""

    def row(self, number: float) -> dict[str, object]:
        reached = (ge if self.least else le)(number, self.bar)
        sign = "≥" if self.least else "≤"
        return {
            "what": self.what,
            "bar": f"{sign} {self.bar:g}{self.unit}",
            "measured": f"{round(number, 4):g}{self.unit}",
            "reached": reached,
        }


LEAST, MOST = True, False
BARS = (
    Bar(
        "live projector to Quix Streams, same topic and table",
        ("projector", "ratio", "live_to_quix"),
        1.5,
        LEAST,
        "×",
    ),
    Bar(
        "its processor time per event to Quix Streams'",
        ("projector", "ratio", "cpu_to_quix"),
        0.5,
        MOST,
        "×",
    ),
    Bar(
        "rebuild to the same loop without writes",
        ("projector", "ratio", "rebuild_to_loop"),
        0.5,
        LEAST,
        "×",
    ),
    Bar("sink rows a second", ("sink", "sink", "rows_per_s"), 50_000, LEAST, "/s"),
    Bar(
        "sink to the same loop without inserts",
        ("sink", "ratio", "sink_to_loop"),
        0.6,
        LEAST,
        "×",
    ),
    Bar(
        "decider commands a second, one partition",
        ("decider", "decide", "per_s"),
        25_000,
        LEAST,
        "/s",
    ),
    Bar(
        "decider: first new decision after a kill",
        ("decider", "take_over", "seconds"),
        3,
        MOST,
        " s",
    ),
    Bar(
        "acknowledged at 1 000/s: p99 above broker and linger",
        ("edge", "open_loop_over_floor_ms"),
        10,
        MOST,
        " ms",
    ),
    Bar(
        "acknowledged, closed loop, to a FastAPI no-op",
        ("edge", "closed_to_noop"),
        0.3,
        LEAST,
        "×",
    ),
    Bar(
        "command to visible row, idle, p50",
        ("edge", "wait_ms", "p50"),
        15,
        MOST,
        " ms",
    ),
    Bar(
        "command to visible row, idle, p99",
        ("edge", "wait_ms", "p99"),
        40,
        MOST,
        " ms",
    ),
    Bar(
        "event to browser, 2 000 streams of 20 tenants, p99",
        ("watch", "twenty_tenants", "row_to_browser_ms", "p99"),
        150,
        MOST,
        " ms",
    ),
    Bar(
        "event to browser, 2 000 streams of one tenant, p99",
        ("watch", "one_tenant", "row_to_browser_ms", "p99"),
        150,
        MOST,
        " ms",
    ),
    Bar(
        "memory per stream",
        ("watch", "one_tenant", "kb_per_stream"),
        50,
        MOST,
        " kB",
    ),
    Bar(
        "job due to lease held at 50 jobs/s, p99",
        ("jobs", "due_to_leased", "p99_ms"),
        300,
        MOST,
        " ms",
    ),
    Bar(
        "100 000 armed timers, 1 000 due in one second, p99",
        ("timers", "quiet", "late_p99_ms"),
        1_000,
        MOST,
        " ms",
    ),
    Bar("timers lost over 50 kills", ("timers", "kills", "lost"), 0, MOST),
    Bar("timers doubled over 50 kills", ("timers", "kills", "doubled"), 0, MOST),
)


def rows(
    reports: Mapping[str, Any], bars: Sequence[Bar] = BARS
) -> list[dict[str, object]]:
    """A row per bar whose benchmark ran; one that failed is not reached."""
    return [
        each.row(number)
        if (number := _at(reports, each.path)) is not None
        else {
            "what": each.what,
            "bar": each.bar,
            "measured": "-",
            "reached": False,
        }
        for each in bars
        if each.path[0] in reports
    ]


def _at(reports: Mapping[str, Report], path: tuple[str, ...]) -> float | None:
    found: Any = reports
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return float(found)
