"""The one door to every model: look, word, route, ask, price, and never be silent.

Order of resort: the model that is meant, the other models that are able, an old answer
to the same question, template text. A refusal of the question itself ends it.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from ai_adapter import ports, price_book
from ai_adapter.answers import as_hit, text_of, worth_keeping
from ai_adapter.attempts import Run, Timing
from ai_adapter.base import (
    Answer,
    Ask,
    Broken,
    CacheHit,
    Delta,
    Done,
    Piece,
    PolicyUsed,
    Reply,
    Usage,
    Verdict,
    VerdictGiven,
)
from ai_adapter.breakers import Breakers
from ai_adapter.calls import Caller, Once, T
from ai_adapter.ceilings import most
from ai_adapter.errors import FAILURES, Failure, Refused, Unavailable
from ai_adapter.fallback import walked
from ai_adapter.guard.canary import BLOCKED, watched
from ai_adapter.lifecycle import Lifecycle
from ai_adapter.limits import check
from ai_adapter.open_streams import OpenStream
from ai_adapter.providers.factory import Endpoint, providers
from ai_adapter.providers.port import Provider
from ai_adapter.providers.template import Template
from ai_adapter.questions import Question, Seen, question_of, texts_of
from ai_adapter.registry import Target
from ai_adapter.routing import TEMPLATE, Route, route

_BLOCKED = "the text was held back by the guard"


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
        # Not `or`: a cache that is empty is a cache.
        self._policies = ports.OnePolicy() if policies is None else policies
        self._prices = ports.ListedPrices() if prices is None else prices
        self._cache = ports.NoCache() if cache is None else cache
        self._guard = ports.NoGuard() if guard is None else guard
        self._prompts = ports.BuiltInPrompts() if prompts is None else prompts
        self._tell = tell
        self._salt = salt
        if made is None:
            made = providers(*self._endpoints, now=self._timing.now)
        self._caller = Caller(
            self._timing,
            {**made, "template": Template()},
            ports.OwnKeys() if keys is None else keys,
            Breakers(self._timing.monotonic, self._timing.now, tell),
        )
        self._lifecycle = Lifecycle(self._endpoints, made, self._timing, tell)

    async def ask(self, ask: Ask) -> Answer:
        """Raises only `Refused`; `Unavailable` is one where no template would do.

        Any other trouble ends in a degraded answer.
        """
        question = await self._question(ask)
        if hit := await self._kept(question):
            return hit
        if not question.cache_key:
            return await self._answered(question)
        mine: list[Answer] = []
        make = partial(self._made, question, mine)
        answer = await self._cache.once(question.cache_key, question.scope, make)
        return answer if mine else self._hit(question, answer)

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Texts, then `Done` or `Broken`; raises `Refused` before the first text only.

        Other models are asked until one has begun to answer, none after that. Close
        the iterator to stop early: the provider stops too, and what came is billed.
        Throw `Refused` into it to be told of that: the next piece is `Broken`.
        """
        question = await self._question(ask)
        if hit := await self._kept(question):
            yield Delta(text_of(hit.output))
            yield Done(hit)
            return
        run = self._run(question, streamed=True)
        found = await self._walked(question, self._caller.opened, run)
        if found is None:
            answer = await self._degraded(question, run)
            yield Delta(text_of(answer.output))
            yield Done(answer)
            return
        target, stream = found
        try:
            async for text in watched(question.canary, stream.text, stream):
                yield Delta(text)
            yield self._done(question, target, stream)
        except FAILURES as failure:
            yield self._broken(question, target, stream, failure)
        finally:
            await stream.close()

    async def opens_at(self, ask: Ask) -> datetime | None:
        """When it makes sense to ask, where nobody able can be asked now.

        None: at once. Jobs that can wait park until then instead of taking a template.
        Raises Refused for a model nobody knows.
        """
        # Not through the prompts: to wait is no exposure to an experiment.
        found = self._route(ask).general
        return await self._caller.opens_at(ask.tenant_id, found)

    async def keep_looking(self) -> None:
        """Asks providers daily which models end; until cancelled, in one process."""
        await self._lifecycle.keep_looking()

    async def ready(self, ask: Ask) -> Answer | None:
        """An answer that costs nothing and needs nobody, where there is one.

        An earlier one, or a template where no model is set up at all. Raises only
        `Refused`.
        """
        if not self._endpoints:
            return await self.ask(ask)
        return await self._kept(await self._question(ask))

    def most(self, ask: Ask) -> dict[str, Decimal] | None:
        """The most one call may cost, by currency; None = nobody knows a price.

        Empty = nothing can be bought. Raises `Refused` as `ask` would.
        """
        found = self._route(ask)
        able = (*found.general, *found.on_content, *found.on_context)
        return most(ask, able, self._prices, self._timing.now())

    async def close(self) -> None:
        for provider in self._caller.providers.values():
            await provider.close()

    async def _question(self, ask: Ask) -> Question:
        check(ask)
        chosen = await self._prompts.prompt(ask)
        seen = self._looked_at(chosen.ask)
        found = self._route(chosen.ask)
        question = question_of(chosen, found, seen, self._salt)
        meant = f"{found.meant.provider}/{found.meant.model}"
        policy, score = found.resolved.policy, found.resolved.score
        self._tell(PolicyUsed(ask, policy, score, meant, self._timing.now()))
        return question

    def _route(self, ask: Ask) -> Route:
        policy = self._policies.policy(ask)
        today = self._timing.now().date()
        return route(ask, policy, self._endpoints, today, self._lifecycle.told)

    def _looked_at(self, ask: Ask) -> Seen:
        verdict = self._guard.look(ask, texts_of(ask))
        if verdict.ruling != "allow":
            self._tell(VerdictGiven(ask, verdict, "input", self._timing.now()))
        if verdict.ruling == "block":
            raise Refused("guard_blocked", _BLOCKED)
        return Seen(verdict, self._guard.canary(ask))

    def _run(self, question: Question, *, streamed: bool = False) -> Run:
        begun = self._timing.monotonic()
        return Run(
            self._timing,
            begun,
            begun + question.call.timeout_s,
            self._prices,
            question.ask,
            self._tell,
            streamed,
        )

    async def _kept(self, question: Question) -> Answer | None:
        if not question.cache_key:
            return None
        found = await self._cache.kept(question.cache_key, question.scope)
        return self._hit(question, found) if found else None

    def _hit(self, question: Question, found: Answer) -> Answer:
        hit = as_hit(found)
        now = self._timing.now()
        self._tell(CacheHit(question.ask, question.cache_key, hit, now))
        return hit

    async def _made(self, question: Question, mine: list[Answer]) -> Answer:
        """The answer of whoever asks first; `mine` tells that it was this one."""
        answer = await self._answered(question)
        mine.append(answer)
        if worth_keeping(answer):
            await self._cache.keep(question.cache_key, question.scope, answer)
        return answer

    async def _answered(self, question: Question) -> Answer:
        run = self._run(question)
        found = await self._walked(question, self._caller.asked, run)
        if found is None:
            return await self._degraded(question, run)
        target, reply = found
        return self._looked_over(question, _answer(question, target, reply, run), run)

    async def _walked(
        self, question: Question, once: Once[T], run: Run
    ) -> tuple[Target, T] | None:
        general = question.route.general

        async def tried(target: Target) -> T | None:
            run.others = target in general[:-1]
            return await self._caller.repeated(once, question.call, target, run)

        try:
            return await walked(question.route, tried)
        except Refused as refused:
            refused.attempts = tuple(run.attempts)
            raise

    async def _degraded(self, question: Question, run: Run) -> Answer:
        """An old answer to the same question, else a template where that is of use."""
        key, scope = question.cache_key, question.scope
        old = await self._cache.stale(key, scope) if key else None
        if old is not None:
            hit = self._hit(question, replace(old, degraded=True, stale=True))
            return _after(run, hit)
        if not question.route.template:
            raise await self._unavailable(question, run)
        reply = await self._caller.providers["template"].ask(question.call)
        return _answer(question, TEMPLATE, reply, run)

    async def _unavailable(self, question: Question, run: Run) -> Unavailable:
        targets = question.route.general
        until = await self._caller.opens_at(question.ask.tenant_id, targets)
        reason = "no model that is able to do this can be asked now; ask again later"
        error = Unavailable(reason, until)
        error.attempts = tuple(run.attempts)
        return error

    def _looked_over(self, question: Question, answer: Answer, run: Run) -> Answer:
        """Raises Refused for an output that must not be seen."""
        text = text_of(answer.output)
        verdict = self._guard.output(question.ask, text, question.canary)
        if verdict.ruling == "allow":
            return answer
        now = self._timing.now()
        self._tell(VerdictGiven(question.ask, verdict, "output", now))
        if verdict.ruling == "block":
            refused = Refused(BLOCKED, _BLOCKED)
            refused.attempts = tuple(run.attempts)
            raise refused
        return replace(answer, verdict=verdict)

    def _leaked(self, question: Question, answer: Answer) -> Answer:
        """Paid for, but not to be seen by anybody, not even in an audit."""
        verdict = Verdict("block", 1.0, ("output.canary",))
        now = self._timing.now()
        self._tell(VerdictGiven(question.ask, verdict, "output", now))
        return replace(answer, output="", verdict=verdict)

    def _done(self, question: Question, target: Target, stream: OpenStream) -> Piece:
        run = stream.made.run
        answer = _answer(question, target, stream.done(), run)
        try:
            return Done(self._looked_over(question, answer, run))
        except Refused as refused:
            return Broken(refused.code, refused.reason, answer)

    def _broken(
        self, question: Question, target: Target, stream: OpenStream, failure: Failure
    ) -> Broken:
        reply = stream.broken(failure)
        code = failure.code if isinstance(failure, Refused) else "stream_broken"
        answer = _answer(question, target, reply, stream.made.run)
        if code == BLOCKED:
            answer = self._leaked(question, answer)
        return Broken(code, str(failure), replace(answer, finish_reason="error"))


def _after(run: Run, hit: Answer) -> Answer:
    """An old answer is free, what was tried before it may not have been."""
    return replace(
        hit,
        usage=_paid(run),
        attempts=tuple(run.attempts),
        latency_ms=run.elapsed_ms(),
    )


def _paid(run: Run) -> Usage:
    return price_book.total(tuple(a.usage for a in run.attempts if a.usage))


def _answer(question: Question, target: Target, reply: Reply, run: Run) -> Answer:
    found, meant = question.route.resolved, question.route.meant
    return Answer(
        output=reply.output,
        usage=_paid(run),
        provider=target.provider,
        model_name=reply.spent.model_name,
        latency_ms=run.elapsed_ms(),
        degraded=target == TEMPLATE or target != meant,
        request_id=reply.request_id or f"{target.provider}:{question.worded.digest}",
        prompt_hash=question.worded.digest,
        prompt_version=question.worded.label,
        attempts=tuple(run.attempts),
        policy=found.policy,
        score=found.score,
        finish_reason=reply.finish_reason,
        functions=reply.functions,
        verdict=question.verdict,
        first_token_ms=run.first_token_ms,
        arm=question.arm,
        media=reply.media,
        judged=reply.judged,
    )
