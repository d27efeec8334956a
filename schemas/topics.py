"""The catalogue of topics: every name on the broker is spelt here and nowhere else."""

from msgspec import Struct

PREFIX = "contentops."
DAY_MS = 86_400_000
FOR_EVER = -1


class Topic(Struct, frozen=True):
    """`partitions` 0 means: as many as this installation chose at its first apply."""

    name: str
    key: str
    writer: str
    retention_ms: int
    partitions: int = 0
    segment_ms: int | None = None
    max_bytes: int = 1_048_588

    def config(self) -> dict[str, str]:
        """Broker settings; all topics carry the broker's own time."""
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_bytes),
        }
        if self.segment_ms is not None:
            settings["segment.ms"] = str(self.segment_ms)
        return settings


class Family(Struct, frozen=True):
    """Aggregates that share one command topic and one event topic."""

    name: str
    aggregates: tuple[str, ...]
    commands: Topic
    events: Topic


def family(name: str, *aggregates: str) -> Family:
    return Family(
        name=name,
        aggregates=aggregates,
        commands=Topic(
            name=f"{PREFIX}{name}.commands.v1",
            key="stream",
            writer="api, reactor, inbound, workers, dispatcher",
            retention_ms=35 * DAY_MS,
            segment_ms=DAY_MS,
        ),
        events=Topic(
            name=f"{PREFIX}{name}.events.v1",
            key="stream",
            writer=f"the {name} decider",
            retention_ms=FOR_EVER,
        ),
    )


TENANT = family("tenant", "tenant", "user", "key")
CONTENT = family("content", "project", "copy")
ASSET = family("asset", "asset", "timeline", "subtitle")
JOB = family("job", "job")
ACCOUNT = family("account", "account")
PUBLICATION = family("publication", "publication")
LEAD = family("lead", "page", "lead")
AI = family(
    "ai",
    "budget",
    "policy",
    "prompt",
    "experiment",
    "exposure",
    "moderation",
    "wordlist",
    "chain",
    "run",
    "model",
    "service",
)

FAMILIES = (TENANT, CONTENT, ASSET, JOB, ACCOUNT, PUBLICATION, LEAD, AI)
FAMILY_OF = {name: each for each in FAMILIES for name in each.aggregates}

ROLES = ("ai", "media", "publish")
JOBS = {
    role: Topic(f"{PREFIX}jobs.{role}.v1", "job id", "dispatcher", DAY_MS)
    for role in ROLES
}
PROGRESS = Topic(f"{PREFIX}progress.v1", "job id", "workers", DAY_MS)
INBOUND = Topic(f"{PREFIX}inbound.v1", "provider:account", "api", 90 * DAY_MS)
TRACKING = Topic(
    f"{PREFIX}tracking.v1", "tenant:subject", "page tracker, collectors", FOR_EVER
)
# Room for the biggest record of any other topic, and for why it is here.
PARKED = Topic(
    f"{PREFIX}parked.v1", "stream", "any consumer", FOR_EVER, max_bytes=2_097_152
)
AUDIT = Topic(f"{PREFIX}audit.v1", "topic:partition", "auditor", FOR_EVER, 1)

TOPICS: tuple[Topic, ...] = (
    *(topic for each in FAMILIES for topic in (each.commands, each.events)),
    *JOBS.values(),
    PROGRESS,
    INBOUND,
    TRACKING,
    PARKED,
    AUDIT,
)
EVENT_TOPICS = tuple(each.events for each in FAMILIES)
