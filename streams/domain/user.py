"""Rules of a person who belongs to a tenant."""

from msgspec import Struct

from schemas.commands.tenant import UserCommand
from schemas.events.tenant import UserAdded, UserEvent
from streams.domain.rejected import Rejected

ROLES = ("admin", "operator", "viewer")


class User(Struct, frozen=True):
    role: str = ""


initial = User()


def decide(command: UserCommand, user: User) -> UserEvent | None:
    if command.role not in ROLES:
        raise Rejected(
            "invalid", "role_unknown", f"Use one of {ROLES}.", pointer="/role"
        )
    if user.role == command.role:
        return None
    return UserAdded(role=command.role)


def evolve(_user: User, event: UserEvent) -> User:
    return User(role=event.role)
