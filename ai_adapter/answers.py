"""Raw model text into the shape its task promises; pure, and strict about blanks."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ai_adapter.base import Answer, Output, Spent, Task
from ai_adapter.errors import AskAgain
from ai_adapter.price_book import FREE


class Variants(Struct, frozen=True):
    variants: tuple[str, ...]


def shaped(task: Task, text: str, variants: int, spent: Spent) -> Output:
    """One text, or exactly `variants` different ones; titles are always a tuple."""
    if not text.strip():
        # DeepSeek's JSON mode blanks what is no JSON and still reports success.
        raise AskAgain("the answer is blank", spent)
    if variants == 1:
        return (text.strip(),) if task == "title" else text.strip()
    return _several(text, variants, spent)


def _several(text: str, variants: int, spent: Spent) -> tuple[str, ...]:
    found = _decoded(unfenced(text))
    if found is None:
        raise AskAgain("the answer is not the JSON that was asked for", spent)
    kept = tuple(dict.fromkeys(entry.strip() for entry in found if entry.strip()))
    if len(kept) < variants:
        raise AskAgain(f"{len(kept)} variants instead of {variants}", spent)
    return kept[:variants]


def _decoded(text: str) -> tuple[str, ...] | None:
    try:
        if text.startswith("["):
            return msgspec.json.decode(text, type=tuple[str, ...])
        return msgspec.json.decode(text, type=Variants).variants
    except msgspec.DecodeError:
        return None


def unfenced(text: str) -> str:
    """Models without a JSON mode like to wrap it in a Markdown fence."""
    body = text.strip()
    if body.startswith("```"):
        body = body.partition("\n")[2].rpartition("```")[0]
    return body.strip()


def text_of(output: Output) -> str:
    """One text as it is; several, one to a line; none for vectors."""
    if isinstance(output, str):
        return output
    return "\n".join(each for each in output if isinstance(each, str))


def worth_keeping(answer: Answer) -> bool:
    """Finished, of the model that was meant, not flagged and not blank."""
    whole = answer.finish_reason == "stop" and answer.verdict.ruling == "allow"
    vectors = not isinstance(answer.output, str)
    something = vectors or bool(text_of(answer.output).strip()) or bool(answer.media)
    return whole and something and not answer.degraded and not answer.stale


def as_hit(found: Answer) -> Answer:
    """The same answer once more: it costs nothing and says whom it repeats."""
    origin = found.cached_from or found.request_id
    return replace(found, usage=FREE, cached_from=origin, latency_ms=0, attempts=())
