"""Two steps at the same time behave as if one came after the other."""

import asyncio

import pytest

from media_agents.beside import beside


class Broken(Exception):
    pass


async def given(value: int) -> int:
    return value


async def broken(word: str) -> int:
    raise Broken(word)


async def after(ready: asyncio.Event, word: str) -> int:
    await ready.wait()
    raise Broken(word)


async def for_ever(ended: asyncio.Event) -> int:
    try:
        return await asyncio.Event().wait()
    finally:
        ended.set()


async def test_both_answers_come_in_their_order() -> None:
    assert await beside(given(1), given(2)) == (1, 2)


async def test_what_the_first_raises_counts_though_the_second_failed_sooner() -> None:
    ready = asyncio.Event()
    first = asyncio.ensure_future(after(ready, "first"))
    asyncio.get_running_loop().call_later(0.02, ready.set)

    with pytest.raises(Broken, match="first"):
        await beside(first, broken("second"))


async def test_the_second_is_ended_where_the_first_fails() -> None:
    ended, begun = asyncio.Event(), asyncio.Event()

    async def second() -> int:
        begun.set()
        return await for_ever(ended)

    with pytest.raises(Broken, match="first"):
        await beside(after(begun, "first"), second())

    assert ended.is_set()


async def test_the_second_fails_the_whole() -> None:
    with pytest.raises(Broken, match="second"):
        await beside(given(1), broken("second"))


async def test_both_have_ended_where_they_are_called_off() -> None:
    one, other = asyncio.Event(), asyncio.Event()
    task = asyncio.ensure_future(beside(for_ever(one), for_ever(other)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert one.is_set()
    assert other.is_set()
