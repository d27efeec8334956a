"""versitygw: an S3 server on a folder, built once with the Go toolchain."""

import contextlib
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from infra.problem import Stop
from infra.stack.cache import held
from infra.stack.children import Child, Children, Program
from infra.stack.waiting import run_once, until
from infra.stack.wheels import folder_of

VERSION = "v1.8.0"
SOURCE = "github.com/versity/versitygw"
ACCESS_KEY = "contentops"
# Go's own hash of the module's source; that in turn fixes every dependency.
MODULE_SUM = "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc="
OLDEST_GO = (1, 25)


def prepare(cache: Path, env: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """The program of the pinned version; a half-built one is never seen."""
    with held(cache, "versitygw") as folder:
        program = folder / VERSION / "versitygw"
        if not program.exists():
            say("s3: building the object server (about a minute, once)")
            _build(folder, env)
        return program


async def start(
    children: Children,
    data: Path,
    program: Path,
    *,
    port: int,
    secret: str,
    env: Mapping[str, str],
) -> Child:
    store = data / "objects" / "data"
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": secret}
    address = f"127.0.0.1:{port}"
    child = children.spawn(
        Program(
            name="s3",
            command=[
                *(program, "--port", address, "--quiet", "--health", "/healthz"),
                *("posix", *_where_attributes_go(data / "objects"), store),
            ],
            env={**env, **keys},
            cwd=data / "objects",
        )
    )
    await until(child, lambda: answers(f"http://{address}"), limit_s=30)
    return child


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:  # noqa: S310
            return int(answer.status) == 200
    except OSError:
        return False


def _where_attributes_go(folder: Path) -> list[str | Path]:
    """Object attributes lie in extended attributes, or beside where there are none."""
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        try:
            os.setxattr(probe.name, "user.contentops", b"1")
        except OSError:
            beside = folder / "attributes"
            beside.mkdir(mode=0o700, exist_ok=True)
            return ["--sidecar", beside]
    return []


def _build(folder: Path, env: Mapping[str, str]) -> None:
    go, root = toolchain(env)
    shutil.rmtree(folder / "build", ignore_errors=True)
    with _scratch(folder / "build") as scratch:
        build_env = {
            **env,
            **root,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": f"{env.get('GOFLAGS', '')} -modcacherw".strip(),
            "GOPATH": str(scratch / "path"),
            "GOMODCACHE": str(scratch / "modules"),
            "GOCACHE": str(scratch / "objects"),
            "GOBIN": str(scratch / "bin"),
        }
        target = f"{SOURCE}/cmd/versitygw@{VERSION}"
        command = [go, "install", "-trimpath", "-ldflags=-s -w", target]
        try:
            run_once(command, env=build_env, cwd=scratch)
        except Stop as problem:
            raise Stop(
                f"Cannot build the object server ({problem}): check the network, or "
                "set CONTENTOPS_S3 to a running S3 server."
            ) from problem
        check_origin(
            run_once(
                [go, "version", "-m", str(scratch / "bin")], env=build_env, cwd=scratch
            )
        )
        (scratch / "bin").rename(folder / VERSION)


def check_origin(build_record: str) -> None:
    """`go version -m` tells which source a program was made of."""
    rows = [line.split() for line in build_record.splitlines()]
    if ["mod", SOURCE, VERSION, MODULE_SUM] not in rows:
        raise Stop(
            f"{SOURCE} {VERSION} was built from another source than the pinned one and "
            "was refused: try again, and if it stays so, do not trust this network."
        )


@contextlib.contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def toolchain(env: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A Go on PATH that is new enough, else the one that came as a wheel."""
    found = shutil.which("go", path=env.get("PATH"))
    if found and _go_version(found, env) >= OLDEST_GO:
        return found, {}
    root = folder_of("go")
    return str(root / "bin" / "go"), {"GOROOT": str(root)}


def _go_version(go: str, env: Mapping[str, str]) -> tuple[int, ...]:
    """As in `go version go1.26.8 linux/amd64`; anything else counts as too old."""
    with contextlib.suppress(Stop, OSError, IndexError, ValueError):
        words = run_once([go, "version"], env=env, cwd=Path("/")).split()
        number = words[2].removeprefix("go").split(".")
        return int(number[0]), int(number[1])
    return (0,)
