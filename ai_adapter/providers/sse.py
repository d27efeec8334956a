"""Server-sent events out of bytes, wherever these are cut; pure.

Comments and blank lines are how a provider says that it is still at work.
"""

_DATA = b"data:"
MOST_BYTES = 16 << 20
"""A single event larger than this is an attack or a mistake."""


class TooLong(ValueError):
    """An event does not end."""


class Events:
    """Feed it blocks of bytes; it gives the data of each event that is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """Raises TooLong for a line without an end."""
        lines = (self._rest + block).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MOST_BYTES:
            raise TooLong(f"an event has more than {MOST_BYTES} bytes")
        found: list[bytes] = []
        for line in lines:
            self._read(line.rstrip(b"\r"), found)
        return found

    def rest(self) -> list[bytes]:
        """What is complete but for the line end that a server left out."""
        found: list[bytes] = []
        self._read(self._rest.rstrip(b"\r"), found)
        self._read(b"", found)
        self._rest = b""
        return found

    def _read(self, line: bytes, found: list[bytes]) -> None:
        if line.startswith(_DATA):
            self._data.append(line[len(_DATA) :].removeprefix(b" "))
        elif not line and self._data:
            found.append(b"\n".join(self._data))
            self._data.clear()
