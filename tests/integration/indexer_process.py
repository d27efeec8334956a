"""An indexer as a process of its own, which a fault point may end."""

import sys

import msgspec

from projections.indexing import Indexer, Source
from streams import faults


def main(source: str, fault: str) -> None:
    faults.arm(fault)
    indexer = Indexer(msgspec.json.decode(source, type=Source))
    while True:
        indexer.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
