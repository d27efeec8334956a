"""Questions asked of leads: the one place that opens what a person typed."""

from typing import Protocol

import msgspec
from msgspec import Struct

from schemas.jobs import Sealed

FIELD = "contact"


class Opens(Protocol):
    """The keyring, as far as reading needs it."""

    async def open(self, tenant: str, sealed: Sealed, field: str) -> bytes | None: ...


class Contact(Struct, frozen=True):
    fields: dict[str, str]
    consent: bool | None = None


async def contact(
    keyring: Opens, tenant: str, sealed: Sealed, *, clear: bool
) -> Contact | None:
    """None for an erased person; masked for whoever may only look."""
    plain = await keyring.open(tenant, sealed, FIELD)
    if plain is None:
        return None
    found = msgspec.json.decode(plain, type=Contact)
    if clear:
        return found
    hidden = {name: masked(value) for name, value in found.fields.items()}
    return Contact(hidden, found.consent)


def masked(value: str) -> str:
    """Enough to recognise a person one knows, too little to write to one."""
    return f"{value[:1]}***{value[-1:]}" if len(value) > 4 else "***"
