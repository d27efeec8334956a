"""The one door to every language model: route, word, ask, price, and never be silent.

Order of resort: the model that is meant, the other configured models, template text.
A refusal of the question itself ends it; everything else goes on to the next.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_exception

from ai_adapter import ports, price_book
from ai_adapter.attempts import Run, Timing
from ai_adapter.base import Answer, Ask, Call, Provider, Reply
from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.limits import check
from ai_adapter.prompts.prompt import Worded, inputs_of, word
from ai_adapter.providers.factory import Endpoint, providers
from ai_adapter.providers.template import Template
from ai_adapter.registry import Target
from ai_adapter.routing import TEMPLATE, route


class _Question(Struct, frozen=True):
    call: Call
    worded: Worded
    meant: Target
    chain: tuple[Target, ...]


class Gateway:
    """Without endpoints every answer is a template. Close it when the process ends."""

    def __init__(  # noqa: PLR0913  (each port has its own name and a harmless default)
        self,
        endpoints: Sequence[Endpoint] = (),
        *,
        timing: Timing | None = None,
        made: Mapping[str, Provider] | None = None,
        policies: ports.Policies | None = None,
        prices: ports.Prices | None = None,
        keys: ports.Keys | None = None,
        cache: ports.Cache | None = None,
        guard: ports.Guard | None = None,
        prompts: ports.Prompts | None = None,
        tell: ports.Tell = ports.tell_nobody,
        salt: bytes = b"",
    ) -> None:
        """`made` gives the providers of the endpoints instead of building them.

        `salt` hides which tenant asks from providers that tell customers apart.
        """
        self._endpoints = tuple(endpoints)
        self._timing = timing or Timing()
        self._policies = policies or ports.OnePolicy()
        self._prices = prices or ports.ListedPrices()
        self._keys = keys or ports.OwnKeys()
        self._cache = cache or ports.NoCache()
        self._guard = guard or ports.NoGuard()
        self._prompts = prompts or ports.BuiltInPrompts()
        self._tell = tell
        self._salt = salt
        if made is None:
            made = providers(*self._endpoints, now=self._timing.now)
        self._providers = {**made, "template": Template()}

    async def ask(self, ask: Ask) -> Answer:
        """Raises only `Refused`; any other trouble ends in a degraded answer."""
        check(ask)
        question = self._question(await self._prompts.prompt(ask))
        begun = self._timing.monotonic()
        run = Run(self._timing, begun, begun + ask.deadline_s)
        for target in question.chain[:-1]:
            reply = await self._tried(question, target, run)
            if reply is not None:
                return _answer(question, target, reply, run)
        reply = await self._providers["template"].ask(question.call)
        return _answer(question, TEMPLATE, reply, run)

    async def ready(self, ask: Ask) -> Answer | None:
        """An answer that costs nothing and needs nobody, where there is one.

        A template, where no model is set up at all. Raises only `Refused`.
        """
        return None if self._endpoints else await self.ask(ask)

    async def close(self) -> None:
        for provider in self._providers.values():
            await provider.close()

    def _question(self, chosen: ports.Chosen) -> _Question:
        prompt, ask = chosen.prompt, chosen.ask
        inputs = inputs_of(ask)
        variants = ask.variants if ask.variants > 1 else prompt.variants
        worded = word(prompt, ask, inputs, variants)
        meant, chain = route(ask, self._endpoints, self._timing.now().date())
        call = Call(
            ask=ask,
            model=meant.model,
            system=worded.system,
            user=worded.user,
            inputs=inputs,
            variants=variants,
            timeout_s=ask.deadline_s,
        )
        return _Question(call, worded, meant, chain)

    async def _tried(
        self, question: _Question, target: Target, run: Run
    ) -> Reply | None:
        """All calls one model gets; None when the next in the chain should be asked."""
        if run.over():
            return None
        retrying = AsyncRetrying(
            sleep=self._timing.sleep,
            retry=retry_if_exception(run.again),
            wait=run.wait,
            stop=run.stop,
            reraise=True,
        )
        try:
            return await retrying(self._once, question.call, target, run)
        except Refused as refused:
            refused.attempts = tuple(run.attempts)
            raise
        except (TryLater, AskAgain, OutcomeUnknown, Misconfigured):
            return None  # each is on the run's list, with its reason

    async def _once(self, call: Call, target: Target, run: Run) -> Reply:
        left = max(run.left(), 0.001)
        ready = msgspec.structs.replace(call, model=target.model, timeout_s=left)
        return await run.attempt(self._providers[target.provider], ready)


def _answer(question: _Question, target: Target, reply: Reply, run: Run) -> Answer:
    paid = tuple(attempt.usage for attempt in run.attempts if attempt.usage)
    return Answer(
        output=reply.output,
        usage=price_book.total(paid),
        provider=target.provider,
        model_name=reply.spent.model_name,
        latency_ms=run.elapsed_ms(),
        degraded=target == TEMPLATE or target != question.meant,
        request_id=reply.request_id or f"{target.provider}:{question.worded.digest}",
        prompt_hash=question.worded.digest,
        prompt_version=question.worded.label,
        attempts=tuple(run.attempts),
    )
