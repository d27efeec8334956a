"""What a file says about itself where a machine made it, and whose it is.

GB 45438-2025 wants a mark that is seen and one in the file's data under the key `AIGC`,
and nobody who passes the file on may take them off; so both survive every new encode.
"""

import msgspec
from msgspec import Struct

KEY = "AIGC"
MOST = 2000
COPYRIGHT_MOST = 200


class Aigc(Struct, frozen=True, kw_only=True):
    """The fields of the standard; `label` 1 = made by AI, 2 = maybe, 3 = suspected."""

    label: str = msgspec.field(name="Label")
    producer: str = msgspec.field(default="", name="ContentProducer")
    produce_id: str = msgspec.field(default="", name="ProduceID")
    reserved_1: str = msgspec.field(default="", name="ReservedCode1")
    propagator: str = msgspec.field(default="", name="ContentPropagator")
    propagate_id: str = msgspec.field(default="", name="PropagateID")
    reserved_2: str = msgspec.field(default="", name="ReservedCode2")


class Labels(Struct, frozen=True):
    """`aigc` is the standard's JSON, empty where no machine made it."""

    aigc: str = ""
    copyright: str = ""


NO_LABELS = Labels()


def aigc(producer: str, produce_id: str) -> str:
    told = Aigc(label="1", producer=producer, produce_id=produce_id)
    return msgspec.json.encode(told).decode()


def labels_of(tags: dict[str, str]) -> Labels:
    """Of a file's own data, as far as it can be believed to be what it says."""
    named = {name.lower(): text for name, text in tags.items()}
    return Labels(_aigc(named.get(KEY.lower(), "")), _line(named.get("copyright", "")))


def _aigc(text: str) -> str:
    """Written anew: whatever else stood there is left behind."""
    if not text or len(text) > MOST:
        return ""
    try:
        found = msgspec.json.decode(text.encode(), type=Aigc)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""
    return msgspec.json.encode(found).decode()


def _line(text: str) -> str:
    clean = " ".join("".join(c for c in text if c.isprintable()).split())
    return clean if len(clean) <= COPYRIGHT_MOST else ""


def arguments(labels: Labels) -> list[str]:
    """For FFmpeg's output, after `-map_metadata -1`; values are arguments, no shell."""
    made = []
    if labels.aigc:
        made += ["-metadata", f"{KEY}={labels.aigc}"]
        made += ["-metadata", "comment=AI生成 AI-generated"]
    if labels.copyright:
        made += ["-metadata", f"copyright={labels.copyright}"]
    return made


def moving(labels: Labels) -> str:
    """What `-movflags` needs besides, so that an MP4 keeps keys of its own."""
    return "+use_metadata_tags" if labels.aigc else ""
