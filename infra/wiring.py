"""Settings into ports: the one place where parts meet the addresses they talk to."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import cached_property
from typing import TypeVar

from ai_adapter.registry import DIALECTS
from ai_adapter.speech import OpenAISpeech, Speech, SpeechEndpoint
from ai_adapter.transcription import Ears, Transcriber, transcriber
from connectors import registry
from connectors.base import AppSecrets, Connector, Limits, Webhooks
from connectors.errors import Misconfigured
from infra.settings import PREFIX, PostgresRole, Settings
from media_agents.fetch import Guard
from media_agents.speaking import Espeak
from media_agents.storage import Storage
from media_agents.tool_services import ToolServices
from streams.backlog import Backlog
from streams.decisions import Decisions
from streams.keyring import Keyring
from streams.log import Log
from streams.pools import Pool, open_pool

T = TypeVar("T")


def storage(settings: Settings) -> Storage:
    return Storage(
        settings.need("s3"),
        settings.need("s3_access_key"),
        settings.need("s3_secret_key"),
        settings.s3_bucket,
        settings.s3_region,
        patience_s=settings.s3_patience_s,
    )


def tool_services(settings: Settings) -> ToolServices:
    """Tools of others; on this machine itself only where a setting says so."""
    return ToolServices(Guard(allow_loopback=settings.services_loopback))


def speech(settings: Settings) -> Speech:
    """Without a base URL and a key the voices that need no network speak."""
    if settings.speech_api_key is None and settings.speech_base_url is None:
        return Espeak()
    key = settings.speech_api_key.get_secret_value() if settings.speech_api_key else ""
    return OpenAISpeech(
        SpeechEndpoint(
            name="speech",
            base_url=settings.speech_base_url or DIALECTS["openai"].base_url,
            model=settings.need("speech_model"),
            voice=settings.speech_voice,
            api_key=key,
        )
    )


def hearing(settings: Settings) -> Transcriber | None:
    """None without a key or a base URL: English is then recognised on this machine."""
    if settings.asr_api_key is None and settings.asr_base_url is None:
        return None
    key = settings.asr_api_key.get_secret_value() if settings.asr_api_key else ""
    return transcriber(
        Ears(
            name=settings.asr_provider,
            model=settings.need("asr_model"),
            base_url=settings.asr_base_url or "",
            api_key=key,
            gives=settings.asr_gives,
            most_bytes=settings.asr_bytes_max,
        )
    )


def app_secrets(settings: Settings, platform: str) -> AppSecrets:
    """Raises UnknownPlatform, or Misconfigured that names the variables."""
    names = {
        "bilibili": ("bilibili_client_id", "bilibili_client_secret"),
        "douyin": ("douyin_client_key", "douyin_client_secret"),
    }
    first, second = names[registry.platform(platform).name]
    if getattr(settings, first) is None or getattr(settings, second) is None:
        raise Misconfigured(
            f"{platform} is not set up: set {PREFIX}{first.upper()} and "
            f"{PREFIX}{second.upper()}"
        )
    return AppSecrets(settings.need(first), settings.need(second))


def connector(settings: Settings, platform: str) -> Connector:
    base = {"bilibili": settings.bilibili_base_url, "douyin": settings.douyin_base_url}
    return registry.connector(
        platform,
        app_secrets(settings, platform),
        base_url=base.get(platform),
        upload_url=settings.bilibili_upload_url if platform == "bilibili" else None,
    )


def connectors(settings: Settings) -> Callable[[str], Connector]:
    """Connectors are made once and kept: they hold connections and tickets."""
    made: dict[str, Connector] = {}

    def find(platform: str) -> Connector:
        if platform not in made:
            made[platform] = connector(settings, platform)
        return made[platform]

    return find


class Platforms:
    """What the edge may know of platforms."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def limits(self, platform: str) -> Limits:
        return registry.limits(platform)

    def mode(self, platform: str) -> str:
        return registry.platform(platform).mode

    def webhooks(self, platform: str) -> Webhooks:
        return registry.webhooks(platform)

    def app_secrets(self, platform: str) -> AppSecrets:
        return app_secrets(self._settings, platform)


class Credentials:
    """Platform credentials as connectors want them: opened, by name."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def get_secret(self, tenant: str, ref: str) -> Mapping[str, str]:
        found = json.loads(await self._keyring.get_secret(tenant, ref))
        return {str(name): str(value) for name, value in found.items()}


class Ports:
    """What the asyncio roles share; opened together, closed in reverse."""

    def __init__(
        self, settings: Settings, stack: AsyncExitStack, role: PostgresRole
    ) -> None:
        self.settings = settings
        self._stack = stack
        self._role = role
        self._keyring: Keyring | None = None

    async def enter(self, opened: AbstractAsyncContextManager[T]) -> T:
        return await self._stack.enter_async_context(opened)

    async def pool(self, *, largest: int | None = None) -> Pool:
        pool = pool_of(self.settings, self._role, largest=largest)
        return await self.enter(pool)

    async def keyring(self) -> Keyring:
        """One for the process: its keys are kept once."""
        if self._keyring is None:
            conninfo = self.settings.dsn("keys", "contentops_keys")
            pool = await self.enter(open_pool(conninfo, smallest=1, largest=4))
            self._keyring = Keyring(pool, self.settings.master_key())
        return self._keyring

    async def log(self, timeout_s: float = 15, queue_max: int = 100_000) -> Log:
        kafka = self.settings.need("kafka")
        log = Log(kafka, timeout_s=timeout_s, queue_max=queue_max)
        self._stack.push_async_callback(log.close)
        return log

    async def decisions(self, pool: Pool) -> Decisions:
        decisions = Decisions(pool, self.settings.dsn(self._role))
        await decisions.open()
        self._stack.push_async_callback(decisions.close)
        return decisions

    async def backlog(self, pool: Pool, decisions: Decisions) -> Backlog:
        backlog = Backlog(self.settings.need("kafka"), pool, decisions.look)
        await backlog.open()
        self._stack.push_async_callback(backlog.close)
        return backlog

    @cached_property
    def storage(self) -> Storage:
        return storage(self.settings)


@asynccontextmanager
async def ports(settings: Settings, role: PostgresRole) -> AsyncIterator[Ports]:
    """`role` is the Postgres role whose rights the process has."""
    async with AsyncExitStack() as stack:
        yield Ports(settings, stack, role)


def pool_of(
    settings: Settings, role: PostgresRole, *, largest: int | None = None
) -> Pool:
    most = largest or settings.pool_max
    return open_pool(
        settings.dsn(role),
        smallest=min(settings.pool_min, most),
        largest=most,
        wait_s=settings.pool_wait_s,
        idle_s=settings.pool_idle_s,
        life_s=settings.pool_life_s,
    )
