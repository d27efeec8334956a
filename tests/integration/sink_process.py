"""A sink of one build as a process of its own, which a fault point may end."""

import sys

import msgspec
from msgspec import structs

from projections.registry import ANALYTICS
from projections.sink import Sink, Source
from streams import faults


def main(source: str, label: str, fault: str) -> None:
    faults.arm(fault)
    projection = structs.replace(ANALYTICS, label=label)
    sink = Sink(msgspec.json.decode(source, type=Source), projection)
    while True:
        sink.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
