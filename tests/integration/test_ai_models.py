"""How models are doing, over a real log: a breaker that opens is a fact of it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from ai_adapter.breakers import HARD_IN_A_ROW
from fixtures.fix_api import CREDENTIALS, Tenant, eventually
from fixtures.fix_api import serving as edge_serving
from fixtures.fix_edge import free_port, ready
from fixtures.fix_read_side import Rows
from infra.ai_noting import INSTALLATION
from infra.settings import Settings
from schemas.events.model import ModelHealthChanged
from schemas.ids import model_id
from schemas.registry import wire_name
from tests.contract.openai_server import OpenAIServer, serving, status

NOTED = "SELECT type FROM read.history WHERE tenant = %s AND subject = %s"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def model() -> str:
    """A name of its own: its stream is empty in every run."""
    return f"m-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def edge(stack: Settings, provider: OpenAIServer, model: str) -> Iterator[Settings]:
    settings = stack.replace(
        {
            **CREDENTIALS,
            "api_port": free_port(),
            "ai_provider": "local",
            "ai_base_url": provider.url,
            "ai_model": model,
        }
    )
    with edge_serving(settings):
        eventually(lambda: ready(settings))
        yield settings


def test_a_model_that_always_fails_is_left_alone_and_the_log_knows(
    tenant: Tenant, provider: OpenAIServer, model: str, rows: Rows
) -> None:
    body = {"task": "reply", "input": "灯"}
    provider.script.extend([status(401)] * HARD_IN_A_ROW)

    for _ in range(HARD_IN_A_ROW + 1):
        answer = tenant.http.post("/ai/generate", json=body)
        assert (answer.status_code, answer.json()["degraded"]) == (200, True)

    assert len(provider.bodies) == HARD_IN_A_ROW
    subject = f"model/{model_id('local', model)}"
    told = [(wire_name(ModelHealthChanged),)]
    eventually(lambda: rows(NOTED, (INSTALLATION, subject)) == told)
