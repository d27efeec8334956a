"""Keys of AI providers: sealed beside other secrets, for a tenant or for everybody."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from ai_adapter.errors import TryLater
from infra.ai_noting import INSTALLATION
from infra.problem import Stop
from infra.settings import Settings
from schemas.ids import derived
from streams.keyring import KeyMissing, Keyring, SecretMissing, Tampered
from streams.pools import open_pool

T = TypeVar("T")

EVERYBODY = INSTALLATION
FRESH_S = 1.0
MOST_KEPT = 10_000
LONGEST = 512
_NAME = "ai-provider:"
_log = structlog.get_logger("ai_keys")


class Key(str):
    """A key that a log line or an error cannot show by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Secrets(Protocol):
    """The keyring as far as keys need it."""

    async def get_secret(self, tenant: str, ref: str) -> bytes: ...


class ProviderKeys:
    """The tenant's own key, else the installation's, else none; never a second old.

    While the store is away the last known key counts on.
    """

    def __init__(
        self, secrets: Secrets, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Key]] = {}

    async def key(self, tenant: str, provider: str) -> str:
        """Raises TryLater when the store is away and no key is known."""
        kept = self._kept.get((tenant, provider))
        if kept is not None and self._clock() - kept[0] < FRESH_S:
            return kept[1]
        try:
            found = await self._found(tenant, provider)
        except (psycopg.Error, PoolTimeout, KeyMissing, Tampered) as away:
            return self._last(kept, provider, away)
        self._keep((tenant, provider), found)
        return found

    async def _found(self, tenant: str, provider: str) -> Key:
        for owner in (tenant, EVERYBODY):
            try:
                plain = await self._secrets.get_secret(owner, _ref(owner, provider))
                return Key(plain.decode())
            except SecretMissing:
                continue
        return Key()

    def _last(
        self, kept: tuple[float, Key] | None, provider: str, away: Exception
    ) -> Key:
        reason = type(away).__name__
        _log.warning("no key could be read", action="use_last", reason=reason)
        if kept is None:
            # Not the endpoint's own key: a tenant's call would be paid by another.
            raise TryLater(f"the key for {provider} cannot be read: {reason}") from away
        return kept[1]

    def _keep(self, of: tuple[str, str], key: Key) -> None:
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[of] = (self._clock(), key)


def put(settings: Settings, provider: str, tenant: str | None, typed: str) -> None:
    """Raises Stop for what is no key."""
    key = typed.strip()
    if not key or len(key) > LONGEST or not key.isascii() or not key.isprintable():
        raise Stop("That is no key: type or pipe in one line of ASCII.", code=2)
    if " " in key:
        raise Stop("That is no key: there is a space in it.", code=2)
    owner, name = tenant or EVERYBODY, f"{_NAME}{provider}"
    _with(settings, lambda ring: ring.put_secret(owner, name, key.encode()))


def remove(settings: Settings, provider: str, tenant: str | None) -> None:
    """Raises Stop when there is none."""
    owner, name = tenant or EVERYBODY, f"{_NAME}{provider}"
    if not _with(settings, lambda ring: ring.drop_secret(owner, name)):
        raise Stop(f"There is no key for {provider}: see `contentops ai key list`.")


def lines(settings: Settings) -> list[str]:
    """Whose keys there are."""
    found = _with(settings, lambda ring: ring.named(_NAME))
    if not found:
        return ["No key is sealed; endpoints use the key of their settings."]
    return [
        f"{each.name.removeprefix(_NAME):12} "
        f"{'everybody' if each.tenant == EVERYBODY else each.tenant:20} "
        f"since {each.since.isoformat(timespec='seconds')}"
        for each in found
    ]


def _ref(owner: str, provider: str) -> str:
    return derived("secret", owner, f"{_NAME}{provider}")


def _with(settings: Settings, work: Callable[[Keyring], Awaitable[T]]) -> T:
    async def main() -> T:
        conninfo = settings.dsn("keys", "contentops_keys")
        async with open_pool(conninfo, smallest=1, largest=1) as pool:
            return await work(Keyring(pool, settings.master_key()))

    return asyncio.run(main())
