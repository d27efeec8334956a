"""Garbage collection of processes that decode many records."""

import gc


def collect_rarely() -> None:
    """They make no cycles to speak of, and looking for some is dear.

    Measured: a quarter of the processor time of a projector's batch, a sixth of a
    decision. The headers of a batch alone are 250 000 objects, and gone with it.
    """
    gc.set_threshold(300_000, 20, 100)
