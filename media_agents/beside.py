"""Two steps of one job at the same time: one leaves processors idle for the other."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def beside(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """As one after the other: what `first` raises counts, however soon `second` fails.

    Both have ended when this does, also where it is called off.
    """
    both = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
        return await both[0], await both[1]
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
