"""A stream that has begun: what was delivered, and that its end is told just once."""

from dataclasses import dataclass, field

from ai_adapter import estimates
from ai_adapter.attempts import Made, noted, seen_of
from ai_adapter.base import Call, Reply, Spent
from ai_adapter.breakers import Leave
from ai_adapter.errors import FAILURES, Failure, OutcomeUnknown
from ai_adapter.providers.port import Flow
from ai_adapter.streaming import beginning

_CLOSED = "closed before its end"


@dataclass
class OpenStream:
    """Whoever opened it closes it, whatever happened."""

    call: Call
    flow: Flow
    made: Made
    leave: Leave
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def __aiter__(self) -> "OpenStream":
        return self

    async def __anext__(self) -> str:
        text = await self.flow.__anext__()
        self.texts.append(text)
        return text

    def done(self) -> Reply:
        """The regular end."""
        reply = self.flow.reply(self.text)
        self.leave.end("good")
        self.made.ended("answered", reply.spent)
        return reply

    def broken(self, failure: Failure) -> Reply:
        """The end for another reason; what was delivered is billed all the same."""
        outcome, spent, reason = noted(failure)
        self.leave.end(seen_of(failure, self.call.timeout_s))
        self.made.ended(outcome, spent or self._spent(), reason)
        return self.flow.reply(self.text)

    async def close(self) -> None:
        """Idempotent. Before a regular end the provider is made to stop."""
        await self.flow.aclose()
        self.leave.end(None)
        self.made.ended("answered", self._spent(), _CLOSED)

    def _spent(self) -> Spent:
        return self.flow.spent or estimates.spent(self.call, self.text)


async def begun(call: Call, flow: Flow, made: Made, leave: Leave) -> OpenStream:
    """Returns with the first text; before that a failure is like any other."""
    stream = OpenStream(call, flow, made, leave)
    try:
        stream.texts = await beginning(flow)
    except FAILURES as failure:
        leave.end(seen_of(failure, call.timeout_s))
        made.failed(failure)
        await flow.aclose()
        raise
    except BaseException:
        leave.end(None)
        made.failed(OutcomeUnknown("given up by who asked"))
        await flow.aclose()
        raise
    made.run.first_token_ms = made.run.elapsed_ms()
    return stream
