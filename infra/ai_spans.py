"""Each call of a model as a part of its trace, in the words of OpenTelemetry."""

from ai_adapter import gen_ai
from ai_adapter.base import AttemptMade, Fact
from streams import tracing
from streams.tracing import Attribute


def tell(fact: Fact) -> None:
    """Costs one look while tracing is off."""
    if not tracing.on() or not isinstance(fact, AttemptMade):
        return
    begun = round(fact.at.timestamp() * 1e9)
    ended = begun + fact.attempt.latency_ms * 1_000_000
    words = attributes(fact)
    operation, model = words[gen_ai.OPERATION], words[gen_ai.REQUEST_MODEL]
    tracing.done(f"{operation} {model}", begun, ended, **words)


def attributes(fact: AttemptMade) -> dict[str, Attribute]:
    """What was asked, and what is known of the answer; no text of either."""
    attempt, usage = fact.attempt, fact.attempt.usage
    found: dict[str, Attribute | None] = {
        gen_ai.OPERATION: gen_ai.OPERATIONS.get(fact.ask.task, gen_ai.CHAT),
        gen_ai.PROVIDER: attempt.provider,
        gen_ai.REQUEST_MODEL: attempt.model_name,
        gen_ai.PROMPT: fact.ask.tool or fact.ask.task,
        gen_ai.ERROR: None if attempt.outcome == "answered" else attempt.outcome,
    }
    if fact.first_token_ms is not None:
        found[gen_ai.FIRST_CHUNK] = fact.first_token_ms / 1000
    if usage is not None:
        found |= {
            gen_ai.INPUT_TOKENS: usage.prompt_tokens,
            gen_ai.OUTPUT_TOKENS: usage.completion_tokens,
            gen_ai.CACHE_READ_TOKENS: usage.cached_tokens,
            gen_ai.REASONING_TOKENS: usage.reasoning_tokens,
        }
    return {name: value for name, value in found.items() if value is not None}
