"""What a connection that breaks in an unusual way means for a request."""

import httpx
import pytest

from connectors.calls import Call, Calls
from connectors.errors import OutcomeUnknown, TryLater


class Closed(httpx.AsyncBaseTransport):
    """Fails as anyio does when uvloop closed the socket it has just opened."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")


@pytest.fixture
def calls() -> Calls:
    made = Calls(lambda _: None)
    made._kept = made._fresh = httpx.AsyncClient(transport=Closed())
    return made


CALL = Call("POST", "http://127.0.0.1:1/submit")


async def test_what_must_not_happen_twice_is_unknown(calls: Calls) -> None:
    with pytest.raises(OutcomeUnknown, match="AttributeError"):
        await calls.once(CALL, bytes)


async def test_what_may_be_repeated_is_tried_later(calls: Calls) -> None:
    with pytest.raises(TryLater):
        await calls.again(lambda: CALL, bytes)
