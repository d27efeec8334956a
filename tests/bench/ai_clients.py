"""The bare SDK and the gateway with the same question: `… PROVIDER_URL WORDS`."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import openai

from ai_adapter.base import Ask
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from tests.bench.ai_turns import Call, Stream, take_turns

MODEL = "deepseek-flash"


def endpoint(url: str, name: str = "deepseek") -> Endpoint:
    return Endpoint(name, MODEL, base_url=url, api_key="k")


def question(words: str, name: str = "deepseek") -> Ask:
    return Ask(task="summary", input=words, tenant_id="bench", model=f"{name}/{MODEL}")


class Bare:
    """What anybody would write with the SDK."""

    def __init__(self, url: str, words: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0)
        self._asked: dict[str, Any] = {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "Summarise."},
                {"role": "user", "content": words},
            ],
            "temperature": 0.7,
            "top_p": 1.0,
            "max_tokens": 800,
        }

    async def call(self) -> object:
        return await self._client.chat.completions.create(**self._asked)

    async def stream(self) -> AsyncIterator[object]:
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        made = await self._client.chat.completions.create(**self._asked, **streaming)
        async for piece in made:
            yield piece


def main() -> None:
    url, words = sys.argv[1], sys.argv[2]
    bare, gateway = Bare(url, words), Gateway([endpoint(url)])
    ask = question(words)

    async def adapter() -> object:
        answer = await gateway.ask(ask)
        assert not answer.degraded, answer.attempts
        return answer

    calls: dict[str, Call] = {"bare": bare.call, "adapter": adapter}
    streams: dict[str, Stream] = {
        "bare_stream": bare.stream,
        "adapter_stream": lambda: gateway.stream(ask),
    }
    take_turns(calls, streams)


if __name__ == "__main__":
    main()
