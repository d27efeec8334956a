"""Models end: their providers are asked daily, and it is told well before the day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from ai_adapter.attempts import Timing
from ai_adapter.base import ModelEnding
from ai_adapter.errors import FAILURES
from ai_adapter.models import ends_on
from ai_adapter.ports import Tell
from ai_adapter.providers.factory import Endpoint
from ai_adapter.providers.port import Provider

NOTICES = (90, 30, 7, 0)
DAY_S = 86_400.0


@runtime_checkable
class Lists(Protocol):
    """A provider that says which models it has."""

    async def models(self) -> bytes:
        """Raises only the classes of `ai_adapter.errors`."""
        ...


class _Listed(Struct, frozen=True):
    id: str
    shutdown_date: str | None = None


class _List(Struct, frozen=True):
    data: tuple[_Listed, ...]


def endings(body: bytes) -> dict[str, date]:
    """The last days in the body of `GET /models`; what cannot be read is left out."""
    try:
        listed = msgspec.json.decode(body.strip(), type=_List).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    found = {each.id: _day(each.shutdown_date or "") for each in listed}
    return {name: day for name, day in found.items() if day is not None}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def notice(ends: date, today: date) -> int | None:
    """The tightest notice that is due; None while the end is far."""
    left = (ends - today).days
    return next((days for days in reversed(NOTICES) if left <= days), None)


class Lifecycle:
    """What providers told of their models; `told` is read by the routing."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        made: Mapping[str, Provider],
        timing: Timing,
        tell: Tell,
    ) -> None:
        self.told: dict[tuple[str, str], date] = {}
        self._endpoints = tuple(endpoints)
        self._made = made
        self._timing = timing
        self._tell = tell
        self._noticed: set[tuple[str, str, date, int]] = set()

    async def keep_looking(self) -> None:
        """Once a day, until cancelled; a provider that is silent is asked tomorrow."""
        while True:
            await self.look()
            await self._timing.sleep(DAY_S)

    async def look(self) -> None:
        """Asks every provider once and tells what is due."""
        for name, provider in self._made.items():
            if isinstance(provider, Lists):
                await self._ask(name, provider)
        for endpoint in self._endpoints:
            for model in sorted(_in_use(endpoint)):
                self._notice(endpoint.name, model)

    async def _ask(self, name: str, provider: Lists) -> None:
        try:
            body = await provider.models()
        except FAILURES:
            return  # not every server has this list; the table of models stays
        self.told |= {(name, model): day for model, day in endings(body).items()}

    def _notice(self, provider: str, model: str) -> None:
        ends = ends_on(provider, model, self.told)
        today = self._timing.now().date()
        days = notice(ends, today) if ends else None
        if ends is None or days is None:
            return
        key = (provider, model, ends, days)
        if key not in self._noticed:
            self._noticed.add(key)
            left = max(timedelta(0), ends - today).days
            self._tell(ModelEnding(provider, model, ends, left))


def _in_use(endpoint: Endpoint) -> set[str]:
    named = (
        endpoint.default_model,
        endpoint.embed_model,
        endpoint.image_model,
        endpoint.moderation_model,
        endpoint.speech_model,
        endpoint.hearing_model,
        *endpoint.aliases.values(),
    )
    return {name for name in named if name}
