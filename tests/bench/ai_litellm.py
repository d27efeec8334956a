"""LiteLLM's call, its Router and its SDK, in its own environment: `… URL WORDS`."""

import os
import sys
from collections.abc import AsyncIterator

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import openai

from tests.bench.ai_turns import take_turns

# One whose price it knows: without, it writes a warning for every call.
MODEL = "openai/gpt-4o-mini"


def main() -> None:
    litellm.telemetry = False
    url, words = sys.argv[1], sys.argv[2]
    asked = {
        "messages": [
            {"role": "system", "content": "Summarise."},
            {"role": "user", "content": words},
        ],
        "temperature": 0.7,
        "top_p": 1.0,
        "max_tokens": 800,
    }
    known = {"api_base": url, "api_key": "k", "max_retries": 0}
    router = litellm.Router(
        model_list=[
            {"model_name": "bench", "litellm_params": {"model": MODEL, **known}}
        ],
        num_retries=0,
    )

    async def call() -> object:
        return await litellm.acompletion(model=MODEL, **known, **asked)

    async def routed() -> object:
        return await router.acompletion(model="bench", **asked)

    client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0)

    async def bare() -> object:
        return await client.chat.completions.create(model=MODEL, **asked)

    async def stream() -> AsyncIterator[object]:
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        pieces = await litellm.acompletion(model=MODEL, **known, **asked, **streaming)
        async for piece in pieces:
            yield piece

    calls = {"litellm": call, "router": routed, "litellm_bare": bare}
    take_turns(calls, {"litellm_stream": stream})


if __name__ == "__main__":
    main()
