"""Any endpoint that speaks OpenAI's chat and embeddings, through the `openai` SDK.

Several variants are asked as one JSON list, not as `n` choices: DeepSeek and most
local servers know no `n`, and the prompt is paid once.
"""

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam

from ai_adapter.answers import shaped
from ai_adapter.base import Call, Output, Reply, Spent
from ai_adapter.errors import AskAgain, Refused, TryLater
from ai_adapter.providers import wire
from ai_adapter.providers.factory import Endpoint
from ai_adapter.providers.reasons import reaction
from schemas.clock import Clock

_CONNECT_S = 5.0
_NO_KEY = "none"  # local servers take any; the SDK insists on having one


class OpenAICompatible:
    """One endpoint with one client; each ask is exactly one HTTP call."""

    def __init__(self, endpoint: Endpoint, now: Clock) -> None:
        self._endpoint = endpoint
        self._now = now
        # Retries are the gateway's alone: two layers multiply, and each attempt
        # of the SDK would be a cost nobody counts.
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=endpoint.api_key or _NO_KEY,
            max_retries=0,
        )

    @property
    def name(self) -> str:
        return self._endpoint.name

    async def ask(self, call: Call) -> Reply:
        """One attempt; a lost answer is `OutcomeUnknown`."""
        try:
            if call.ask.task == "embed":
                return await self._embed(call)
            return await self._chat(call)
        except openai.OpenAIError as error:
            raise reaction(error, self._now) from error
        except httpx2.HTTPError as error:
            raise AskAgain("the answer broke off while it was read") from error

    async def close(self) -> None:
        await self._client.close()

    async def _chat(self, call: Call) -> Reply:
        raw = await self._client.chat.completions.with_raw_response.create(
            model=call.model,
            messages=_messages(call),
            temperature=call.ask.temperature,
            top_p=call.ask.top_p,
            timeout=_timeout(call),
            extra_body=self._extra(call),
        )
        answer = wire.decoded(raw.content, wire.Chat)
        spent = wire.spent_of(answer, call.model)
        text = _text(answer, spent)
        output = shaped(call.ask.task, text, call.variants, spent)
        return Reply(output, spent, raw.request_id or answer.id)

    async def _embed(self, call: Call) -> Reply:
        raw = await self._client.embeddings.with_raw_response.create(
            model=call.model,
            input=[text or " " for text in call.inputs],
            encoding_format="float",
            timeout=_timeout(call),
        )
        answer = wire.decoded(raw.content, wire.Embeddings)
        spent = wire.spent_of(answer, call.model)
        return Reply(_vectors(answer, call, spent), spent, raw.request_id or "")

    def _extra(self, call: Call) -> dict[str, object]:
        dialect = self._endpoint.dialect
        extra: dict[str, object] = {dialect.token_field: call.ask.max_tokens}
        if dialect.thinking_off:
            extra["thinking"] = {"type": "disabled"}
        if call.variants > 1 and self._endpoint.json_mode:
            extra["response_format"] = {"type": "json_object"}
        return extra


def _messages(call: Call) -> list[ChatCompletionMessageParam]:
    return [
        {"role": "system", "content": call.system},
        {"role": "user", "content": call.user},
    ]


def _timeout(call: Call) -> httpx2.Timeout:
    return httpx2.Timeout(call.timeout_s, connect=min(_CONNECT_S, call.timeout_s))


def _text(answer: wire.Chat, spent: Spent) -> str:
    if not answer.choices:
        raise AskAgain("the answer has no choice", spent)
    choice = answer.choices[0]
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise Refused("content_policy", "the provider does not answer this", spent)
    if choice.finish_reason == "insufficient_system_resource":
        raise TryLater("the provider ran out of room while answering")
    return choice.message.content or ""


def _vectors(answer: wire.Embeddings, call: Call, spent: Spent) -> Output:
    ordered = sorted(answer.data, key=lambda vector: vector.index)
    vectors = tuple(vector.embedding for vector in ordered)
    if len(vectors) != len(call.inputs) or len({len(v) for v in vectors}) != 1:
        raise AskAgain("not one vector of one size for each input", spent)
    if not vectors[0]:
        raise AskAgain("the vectors are empty", spent)
    return vectors
