"""Chat in OpenAI's words: the body of a question, and what is read from an answer.

Several variants are asked as one JSON list, not as `n` choices: DeepSeek and most
local servers know no `n`, and the prompt is paid once.
"""

import msgspec

from ai_adapter.answers import shaped
from ai_adapter.base import Call, Message, Reply, Spent
from ai_adapter.conforming import checked
from ai_adapter.errors import AskAgain, Refused, TryLater
from ai_adapter.prompts.cleaning import sendable
from ai_adapter.providers import wire
from ai_adapter.providers.factory import Endpoint

_FITTING = "Answer with one json object and nothing else. It must fit this JSON schema:"
_AGAIN = "That answer could not be used: {}. Answer again, in the form asked for."
_IMAGES_DETAIL = "auto"


def body_of(call: Call, endpoint: Endpoint) -> dict[str, object]:
    """Everything but the flag that asks for a stream."""
    dialect = endpoint.dialect
    body: dict[str, object] = {
        "model": call.model,
        "messages": _messages(call, endpoint),
        "temperature": call.ask.temperature,
        "top_p": call.ask.top_p,
        dialect.token_field: call.ask.max_tokens,
    }
    if dialect.thinking_off:
        body["thinking"] = {"type": "disabled"}
    if dialect.customer_field and call.customer:
        body[dialect.customer_field] = call.customer
    if call.ask.functions:
        body["tools"] = [_function(each) for each in call.ask.functions]
    if form := _form(call, endpoint):
        body["response_format"] = form
    return body


def streamed(call: Call, endpoint: Endpoint) -> dict[str, object]:
    """Without `include_usage` nobody tells what a stream has cost."""
    body = body_of(call, endpoint)
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


def reply_of(answer: wire.Chat, call: Call, request_id: str) -> Reply:
    """Raises for what is no answer although it came with a 200."""
    spent = wire.spent_of(answer, call.model)
    if not answer.choices:
        raise AskAgain("the answer has no choice", spent)
    choice = answer.choices[0]
    ended(choice.finish_reason, choice.message.refusal, spent)
    functions = wire.called(choice.message.tool_calls or ())
    text = choice.message.content or ""
    return Reply(
        output="" if functions and not text.strip() else _output(text, call, spent),
        spent=spent,
        request_id=request_id or answer.id,
        finish_reason=choice.finish_reason or "stop",
        functions=functions,
    )


def ended(reason: str | None, refusal: str | None, spent: Spent | None) -> None:
    """Raises where a choice has ended for a reason that is no answer."""
    if reason == "content_filter" or refusal:
        raise Refused("content_policy", "the provider does not answer this", spent)
    if reason == "insufficient_system_resource":
        raise TryLater("the provider ran out of room while answering", spent=spent)


def _output(text: str, call: Call, spent: Spent) -> str | tuple[str, ...]:
    if call.ask.schema:
        return checked(text, call.ask.schema, spent)
    found = shaped(call.ask.task, text, call.variants, spent)
    return found if isinstance(found, str) else tuple(str(each) for each in found)


def _messages(call: Call, endpoint: Endpoint) -> list[dict[str, object]]:
    if call.ask.messages:
        found = [_message(each) for each in call.ask.messages]
    else:
        found = _prompted(call)
    if call.ask.schema and not _native(call, endpoint):
        schema = call.ask.schema.decode()
        found.insert(0, {"role": "system", "content": f"{_FITTING} {schema}"})
    if call.repair:
        found.append({"role": "user", "content": _AGAIN.format(call.repair)})
    return found


def _prompted(call: Call) -> list[dict[str, object]]:
    user = _content(call.user, call.ask.images)
    return [
        {"role": "system", "content": call.system},
        {"role": "user", "content": user},
    ]


def _message(message: Message) -> dict[str, object]:
    found: dict[str, object] = {
        "role": message.role,
        "content": _content(sendable(message.content), message.images),
    }
    if message.calls:
        found["tool_calls"] = msgspec.Raw(message.calls)
    if message.call_id:
        found["tool_call_id"] = message.call_id
    if message.name:
        found["name"] = message.name
    return found


def _content(text: str, images: tuple[str, ...]) -> object:
    if not images:
        return text
    seen: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": each, "detail": _IMAGES_DETAIL}}
        for each in images
    ]
    return [{"type": "text", "text": text}, *seen]


def _function(described: bytes) -> dict[str, object]:
    return {"type": "function", "function": msgspec.Raw(described)}


def _form(call: Call, endpoint: Endpoint) -> dict[str, object] | None:
    if call.ask.schema and _native(call, endpoint):
        schema = {"name": "answer", "schema": msgspec.Raw(call.ask.schema)}
        return {"type": "json_schema", "json_schema": schema}
    wanted = (
        call.variants > 1 or bool(call.ask.schema) or "json_object" in call.ask.needs
    )
    return {"type": "json_object"} if wanted and endpoint.json_mode else None


def _native(call: Call, endpoint: Endpoint) -> bool:
    return "json_schema" in endpoint.can(call.model)
