"""LiteLLM as a client of contentops' own door: `… DOOR_URL KEY`, prints what it read.

Runs in LiteLLM's environment and knows nothing of contentops.
"""

import asyncio
import json
import os
import sys
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

ASKED = [{"role": "user", "content": "Describe the lamp in one sentence."}]


async def main() -> None:
    url, key = sys.argv[1:]
    known: dict[str, Any] = {
        "model": "openai/auto",
        "api_base": url,
        "api_key": key,
        "max_retries": 0,
    }
    options = {"stream": True, "stream_options": {"include_usage": True}}
    pieces = await litellm.acompletion(**known, messages=ASKED, **options)
    chunks = [each async for each in pieces]
    told = [each.choices[0].delta.content or "" for each in chunks if each.choices]
    used = [each.usage for each in chunks if getattr(each, "usage", None)]
    report = {
        "chunks": len(chunks),
        "text": "".join(told),
        "finish": _finish(chunks),
        "completion_tokens": used[-1].completion_tokens if used else 0,
    }
    sys.stdout.write(json.dumps(report))


def _finish(chunks: list[Any]) -> str:
    reasons = [each.choices[0].finish_reason for each in chunks if each.choices]
    return next(reason for reason in reasons if reason)


if __name__ == "__main__":
    asyncio.run(main())
