"""Whether this role is well: its loop turns, and nothing it waits for is away."""

from time import monotonic

STALLED_S = 30.0


class Vitals:
    """One per process; any thread may write, the health page reads."""

    def __init__(self) -> None:
        self._turned: float | None = None
        self._waiting: dict[str, str] = {}

    def turn(self) -> None:
        """The loop came round: what it waited for is there again."""
        self._turned = monotonic()
        self._waiting.clear()

    def wait_for(self, what: str, why: str) -> None:
        self._waiting[what] = why

    def troubles(self) -> dict[str, str]:
        """Empty when the role is ready; else each reason under its name."""
        if self._waiting:
            return dict(self._waiting)
        if self._turned is None:
            return {"loop": "has not turned yet"}
        age = monotonic() - self._turned
        return {"loop": f"stalled for {age:.0f} s"} if age > STALLED_S else {}


VITALS = Vitals()
