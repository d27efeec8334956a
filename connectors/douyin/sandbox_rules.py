"""What the stand-in for Douyin keeps and which share links it opens; no HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import msgspec

from connectors.douyin.routes import LINK_LIFE
from connectors.douyin.signing import share_signature
from connectors.sandboxes import No
from connectors.stage import Kept

TOKEN_LIFE = timedelta(hours=2)
TOKEN_BUFFER = timedelta(minutes=5)
MEDIA = ("video_path", "image_path", "image_list_path")
LOOPBACK_HOSTS = {"127.0.0.1", "localhost"}


class Item(msgspec.Struct):
    item_id: str
    open_id: str
    share_id: str
    caption: str
    tags: tuple[str, ...]
    video_path: str
    ctime: float
    due: float
    status: int = 4
    told: bool = False


class State(Kept):
    tokens: dict[str, float] = msgspec.field(default_factory=dict)
    tickets: dict[str, float] = msgspec.field(default_factory=dict)
    shares: dict[str, float] = msgspec.field(default_factory=dict)
    items: list[Item] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that passed every check."""

    nonce: str
    share_id: str
    caption: str
    tags: tuple[str, ...]
    video_path: str


def issue_token(state: State, now: float) -> str:
    """The newest two live, the older of them for five more minutes."""
    newest = sorted(state.tokens.items(), key=lambda known: known[1])[-1:]
    buffered = now + TOKEN_BUFFER.total_seconds()
    token = f"clt.{uuid4().hex}"
    state.tokens = {name: min(until, buffered) for name, until in newest}
    state.tokens[token] = now + TOKEN_LIFE.total_seconds()
    return token


def open_link(link: str, state: State, client_key: str, now: float) -> Opened:
    """Check a share link as the app on the phone would; raises No."""
    parts = urlsplit(link)
    if (parts.scheme, parts.netloc, parts.path) != (
        "snssdk1128",
        "openplatform",
        "/share",
    ):
        raise No(10002, "not a share link of this platform")
    if "+" in parts.query or " " in parts.query:
        raise No(10002, "percent-encode every value; a space is %20")
    query = _query(parts.query)
    if query.get("client_key") != client_key:
        raise No(10003, "client_key is wrong")
    _signature(query, state, now)
    if query.get("state") not in state.shares:
        raise No(10002, "state is not a share_id that was given out")
    return Opened(
        query["nonce_str"],
        query["state"],
        query.get("title", ""),
        _tags(query.get("hashtag_list", "[]")),
        _video(query),
    )


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise No(10002, "the query cannot be read") from None
    query = dict(pairs)
    if len(query) != len(pairs) or query.get("share_type") != "h5":
        raise No(10002, "share_type must be h5 and no key may come twice")
    return query


def _signature(query: dict[str, str], state: State, now: float) -> None:
    nonce, timestamp = query.get("nonce_str", ""), query.get("timestamp", "")
    if not nonce or not timestamp.isdecimal() or len(timestamp) != 10:
        raise No(10005, "nonce_str and timestamp in seconds are needed")
    if abs(now - int(timestamp)) > LINK_LIFE.total_seconds():
        raise No(10007, "the link is too old")
    live = (ticket for ticket, until in state.tickets.items() if until > now)
    good = {share_signature(nonce, ticket, timestamp) for ticket in live}
    if query.get("signature") not in good:
        raise No(10017, "signature mismatch")


def _video(query: dict[str, str]) -> str:
    given = [
        query[k] for k in ("video_path", "image_path", "image_list_path") if k in query
    ]
    if len(given) != 1 or "video_path" not in query:
        raise No(10002, "exactly one video_path is needed")
    address = urlsplit(given[0])
    local = address.scheme == "http" and address.hostname in LOOPBACK_HOSTS
    if address.scheme != "https" and not local:
        raise No(10002, "video_path must be an https address")
    return given[0]


def _tags(text: str) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.MsgspecError:
        raise No(10002, "hashtag_list must be a JSON list of strings") from None


def item(opened: Opened, open_id: str, now: float, delay: float) -> Item:
    return Item(
        item_id=f"@{uuid4().hex}+/=",
        open_id=open_id,
        share_id=opened.share_id,
        caption=opened.caption,
        tags=opened.tags,
        video_path=opened.video_path,
        ctime=now,
        due=now + delay,
    )


def shown(found: Item, now: float) -> dict[str, object]:
    """One entry of `video_data`, counters growing with the time since publication."""
    seconds = max(0.0, now - found.due) if found.status == 5 else 0.0
    plays = int(seconds * 20)
    counted = {"play_count": plays, "digg_count": plays // 10, "forward_count": 0}
    more = {"comment_count": plays // 50, "share_count": plays // 70}
    return {
        "item_id": found.item_id,
        "title": found.caption,
        "create_time": int(found.ctime),
        "is_reviewed": found.status != 4,
        "is_top": False,
        "media_type": 4,
        "share_url": page(found),
        "video_status": found.status,
        "statistics": {**counted, **more, "download_count": 0},
    }


def page(found: Item) -> str:
    return f"https://www.iesdouyin.com/share/video/{found.item_id[1:20]}"
