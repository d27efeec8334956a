"""What the stand-in for Bilibili keeps and which submissions it takes; no HTTP."""

from uuid import uuid4

import msgspec

from connectors.sandboxes import No
from connectors.stage import Kept

CATEGORIES = [
    {
        "id": 160,
        "name": "生活",
        "children": [{"id": 21, "name": "日常"}, {"id": 138, "name": "搞笑"}],
    },
    {"id": 188, "name": "科技", "children": [{"id": 95, "name": "数码"}]},
]
LEAVES = {21, 138, 95}


class Upload(msgspec.Struct):
    open_id: str
    name: str
    parts: dict[str, int] = msgspec.field(default_factory=dict)
    complete: bool = False
    used: bool = False


class Item(msgspec.Struct):
    resource_id: str
    open_id: str
    title: str
    desc: str
    tag: str
    tid: int
    ctime: float
    due: float
    size: int
    parts: int
    state: int = -1
    reason: str = ""
    told: bool = False


class State(Kept):
    uploads: dict[str, Upload] = msgspec.field(default_factory=dict)
    covers: list[str] = msgspec.field(default_factory=list)
    items: list[Item] = msgspec.field(default_factory=list)


class Begin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    utype: str = "0"


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    tid: int
    tag: str
    copyright: int
    desc: str = ""
    cover: str = ""
    source: str = ""
    no_reprint: int = 0


def valid(wanted: Submission, state: State) -> None:
    """The submit page's rules, one message each."""
    tags = wanted.tag.split(",")
    rules = {
        "title must have 1 to 79 characters": 0 < len(wanted.title) < 80,
        "desc must be shorter than 250 characters": len(wanted.desc) < 250,
        "tag must have at least one": all(tag.strip() for tag in tags),
        "tag must be shorter than 200 characters": len(wanted.tag) < 200,
        "copyright must be 1 or 2": wanted.copyright in {1, 2},
        "source is required for a reprint": wanted.copyright == 1 or wanted.source,
        "cover must come from cover/upload": wanted.cover in {"", *state.covers},
    }
    for message, kept in rules.items():
        if not kept:
            raise No(4000, message)
    if wanted.tid not in LEAVES:
        raise No(127207, "the category is not available")


def item(wanted: Submission, upload: Upload, now: float, delay: float) -> Item:
    return Item(
        resource_id=f"BV1{uuid4().hex[:9]}",
        open_id=upload.open_id,
        title=wanted.title,
        desc=wanted.desc,
        tag=wanted.tag,
        tid=wanted.tid,
        ctime=now,
        due=now + delay,
        size=sum(upload.parts.values()),
        parts=len(upload.parts),
    )


def shown(item: Item) -> dict[str, object]:
    described = {0: "开放浏览", -1: "待审", -2: "打回"}.get(item.state, "")
    standing = {"state": item.state, "state_desc": described}
    return {
        "resource_id": item.resource_id,
        "title": item.title,
        "desc": item.desc,
        "tag": item.tag,
        "tid": item.tid,
        "ctime": int(item.ctime),
        "ptime": int(item.due),
        "addit_info": {**standing, "reject_reason": item.reason},
    }


def file_of(body: bytes) -> bytes:
    """The one file of a multipart body, by its own first line as boundary."""
    boundary, _, rest = body.partition(b"\r\n")
    head, found, content = rest.partition(b"\r\n\r\n")
    end = content.rfind(b"\r\n" + boundary + b"--")
    if not found or b'name="file"' not in head or end < 0:
        raise No(4000, "multipart field file is missing")
    return content[:end]
