"""CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is data."""

from collections.abc import Iterable
from datetime import UTC, datetime
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


class Envelope(Struct, frozen=True, kw_only=True):
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
_REQUIRED = ("id", "type", "subject", "tenant", "time")


def stamp(moment: datetime) -> str:
    """RFC 3339 with microseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
    found: Headers = [
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/json"),
        ("ce_dataschema", f"contentops:schemas/{envelope.type}".encode()),
    ]
    for name, field in _TEXT.items():
        text = getattr(envelope, field)
        if text:
            found.append((name, text.encode()))
    found += _numbers(envelope)
    for name, field in _TIME.items():
        moment = getattr(envelope, field)
        if moment is not None:
            found.append((name, stamp(moment).encode()))
    return found


def _numbers(envelope: Envelope) -> Headers:
    found: Headers = [("ce_sequence", f"{envelope.sequence:020d}".encode())]
    if envelope.owner:
        found.append(("ce_epoch", str(envelope.epoch).encode()))
        found.append(("ce_epochseq", str(envelope.n).encode()))
    if envelope.command_offset >= 0:
        found.append(("ce_commandoffset", str(envelope.command_offset).encode()))
    if envelope.expected_version is not None:
        found.append(("ce_expectedversion", str(envelope.expected_version).encode()))
    return found


def encode(record: Record[Data]) -> tuple[bytes, Headers]:
    """Value and headers; raises TooLarge above 256 kB."""
    value = registry.encode(record.data)
    if len(value) > LIMIT_BYTES:
        raise TooLarge(f"{record.envelope.type}: {len(value)} bytes")
    return value, headers(record.envelope)


def read_headers(pairs: Iterable[tuple[str, str | bytes | None]] | None) -> Envelope:
    """Raises Malformed when a required attribute is missing or no number or time."""
    fields: dict[str, str | int | datetime] = {}
    for name, raw in pairs or ():
        if raw is None:
            continue
        text = raw.decode() if isinstance(raw, bytes) else raw
        try:
            _take(fields, name, text)
        except ValueError as wrong:
            raise Malformed(f"{name}: {text[:80]}") from wrong
    missing = [name for name in _REQUIRED if name not in fields]
    if missing:
        raise Malformed(f"missing {', '.join(missing)}")
    return structs.replace(_BLANK, **fields)


def _take(fields: dict[str, str | int | datetime], name: str, text: str) -> None:
    if name in _TEXT:
        fields[_TEXT[name]] = text
    elif name in _NUMBER:
        fields[_NUMBER[name]] = int(text)
    elif name in _TIME:
        fields[_TIME[name]] = datetime.fromisoformat(text)


_BLANK = Envelope(
    id="", type="", subject="", tenant="", time=datetime.fromtimestamp(0, UTC)
)
