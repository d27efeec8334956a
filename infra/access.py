"""How a person on this machine signs in to the stores, as a role with few rights."""

from clickhouse_connect.driver.exceptions import DatabaseError

from infra import migrate
from infra.problem import Stop
from infra.settings import Settings
from infra.stack import analysts
from infra.stack.clickhouse_config import DATABASE, VIEWS_ONLY, tenant_user
from projections.clickhouse import NOT_ALLOWED, code_of

EVERYBODY_ELSE = "sink, admin, analyst"


def sign_in(settings: Settings, who: str, tenant: str | None = None) -> str:
    """`analyst`: ClickHouse address, user and password. `api`: a Postgres DSN.

    An analyst of a tenant is made when it is first asked for.
    """
    if who == "analyst":
        url = settings.need("clickhouse")
        if tenant is None:
            return f"{url} analyst {settings.clickhouse_password('analyst')}"
        return f"{url} {tenant_analyst(settings, tenant)}"
    if who == "api" and tenant is None:
        return settings.dsn("api")
    raise Stop("There is a sign-in for analyst (with --tenant) and for api.", code=2)


def tenant_analyst(settings: Settings, tenant: str) -> str:
    """User and password of somebody who reads one tenant's facts and nothing else."""
    if not tenant.isascii() or not tenant.replace("-", "").isalnum():
        raise Stop("--tenant takes letters, digits and hyphens.", code=2)
    user, password = tenant_user(tenant), analysts.password_of(settings, tenant)
    if not analysts.answers(settings.need("clickhouse"), user, password):
        if analysts.is_ours(settings):
            analysts.add(settings, tenant, user)
        else:
            _create(settings, tenant, password)
    return f"{user} {password}"


def _create(settings: Settings, tenant: str, password: str) -> None:
    """In a ClickHouse of somebody else, by SQL."""
    client = migrate.analyst_store(settings)
    made = statements(tenant, password)
    try:
        for statement in made:
            client.command(statement)
    except DatabaseError as wrong:
        if code_of(wrong) not in NOT_ALLOWED:
            raise
        raise Stop(
            "The user `admin` of this ClickHouse may not make users. Let its "
            "administrator run:\n" + ";\n".join(made) + ";"
        ) from wrong
    finally:
        client.close()


def statements(tenant: str, password: str) -> list[str]:
    """The user, and the policies that hold it to its tenant; all may be repeated.

    Who has no policy on a table that has some may see nothing, hence the last one.
    """
    user = tenant_user(tenant)
    policies = [(f"{DATABASE}.*", f"tenant = '{tenant}'")]
    policies += [(f"system.{name}", rule) for name, rule in VIEWS_ONLY.items()]
    open_to = [(where, "1") for where, _ in policies]
    made = f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'"
    return [
        f"{made} SETTINGS PROFILE 'analyst'",
        *(_policy(user, user, *each) for each in policies),
        *(_policy("contentops_others", EVERYBODY_ELSE, *each) for each in open_to),
        f"GRANT SELECT ON {DATABASE}.* TO {user}",
    ]


def _policy(name: str, to: str, where: str, rule: str) -> str:
    return f"CREATE ROW POLICY OR REPLACE {name} ON {where} USING {rule} TO {to}"
