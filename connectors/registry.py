"""The plain list of platforms. A new platform is a folder and one line here."""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from starlette.types import ASGIApp

from connectors import bilibili, douyin
from connectors.base import AppSecrets, Connector, Limits, Place, Platform, Webhooks
from connectors.errors import UnknownPlatform
from connectors.stage import Script
from schemas.clock import Clock, utc_now

CONNECTORS = {known.name: known for known in (bilibili.PLATFORM, douyin.PLATFORM)}


class _Sandbox(Protocol):
    def app(
        self, secrets: AppSecrets, webhook_url: str, state_file: Path, script: Script
    ) -> ASGIApp: ...


def platforms() -> tuple[str, ...]:
    return tuple(sorted(CONNECTORS))


def platform(name: str) -> Platform:
    """Raises UnknownPlatform, which lists those there are."""
    try:
        return CONNECTORS[name]
    except KeyError:
        raise UnknownPlatform(name, CONNECTORS) from None


def connector(
    name: str,
    secrets: AppSecrets,
    *,
    base_url: str | None = None,
    upload_url: str | None = None,
    clock: Clock = utc_now,
) -> Connector:
    """A connector with connections of its own; keep it for the life of the process."""
    return platform(name).connect(Place(secrets, clock, base_url, upload_url))


def webhooks(name: str) -> Webhooks:
    return platform(name).webhooks


def limits(name: str) -> Limits:
    return platform(name).limits


def sandbox(
    name: str, secrets: AppSecrets, webhook_url: str, state_file: Path, script: Script
) -> ASGIApp:
    """The scripted stand-in of a platform, loaded only where one is served."""
    module = import_module(f"connectors.{platform(name).name}.sandbox")
    return cast("_Sandbox", module).app(secrets, webhook_url, state_file, script)
