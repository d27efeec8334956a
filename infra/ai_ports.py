"""The gateway of a process: its endpoints, and everything it needs from outside."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ai_adapter.base import Fact
from ai_adapter.gateway import Gateway
from ai_adapter.guard.guard import StandardGuard
from ai_adapter.metrics import Meters
from ai_adapter.ports import Policies
from ai_adapter.providers.factory import Endpoint
from infra import ai_spans, prices
from infra.ai_keys import ProviderKeys
from infra.ai_prompts import Appends, LivePrompts
from infra.settings import Settings
from infra.wiring import Ports

_ENDPOINT = re.compile(r"(\w+)=([^\s,@]+)(?:@([^\s,]+))?")


async def around(
    opened: Ports, log: Appends, policies: Policies | None = None
) -> Gateway:
    """Closed with the ports; without an endpoint a template answers, and says so."""
    settings = opened.settings
    return await opened.enter(
        _closing(
            Gateway(
                endpoints(settings),
                policies=policies,
                keys=ProviderKeys(await opened.keyring()),
                prices=prices.book(settings),
                guard=StandardGuard(settings.secret_for("ai:canaries").encode()),
                prompts=LivePrompts(await opened.pool(largest=2), log),
                tell=_each(Meters().tell, ai_spans.tell),
                salt=settings.secret_for("ai:customers").encode(),
            )
        )
    )


def endpoints(settings: Settings) -> list[Endpoint]:
    """Those of CONTENTOPS_AI_ENDPOINTS, after the one that has settings of its own."""
    listed = _ENDPOINT.findall(settings.ai_endpoints)
    more = [Endpoint(name, model, url) for name, model, url in listed]
    return [*_first(settings), *more]


def _first(settings: Settings) -> list[Endpoint]:
    if settings.ai_api_key is None and settings.ai_base_url is None:
        return []
    key = settings.ai_api_key.get_secret_value() if settings.ai_api_key else ""
    return [
        Endpoint(
            name=settings.ai_provider,
            default_model=settings.need("ai_model"),
            base_url=settings.ai_base_url or "",
            api_key=key,
        )
    ]


@asynccontextmanager
async def _closing(gateway: Gateway) -> AsyncIterator[Gateway]:
    try:
        yield gateway
    finally:
        await gateway.close()


def _each(*listeners: Callable[[Fact], None]) -> Callable[[Fact], None]:
    def tell(fact: Fact) -> None:
        for listener in listeners:
            listener(fact)

    return tell
