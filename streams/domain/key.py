"""Rules of an API key."""

from typing import assert_never

from msgspec import Struct

from schemas.commands.tenant import CreateKey, KeyCommand, RevokeKey
from schemas.events.tenant import KeyCreated, KeyEvent, KeyRevoked
from streams.domain.rejected import exists, missing


class Key(Struct, frozen=True):
    sha256: str = ""
    revoked: bool = False


initial = Key()


def decide(command: KeyCommand, key: Key) -> KeyEvent | None:
    match command:
        case CreateKey():
            return _create(command, key)
        case RevokeKey():
            if not key.sha256:
                raise missing("key")
            return None if key.revoked else KeyRevoked()
        case _:
            assert_never(command)


def _create(command: CreateKey, key: Key) -> KeyEvent | None:
    if key.sha256:
        if key.sha256 == command.sha256:
            return None
        raise exists("key")
    return KeyCreated(
        user_id=command.user_id,
        role=command.role,
        sha256=command.sha256,
        label=command.label,
    )


def evolve(key: Key, event: KeyEvent) -> Key:
    match event:
        case KeyCreated(sha256=sha256):
            return Key(sha256=sha256)
        case KeyRevoked():
            return Key(sha256=key.sha256, revoked=True)
        case _:
            assert_never(event)
