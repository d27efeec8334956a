"""How a person on this machine signs in to the stores, as a role with few rights."""

from infra.problem import Stop
from infra.settings import Settings


def sign_in(settings: Settings, who: str) -> str:
    """`analyst`: ClickHouse address, user and password. `api`: a Postgres DSN."""
    if who == "analyst":
        password = settings.clickhouse_password("analyst")
        return f"{settings.need('clickhouse')} analyst {password}"
    if who == "api":
        return settings.dsn("api")
    raise Stop(f"There is no sign-in for {who}: use analyst or api.", code=2)
