"""A stream on its way: what a provider gives piece by piece, and what is known of it.

Nothing reaches the caller before the first text that is not blank: until then any
other model may take over without anybody noticing.
"""

from ai_adapter.answers import text_of
from ai_adapter.base import Call, Reply, Spent
from ai_adapter.errors import AskAgain
from ai_adapter.providers.port import Flow, Provider


class WholeFlow:
    """The answer of a provider that does not stream, as one piece."""

    def __init__(self, provider: Provider, call: Call) -> None:
        self.spent: Spent | None = None
        self._provider = provider
        self._call = call
        self._reply: Reply | None = None

    async def __anext__(self) -> str:
        if self._reply is not None:
            raise StopAsyncIteration
        self._reply = await self._provider.ask(self._call)
        self.spent = self._reply.spent
        return text_of(self._reply.output)

    def reply(self, text: str) -> Reply:  # noqa: ARG002  (it has its own)
        if self._reply is None:
            raise AskAgain("the stream has not begun")
        return self._reply

    async def aclose(self) -> None:
        return None


async def beginning(flow: Flow) -> list[str]:
    """All pieces up to the first that is not blank; functions may come without one.

    Raises AskAgain where a stream ends and has said nothing.
    """
    pieces: list[str] = []
    while not pieces or not pieces[-1].strip():
        try:
            pieces.append(await flow.__anext__())
        except StopAsyncIteration:
            reply = flow.reply("")
            if not reply.functions:
                raise AskAgain("the stream is blank", reply.spent) from None
            return []
    return pieces
