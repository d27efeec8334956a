"""The parts of OpenAI's answers that are read, decoded strictly from the bytes."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from ai_adapter.base import Spent
from ai_adapter.errors import AskAgain


class _Details(Struct, frozen=True):
    cached_tokens: int | None = None


class Counted(Struct, frozen=True):
    """DeepSeek names cached tokens its own way, beside OpenAI's details."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_cache_hit_tokens: int | None = None
    prompt_tokens_details: _Details | None = None

    @property
    def cached(self) -> int:
        details = self.prompt_tokens_details or _Details()
        return self.prompt_cache_hit_tokens or details.cached_tokens or 0


class Message(Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class Choice(Struct, frozen=True):
    message: Message
    finish_reason: str | None = None


class Chat(Struct, frozen=True):
    choices: tuple[Choice, ...]
    id: str = ""
    model: str = ""
    usage: Counted | None = None


class Vector(Struct, frozen=True):
    embedding: tuple[float, ...]
    index: int = 0


class Embeddings(Struct, frozen=True):
    data: tuple[Vector, ...]
    model: str = ""
    usage: Counted | None = None


B = TypeVar("B", Chat, Embeddings)


def decoded(body: bytes, shape: type[B]) -> B:
    """A 200 proves nothing: an error body or half a JSON text is no answer."""
    try:
        return msgspec.json.decode(body.strip(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AskAgain(f"the body is not an answer: {error}") from error


def spent_of(answer: Chat | Embeddings, asked: str) -> Spent:
    """Billed by the name in the answer: vendors reroute names."""
    usage = answer.usage or Counted()
    return Spent(
        model_name=answer.model or asked,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached,
    )
