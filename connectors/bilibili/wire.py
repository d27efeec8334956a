"""Bilibili's words for ours: what is sent and how answers are read; no sockets."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from connectors.base import Post, Prepared, Review, ReviewState, Stats, Submitted
from connectors.bilibili.routes import CODES, STATES
from connectors.calls import Verdict
from connectors.errors import Reaction, Refused, Unreadable

ORIGINAL, REPRINT = 1, 2

T = TypeVar("T")
S = TypeVar("S")


class _Envelope(msgspec.Struct, frozen=True):
    code: int
    message: str = ""


class _Upload(msgspec.Struct, frozen=True):
    upload_token: str


class _Cover(msgspec.Struct, frozen=True):
    url: str


class _Created(msgspec.Struct, frozen=True):
    resource_id: str


class Standing(msgspec.Struct, frozen=True):
    state: int
    state_desc: str = ""
    reject_reason: str = ""


class Archive(msgspec.Struct, frozen=True):
    """One item of the creator, as `view` and `viewlist` give it."""

    resource_id: str
    title: str
    desc: str
    ctime: int
    addit_info: Standing


class _Paging(msgspec.Struct, frozen=True):
    total: int


class _Page(msgspec.Struct, frozen=True):
    page: _Paging
    list: tuple[Archive, ...] = ()


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str = ""
    children: tuple["_Category", ...] = ()


class _Counters(msgspec.Struct, frozen=True):
    view: int
    like: int
    reply: int
    share: int
    favorite: int


class _Submission(msgspec.Struct, frozen=True, omit_defaults=True):
    title: str
    tid: int
    tag: str
    desc: str
    copyright: int
    no_reprint: int
    cover: str = ""
    source: str = ""


class _Data(msgspec.Struct, Generic[T], frozen=True):
    data: T


def judge(body: bytes) -> Verdict | None:
    """HTTP 200 proves nothing here: `code` 0 does."""
    answer = _read(body, _Envelope)
    if answer.code == 0:
        return None
    # a code nobody documented is taken as a no to this request, never as a yes
    reaction = CODES.get(answer.code, Reaction.invalid)
    return Verdict(reaction, str(answer.code), answer.message)


def begin_upload(filename: str) -> bytes:
    return msgspec.json.encode({"name": filename, "utype": "0"})


def upload_token(body: bytes) -> str:
    return _read(body, _Data[_Upload]).data.upload_token


def cover_url(body: bytes) -> str:
    return _read(body, _Data[_Cover]).data.url


def category(body: bytes, wanted: str | None) -> str:
    """The wanted leaf category, or the first leaf when nobody chose one."""
    leaves = list(_leaves(_read(body, _Data[tuple[_Category, ...]]).data))
    for leaf in leaves:
        if wanted is None or wanted in {str(leaf.id), leaf.name}:
            return str(leaf.id)
    raise Refused("category", f"no category {wanted!r} at this platform")


def submission(post: Post, prepared: Prepared) -> bytes:
    tid = prepared.category or post.category or ""
    if not tid.isdecimal():
        raise Refused("category", "the category must be a number of the type list")
    return msgspec.json.encode(
        _Submission(
            title=post.title,
            tid=int(tid),
            tag=",".join(post.tags),
            desc=post.text,
            copyright=ORIGINAL if post.original else REPRINT,
            no_reprint=1 if post.original else 0,
            cover=prepared.cover_url,
            source="" if post.original else post.source,
        )
    )


def submitted(body: bytes, public: str) -> Submitted:
    item_id = _read(body, _Data[_Created]).data.resource_id
    return Submitted(item_id, ReviewState.reviewing, public + item_id)


def archives(body: bytes) -> tuple[Archive, ...]:
    return _read(body, _Data[_Page]).data.list


def find(
    listed: Iterable[Archive], post: Post, since: datetime, public: str
) -> Submitted | None:
    """The item with these very words, made at or after `since` (whole seconds)."""
    for item in listed:
        same = (item.title, item.desc) == (post.title, post.text)
        if same and item.ctime >= int(since.timestamp()):
            state = state_of(item.addit_info.state)
            return Submitted(item.resource_id, state, public + item.resource_id)
    return None


def review(body: bytes, public: str) -> Review:
    item = _read(body, _Data[Archive]).data
    standing = item.addit_info
    return Review(
        state_of(standing.state),
        str(standing.state),
        standing.reject_reason or standing.state_desc,
        public + item.resource_id,
    )


def stats(body: bytes) -> Stats:
    counted = _read(body, _Data[_Counters]).data
    return Stats(
        views=counted.view,
        likes=counted.like,
        comments=counted.reply,
        shares=counted.share,
        favourites=counted.favorite,
    )


def state_of(number: int) -> ReviewState:
    """A number nobody documented keeps us asking instead of ending the story."""
    return STATES.get(number, ReviewState.reviewing)


def _leaves(tree: Iterable[_Category]) -> Iterator[_Category]:
    for node in tree:
        if node.children:
            yield from _leaves(node.children)
        else:
            yield node


def _read(body: bytes, shape: type[S]) -> S:
    try:
        # numbers may come as strings on this platform
        return msgspec.json.decode(body, type=shape, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("body", "not the documented answer") from None
