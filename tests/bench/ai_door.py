"""`python -m tests.bench.ai_door`: other people's clients stream through contentops.

A whole installation with a model server behind it; the official `openai` client and
LiteLLM are pointed at its door, neither changed, and both read the same words.
"""

import json
import subprocess
import sys

import openai

from infra import keys
from infra.settings import Settings, default_cache
from tests.bench import peers
from tests.bench.ai_api import serving
from tests.bench.ai_clients import MODEL
from tests.bench.ai_overhead import ROOT, Figures, provider

WORDS = 40


def main() -> int:
    found = measured()
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["clients"] == 2 else 1


def measured() -> Figures:
    """How many of both clients read everything, and what each of them read."""
    with (
        provider("--chunks", str(WORDS), "--gap", "5") as url,
        serving(
            ai_provider="deepseek", ai_base_url=url, ai_model=MODEL, ai_api_key="k"
        ) as settings,
    ):
        return _clients(settings)


def _clients(settings: Settings) -> Figures:
    key = keys.create(settings, "bench", "admin")
    door = f"{settings.api_url}/v1"
    read = {"openai": _official(door, key), "litellm": _litellm(door, key)}
    whole = [each for each in read.values() if each["completion_tokens"] == WORDS]
    return {"clients": len(whole), **read}


def _official(door: str, key: str) -> Figures:
    client = openai.OpenAI(base_url=door, api_key=key, max_retries=0)
    stream = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Describe the lamp in one sentence."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    told = [each.choices[0].delta.content or "" for each in chunks if each.choices]
    used = chunks[-1].usage
    return {
        "chunks": len(chunks),
        "text": "".join(told),
        "finish": [e.choices[0].finish_reason for e in chunks if e.choices][-1],
        "completion_tokens": used.completion_tokens if used else 0,
    }


def _litellm(door: str, key: str) -> Figures:
    python = peers.environment(default_cache(), "litellm", peers.LITELLM)
    done = subprocess.run(
        [str(python), "-m", "tests.bench.ai_other_client", door, key],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Figures = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
