"""Making an API key on the machine itself: tenant, person and key, all on the log."""

import hashlib
import secrets

from infra.problem import Stop
from infra.settings import Settings
from infra.wishes import decide_all
from schemas.commands.tenant import AddUser, CreateKey, CreateTenant
from schemas.ids import derived


def create(settings: Settings, tenant: str, role: str) -> str:
    """The new key, once its row is visible; it is shown once and stored hashed.

    Raises Stop for a name that is no tenant's: `@` begins what belongs to all.
    """
    if tenant.startswith("@"):
        raise Stop(f"{tenant} is no name of a tenant: begin it otherwise.", code=2)
    key = f"co_{secrets.token_urlsafe(32)}"
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    user_id = derived("user", tenant, role)
    made = CreateKey(user_id=user_id, role=role, sha256=sha256)
    wishes = (
        (CreateTenant(name=tenant), tenant),
        (AddUser(role=role), user_id),
        (made, derived("key", sha256)),
    )
    decide_all(settings, tenant, wishes)
    return key
