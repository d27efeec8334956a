"""The two files ClickHouse reads at its start: ports and paths, users and grants.

Users cannot be made by SQL in this mode, so all are written here, and whoever is not
named here cannot do anything. An analyst of one tenant reads through a row policy on
the whole database, so it holds for tables that are made later, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

DATABASE = "contentops"
TENANT_USER = "tenant_"
# Views show what a tenant may see; tables would show how many rows all tenants have.
VIEWS_ONLY = {"tables": "engine = 'View'", "columns": "NOT match(table, '_v[0-9]+$')"}
BOOT_STATEMENTS = 2
ENGINES = (
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "Memory",
    "Null",
)
WRITE = (
    "SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, "
    "DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE"
)
SINK_GRANTS = (
    f"GRANT {WRITE} ON {DATABASE}.*",
    *(f"GRANT TABLE ENGINE ON {engine}" for engine in ENGINES),
)
ADMIN_GRANTS = (
    f"GRANT {WRITE}, CREATE DATABASE, DROP DATABASE, SHOW ON {DATABASE}.*",
    "GRANT TABLE ENGINE ON Atomic",
    *(f"GRANT TABLE ENGINE ON {engine}" for engine in ENGINES),
    "GRANT SELECT ON system.*",
)
ANALYST_GRANTS = (f"GRANT SELECT ON {DATABASE}.*",)
LAUNCHER_GRANTS = (
    "GRANT KILL QUERY ON *.*",
    "GRANT SELECT ON system.processes",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    run: Path
    port: int
    memory_bytes: int = 2 << 30


def config(place: Place) -> str:
    return f"""<clickhouse>
 <logger><level>warning</level><log>{place.run}/server.log</log>
  <errorlog>{place.run}/error.log</errorlog><size>20M</size><count>2</count></logger>
 <listen_host>127.0.0.1</listen_host><http_port>{place.port}</http_port>
 <display_name>contentops</display_name>
 <default_database>nothing_here</default_database>
 <max_connections>256</max_connections><keep_alive_timeout>30</keep_alive_timeout>
 <max_server_memory_usage>{place.memory_bytes}</max_server_memory_usage>
 <mark_cache_size>67108864</mark_cache_size>
 <asynchronous_metrics_update_period_s>60</asynchronous_metrics_update_period_s>
 <background_pool_size>2</background_pool_size>
 <background_schedule_pool_size>8</background_schedule_pool_size>
 <user_directories><users_xml><path>{place.run}/users.xml</path></users_xml>
 </user_directories>
</clickhouse>
"""


def tenant_user(tenant: str) -> str:
    """`tenant` is made of letters, digits and hyphens."""
    return TENANT_USER + tenant.replace("-", "_")


def users(passwords: Mapping[str, str], tenants: Mapping[str, str] = {}) -> str:
    """`passwords` names sink, admin, analyst and launcher.

    `tenants` has the password of each tenant's own analyst.
    """
    entries = [
        _user("sink", passwords, SINK_GRANTS),
        _user("admin", passwords, ADMIN_GRANTS),
        _user("analyst", passwords, ANALYST_GRANTS, profile="analyst"),
        _user("launcher", passwords, LAUNCHER_GRANTS),
        *(_tenant_user(*each) for each in tenants.items()),
    ]
    return f"""<clickhouse>
 {PROFILES}
 <quotas>
  <default/>
  <boot><interval><duration>31556952</duration>
   <queries>{BOOT_STATEMENTS}</queries></interval></boot>
 </quotas>
 <users>
  <default><!-- the server's own session: its quota is spent by the start itself -->
   <password/><networks><ip>127.0.0.1</ip></networks>
   <profile>default</profile><quota>boot</quota>
   <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
  </default>
  {"".join(entries)}
 </users>
</clickhouse>
"""


# Python('x') from a server thread crashes the process; ZSTD breaks older JDBC drivers.
PROFILES = """<profiles>
  <default>
   <allow_python_table_function>0</allow_python_table_function>
   <network_compression_method>LZ4</network_compression_method>
   <constraints><allow_python_table_function><readonly/>
   </allow_python_table_function></constraints>
  </default>
  <analyst>
   <profile>default</profile>
   <readonly>2</readonly><allow_ddl>0</allow_ddl>
   <allow_introspection_functions>0</allow_introspection_functions>
   <max_memory_usage>1000000000</max_memory_usage>
   <max_execution_time>30</max_execution_time>
   <max_concurrent_queries_for_user>8</max_concurrent_queries_for_user>
   <constraints>
    <max_memory_usage><max>1000000000</max></max_memory_usage>
    <max_execution_time><min>1</min><max>30</max></max_execution_time>
    <allow_python_table_function><readonly/></allow_python_table_function>
    <allow_ddl><readonly/></allow_ddl>
    <allow_introspection_functions><readonly/></allow_introspection_functions>
   </constraints>
  </analyst>
 </profiles>"""


def _user(
    name: str,
    passwords: Mapping[str, str],
    grants: tuple[str, ...],
    profile: str = "default",
) -> str:
    return f"<{name}>{_entry(passwords[name], grants, profile)}</{name}>"


def _entry(password: str, grants: tuple[str, ...], profile: str) -> str:
    rows = "".join(f"<query>{escape(grant)}</query>" for grant in grants)
    return (
        f"<password>{escape(password)}</password>"
        f"<networks><ip>127.0.0.1</ip></networks><profile>{profile}</profile>"
        f"<quota>default</quota><grants>{rows}</grants>"
    )


def _tenant_user(tenant: str, password: str) -> str:
    """A policy without the name of a table is one for all tables of the database."""
    name = tenant_user(tenant)
    system = "".join(map(_filter, VIEWS_ONLY, VIEWS_ONLY.values()))
    ours = _filter("", f"tenant = '{tenant}'")
    return (
        f"<{name}>{_entry(password, ANALYST_GRANTS, 'analyst')}<databases>"
        f'<database name="{DATABASE}">{ours}</database>'
        f'<database name="system">{system}</database></databases></{name}>'
    )


def _filter(table: str, condition: str) -> str:
    return f'<table name="{table}"><filter>{escape(condition)}</filter></table>'
