"""Any endpoint that speaks OpenAI's HTTP, through the `openai` SDK.

The SDK carries requests and names errors. Its models of bodies are left out: they
cost more processor time than everything else together.
"""

from typing import TypeVar, cast

import httpx2
import msgspec
import openai

from ai_adapter.base import Call, Reply
from ai_adapter.errors import AskAgain
from ai_adapter.providers import chat, other_tasks, wire
from ai_adapter.providers.chat_flow import ChatFlow
from ai_adapter.providers.factory import Endpoint
from ai_adapter.providers.port import Flow
from ai_adapter.providers.reasons import reaction
from ai_adapter.streaming import WholeFlow
from schemas.clock import Clock

_CONNECT_S = 5.0
_NO_KEY = "none"  # local servers take any; the SDK insists on having one
_JSON = {"Content-Type": "application/json"}
_CHAT = "/chat/completions"

B = TypeVar("B", wire.Embeddings, wire.Pictures, wire.Moderated)


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
            return await self._asked(call)
        except openai.OpenAIError as error:
            raise reaction(error, self._now) from error
        except httpx2.HTTPError as error:
            raise AskAgain("the answer broke off while it was read") from error

    def stream(self, call: Call) -> Flow:
        """Chats stream; other tasks come as one piece."""
        if call.variants > 1 or other_tasks.is_other(call.ask.task):
            return WholeFlow(self, call)
        return ChatFlow(lambda: self._opened(call), call, self._now)

    async def models(self) -> bytes:
        """The body of `GET /models`."""
        try:
            raw = await self._client.get("/models", cast_to=httpx2.Response)
        except openai.OpenAIError as error:
            raise reaction(error, self._now) from error
        return raw.content

    async def close(self) -> None:
        await self._client.close()

    async def _asked(self, call: Call) -> Reply:
        match call.ask.task:
            case "embed":
                body = other_tasks.embedding(call)
                answer = await self._posted("/embeddings", body, call, wire.Embeddings)
                return other_tasks.vectors(answer, call)
            case "image":
                body = other_tasks.picture(call)
                drawn = await self._posted(
                    "/images/generations", body, call, wire.Pictures
                )
                return other_tasks.pictures(drawn, call)
            case "moderation":
                body = {"model": call.model, "input": list(call.inputs)}
                seen = await self._posted("/moderations", body, call, wire.Moderated)
                return other_tasks.opinions(seen, call)
            case "speech":
                raw = await self._post(
                    "/audio/speech", other_tasks.utterance(call), call
                )
                return other_tasks.spoken(raw, call)
            case "transcription":
                return await other_tasks.heard(self._client, call)
            case _:
                return await self._chatted(call)

    async def _chatted(self, call: Call) -> Reply:
        raw = await self._post(_CHAT, chat.body_of(call, self._endpoint), call)
        answer = wire.decoded(raw.content, wire.Chat)
        return chat.reply_of(answer, call, raw.headers.get("x-request-id", ""))

    async def _posted(
        self, path: str, body: dict[str, object], call: Call, shape: type[B]
    ) -> B:
        raw = await self._post(path, body, call)
        return wire.decoded(raw.content, shape)

    async def _post(
        self, path: str, body: dict[str, object], call: Call
    ) -> httpx2.Response:
        return await self._client.post(
            path,
            cast_to=httpx2.Response,
            content=msgspec.json.encode(body),
            options=_options(call),
        )

    async def _opened(self, call: Call) -> httpx2.Response:
        """The response with its body still unread; whoever gets it closes it."""
        body = chat.streamed(call, self._endpoint)
        opened = await self._client.post(
            _CHAT,
            cast_to=httpx2.Response,
            content=msgspec.json.encode(body),
            options=_options(call),
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        # Asked for a plain response the SDK gives just that, whatever its types say.
        return cast("httpx2.Response", opened)


def _options(call: Call) -> openai.RequestOptions:
    headers: dict[str, str | openai.Omit] = dict(_JSON)
    if call.key:
        headers["Authorization"] = f"Bearer {call.key}"
    connect = min(_CONNECT_S, call.timeout_s)
    return {
        "headers": headers,
        "timeout": httpx2.Timeout(call.timeout_s, connect=connect),
    }
