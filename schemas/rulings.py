"""What a person decided about a parked record; kept on the log beside the record."""

from typing import Literal

from msgspec import Struct


class LogRuled(Struct, frozen=True, tag="io.contentops.log.ruled.v1"):
    """Of one place, for one reader whatever its version: `projects`, not `projects.v2`.

    `drop`: nobody reads it for that reader again, rebuilds pass over it. `replay`: its
    stream was taken up again from here, so a rebuild expects it to be readable.
    """

    reader: str
    topic: str
    partition: int
    offset: int
    ruling: Literal["drop", "replay"]
    who: str
    why: str = ""
