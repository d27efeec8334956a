"""CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is data."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct, structs

from schemas import registry
from schemas.ids import stream_key
from schemas.registry import Data

Headers: TypeAlias = list[tuple[str, str | bytes | None]]
T_co = TypeVar("T_co", covariant=True)

LIMIT_BYTES = 256 * 1024


class TooLarge(Exception):
    """The body belongs into the object store, with its hash in the record."""


class Malformed(Exception):
    """A record without the headers every record of ours carries; park it."""


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """Everything about a record but its data.

    `causation` of an event is its command; `cause` is the record that made somebody
    send that command, so a chain can be walked back to where it began.
    `sequence` is the stream's version after this record.
    """

    id: str
    type: str
    subject: str
    tenant: str
    time: datetime
    source: str = "/contentops"
    recorded: datetime | None = None
    key: str = ""
    sequence: int = 0
    epoch: int = 0
    owner: str = ""
    n: int = 0
    command_offset: int = -1
    correlation: str = ""
    causation: str = ""
    cause: str = ""
    auth_id: str = ""
    body_mac: str = ""
    traceparent: str = ""
    expected_version: int | None = None

    @property
    def aggregate(self) -> str:
        return self.subject.partition("/")[0]

    @property
    def aggregate_id(self) -> str:
        return self.subject.partition("/")[2]


class Record(Struct, Generic[T_co], frozen=True, kw_only=True):
    """An event, command or observation as it lies on the log."""

    envelope: Envelope
    data: T_co
    topic: str = ""
    partition: int = -1
    offset: int = -1

    @property
    def tenant(self) -> str:
        return self.envelope.tenant

    @property
    def subject_id(self) -> str:
        return self.envelope.aggregate_id

    @property
    def version(self) -> int:
        return self.envelope.sequence


_TEXT = {
    "ce_id": "id",
    "ce_type": "type",
    "ce_source": "source",
    "ce_subject": "subject",
    "ce_partitionkey": "key",
    "ce_epochowner": "owner",
    "ce_tenantid": "tenant",
    "ce_correlationid": "correlation",
    "ce_causationid": "causation",
    "ce_causeid": "cause",
    "ce_authid": "auth_id",
    "ce_bodymac": "body_mac",
    "traceparent": "traceparent",
}
_NUMBER = {
    "ce_sequence": "sequence",
    "ce_epoch": "epoch",
    "ce_epochseq": "n",
    "ce_commandoffset": "command_offset",
    "ce_expectedversion": "expected_version",
}
_TIME = {"ce_time": "time", "ce_recordedtime": "recorded"}
_REQUIRED_FIRST = ("id", "type", "subject", "tenant", "time")
_REQUIRED = frozenset(_REQUIRED_FIRST)
_ALWAYS = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))


def stamp(moment: datetime) -> str:
    """RFC 3339 with microseconds and Z."""
    there = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return there.isoformat(timespec="microseconds")[:-6] + "Z"


def command(
    data: registry.Command,
    *,
    tenant: str,
    aggregate_id: str,
    id: str,  # noqa: A002  the CloudEvents word
    time: datetime,
    **more: str | int | None,
) -> Record[registry.Command]:
    """A wish addressed to one stream, ready to be appended."""
    aggregate = registry.AGGREGATE_OF[type(data)]
    envelope = Envelope(
        id=id,
        type=registry.wire_name(type(data)),
        subject=f"{aggregate}/{aggregate_id}",
        tenant=tenant,
        time=time,
        key=stream_key(tenant, aggregate_id),
    )
    full = structs.replace(envelope, **more)
    if not full.correlation:
        full = structs.replace(full, correlation=id)
    return Record(envelope=full, data=data)


def headers(envelope: Envelope) -> Headers:
    """Written out field by field: this runs for every record that is written."""
    found: Headers = [
        *_of_type(envelope.type),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_subject", envelope.subject.encode()),
        ("ce_tenantid", envelope.tenant.encode()),
        ("ce_sequence", b"%020d" % envelope.sequence),
        ("ce_time", stamp(envelope.time).encode()),
    ]
    for name, text in (
        ("ce_partitionkey", envelope.key),
        ("ce_correlationid", envelope.correlation),
        ("ce_causationid", envelope.causation),
        ("ce_causeid", envelope.cause),
        ("ce_authid", envelope.auth_id),
        ("ce_bodymac", envelope.body_mac),
        ("traceparent", envelope.traceparent),
    ):
        if text:
            found.append((name, text.encode()))
    if envelope.owner:
        found += _fence(envelope)
    if envelope.command_offset >= 0:
        found.append(("ce_commandoffset", b"%d" % envelope.command_offset))
    if envelope.expected_version is not None:
        found.append(("ce_expectedversion", b"%d" % envelope.expected_version))
    if envelope.recorded is not None:
        found.append(("ce_recordedtime", _recorded(envelope.recorded)))
    return found


@cache
def _of_type(kind: str) -> tuple[tuple[str, bytes], ...]:
    return (
        *_ALWAYS,
        ("ce_dataschema", f"contentops:schemas/{kind}".encode()),
        ("ce_type", kind.encode()),
    )


def _fence(envelope: Envelope) -> Headers:
    return [
        ("ce_epochowner", envelope.owner.encode()),
        ("ce_epoch", b"%d" % envelope.epoch),
        ("ce_epochseq", b"%d" % envelope.n),
    ]


@lru_cache(maxsize=4)
def _recorded(moment: datetime) -> bytes:
    """A decider looks at its clock once for a whole batch."""
    return stamp(moment).encode()


def encode(record: Record[Data]) -> tuple[bytes, Headers]:
    """Value and headers; raises TooLarge above 256 kB, or Unwritable."""
    value = registry.REGISTRY.checked(record.data)
    if len(value) > LIMIT_BYTES:
        raise TooLarge(f"{record.envelope.type}: {len(value)} bytes")
    return value, headers(record.envelope)


def read_headers(pairs: Iterable[tuple[str, str | bytes | None]] | None) -> Envelope:
    """Raises Malformed when a required attribute is missing or no number or time."""
    fields: dict[str, str | int | datetime] = {}
    for name, raw in pairs or ():
        reading = _READING.get(name)
        if reading is None or raw is None:
            continue
        field, read = reading
        try:
            text = raw.decode() if isinstance(raw, bytes) else raw
            fields[field] = text if read is None else read(text)
        except (ValueError, OverflowError) as wrong:
            raise Malformed(f"{name}: {raw[:80]!r}") from wrong
    if not fields.keys() >= _REQUIRED:
        missing = [name for name in _REQUIRED_FIRST if name not in fields]
        raise Malformed(f"missing {', '.join(missing)}")
    return structs.replace(_BLANK, **fields)


def _moment(text: str) -> datetime:
    """In UTC; a time without a zone is none."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found if found.tzinfo is UTC else found.astimezone(UTC)


_READING: dict[str, tuple[str, Callable[[str], int | datetime] | None]] = {
    **{name: (field, None) for name, field in _TEXT.items()},
    **{name: (field, int) for name, field in _NUMBER.items()},
    **{name: (field, _moment) for name, field in _TIME.items()},
}
_BLANK = Envelope(
    id="", type="", subject="", tenant="", time=datetime.fromtimestamp(0, UTC)
)
# What the generated documents say of headers: pattern, and whether it is always there.
ATTRIBUTES: dict[str, tuple[str, bool]] = {
    "ce_specversion": (r"^1\.0$", True),
    "ce_dataschema": ("^contentops:schemas/", True),
    **{name: ("", field in _REQUIRED) for name, field in _TEXT.items()},
    **{name: ("^-?[0-9]+$", name == "ce_sequence") for name in _NUMBER},
    **{
        name: (r"^\d{4}-\d\d-\d\dT", field in _REQUIRED)
        for name, field in _TIME.items()
    },
}
