"""Questions and answers in the words of OpenAI's interface, on the way in and out.

What would change an answer and is not passed on is refused, never ignored; what only
names or sorts requests is taken and left alone.
"""

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ai_adapter.answers import text_of
from ai_adapter.base import Answer, Ask, Capability, Message, Usage

Json: TypeAlias = dict[str, Any]
MOST_TOKENS = 4096
"""Of an answer, where the question names no limit."""


class Taken(BaseModel):
    """A field nobody knows is refused, as everywhere here."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TextPart(Taken):
    type: Literal["text"]
    text: str


class ImageAt(Taken):
    url: str = Field(max_length=8_000_000)
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Taken):
    type: Literal["image_url"]
    image_url: ImageAt


Part: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class Turn(Taken):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str = ""
    tool_calls: list[Json] | None = None
    tool_call_id: str = ""
    refusal: None = None

    def message(self) -> Message:
        parts = self.content if isinstance(self.content, list) else []
        texts = [each.text for each in parts if isinstance(each, TextPart)]
        return Message(
            role=self.role,
            content=self.content if isinstance(self.content, str) else "\n".join(texts),
            images=tuple(
                each.image_url.url for each in parts if isinstance(each, ImagePart)
            ),
            calls=msgspec.json.encode(self.tool_calls) if self.tool_calls else b"",
            call_id=self.tool_call_id,
            name=self.name,
        )


class Tool(Taken):
    type: Literal["function"]
    function: Json


class Schema(Taken):
    name: str
    schema_: Json = Field(alias="schema")
    strict: bool | None = None
    description: str = ""


class Form(Taken):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None


class StreamOptions(Taken):
    include_usage: bool = False
    include_obfuscation: bool = False


class Unread(Taken):
    """Names and sorts requests for OpenAI; says nothing to a model."""

    user: str | None = None
    metadata: Json | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class Chat(Unread):
    """`n`, and both penalties, only as they are anyway."""

    model: str = Field(min_length=1, max_length=120)
    messages: list[Turn] = Field(min_length=1, max_length=256)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=32_000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=32_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: list[Tool] = Field(default=[], max_length=128)
    tool_choice: Literal["auto", "none"] | None = None
    parallel_tool_calls: Literal[True] | None = None
    response_format: Form | None = None
    n: Literal[1] | None = None
    presence_penalty: Literal[0] | None = None
    frequency_penalty: Literal[0] | None = None

    @property
    def tells_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def ask(self, tenant: str) -> Ask:
        messages = tuple(each.message() for each in self.messages)
        said = [each.content for each in messages if each.role == "user"]
        called = () if self.tool_choice == "none" else self.tools
        return Ask(
            task="reply",
            input=said[-1] if said else "",
            tenant_id=tenant,
            model=self.model,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens or MOST_TOKENS,
            messages=messages,
            needs=self._needs(),
            schema=self._schema(),
            functions=tuple(msgspec.json.encode(each.function) for each in called),
        )

    def _needs(self) -> frozenset[Capability]:
        form = self.response_format
        wanted = form is not None and form.type == "json_object"
        return frozenset(("json_object",)) if wanted else frozenset()

    def _schema(self) -> bytes:
        form = self.response_format
        if form is None or form.json_schema is None:
            return b""
        return msgspec.json.encode(form.json_schema.schema_)


class Embed(Unread):
    """`dimensions` is not taken: vectors are as their model makes them."""

    model: str = Field(min_length=1, max_length=120)
    input: str | Annotated[list[str], Field(min_length=1, max_length=256)]
    encoding_format: Literal["float", "base64"] = "float"

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.input,) if isinstance(self.input, str) else tuple(self.input)

    def ask(self, tenant: str) -> Ask:
        return Ask(task="embed", input=self.texts, tenant_id=tenant, model=self.model)


def completion(answer: Answer, made: "Made") -> Json:
    message: Json = {"role": "assistant", "content": text_of(answer.output)}
    if answer.functions:
        message |= {"content": message["content"] or None, "tool_calls": _calls(answer)}
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
    return {
        **made.about("chat.completion", answer.model_name),
        "choices": [{**choice, "logprobs": None}],
        "usage": _usage(answer.usage),
        "contentops": _ours(answer, made.task_id),
    }


class Made(msgspec.Struct, frozen=True):
    """Which answer this is; `created` in seconds since 1970."""

    id: str
    created: int
    task_id: str = ""

    def about(self, kind: str, model: str) -> Json:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": self.created,
            "model": model,
        }

    def chunk(self, model: str, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return line({**self.about(_CHUNK, model), "choices": [choice]})


_CHUNK = "chat.completion.chunk"


def last_chunks(answer: Answer, made: Made, *, usage: bool) -> Iterator[bytes]:
    """Functions, the finish reason, what it cost if asked for, and the end mark."""
    model = answer.model_name
    for index, call in enumerate(_calls(answer)):
        yield made.chunk(model, {"tool_calls": [{"index": index, **call}]})
    yield made.chunk(model, {}, _finish(answer))
    if usage:
        spent = {"choices": [], "usage": _usage(answer.usage)}
        ours = {"contentops": _ours(answer, made.task_id)}
        yield line({**made.about(_CHUNK, model), **spent, **ours})
    yield DONE


def line(data: Json) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def error(message: str, kind: str, param: str | None = None, code: str = "") -> Json:
    """The shape of every refusal, over HTTP and within a stream."""
    told = {"message": message, "type": kind, "param": param, "code": code or None}
    return {"error": told}


def embeddings(
    vectors: Sequence[Sequence[float]], model: str, spent: Usage, asked: Embed
) -> Json:
    packed = asked.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _packed(vector) if packed else list(vector),
        }
        for index, vector in enumerate(vectors)
    ]
    return {"object": "list", "data": data, "model": model, "usage": _usage(spent)}


def _packed(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats, as the official client unpacks them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _calls(answer: Answer) -> list[Json]:
    return [
        {
            "id": each.id,
            "type": "function",
            "function": {"name": each.name, "arguments": each.arguments},
        }
        for each in answer.functions
    ]


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.functions else answer.finish_reason


def _usage(spent: Usage) -> Json:
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.cached_tokens},
    }


def _ours(answer: Answer, task_id: str) -> Json:
    """What OpenAI has no word for; its client keeps it as an extra field."""
    cost = answer.usage.cost
    return {
        "provider": answer.provider,
        "degraded": answer.degraded,
        "cost": None if cost is None else str(cost),
        "currency": answer.usage.currency,
        "taskId": task_id,
    }
