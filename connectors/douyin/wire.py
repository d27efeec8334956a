"""Douyin's words for ours: what is sent and how answers are read; no sockets."""

from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from connectors.base import AppSecrets, Post, Review, ReviewState, Stats
from connectors.calls import Verdict
from connectors.douyin.routes import CODES, STATES
from connectors.errors import Reaction, Refused, Unreadable

T = TypeVar("T")
S = TypeVar("S")


class _Problem(msgspec.Struct, frozen=True):
    error_code: int = 0
    description: str = ""
    sub_error_code: int = 0
    sub_description: str = ""


class _Envelope(msgspec.Struct, frozen=True):
    """The older shape says it in `data` and `extra`, the newer one in `err_no`."""

    data: _Problem | None = None
    extra: _Problem | None = None
    err_no: int | None = None
    err_msg: str = ""


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


class _Ticket(msgspec.Struct, frozen=True):
    ticket: str
    expires_in: int


class _Share(msgspec.Struct, frozen=True):
    share_id: str


class _Counters(msgspec.Struct, frozen=True):
    digg_count: int = 0
    comment_count: int = 0
    share_count: int = 0
    play_count: int = 0


class _Video(msgspec.Struct, frozen=True):
    item_id: str
    video_status: int
    is_reviewed: bool = True
    create_time: int = 0
    share_url: str = ""
    statistics: _Counters = _Counters()


class _Videos(msgspec.Struct, frozen=True):
    list: tuple[_Video, ...] = ()


class _Data(msgspec.Struct, Generic[T], frozen=True):
    data: T


def judge(body: bytes) -> Verdict | None:
    """HTTP 200 proves nothing here: every place that may hold a code is read."""
    answer = _read(body, _Envelope)
    if answer.data is None and answer.extra is None and answer.err_no is None:
        raise Unreadable("body", "not the documented answer")
    if answer.err_no:
        return _verdict(answer.err_no, answer.err_msg)
    for problem in (answer.data, answer.extra):
        if problem and problem.error_code:
            return _verdict(problem.error_code, problem.description)
    return None


def client_credential(secrets: AppSecrets) -> bytes:
    return msgspec.json.encode(
        {
            "client_key": secrets.client_id,
            "client_secret": secrets.client_secret,
            "grant_type": "client_credential",
        }
    )


def client_token(body: bytes) -> tuple[str, int]:
    token = _read(body, _Data[_Token]).data
    return token.access_token, token.expires_in


def ticket(body: bytes) -> tuple[str, int]:
    given = _read(body, _Data[_Ticket]).data
    return given.ticket, given.expires_in


def share_id(body: bytes) -> str:
    return _read(body, _Data[_Share]).data.share_id


def share_link(schema: str, post: Post, signed: dict[str, str]) -> str:
    """The link a phone opens; spaces must be `%20`, a plus would be read as one."""
    query = {
        "share_type": "h5",
        **signed,
        "video_path": post.video_url,
        "share_to_publish": "1",
        "title": caption(post),
        "hashtag_list": msgspec.json.encode(post.tags).decode(),
    }
    return f"{schema}?{urlencode(query, quote_via=quote, safe='')}"


def caption(post: Post) -> str:
    """Douyin has one field for words: the title leads, the text follows."""
    return f"{post.title}\n{post.text}" if post.text else post.title


def items(item_id: str) -> bytes:
    return msgspec.json.encode({"item_ids": [item_id]})


def review(body: bytes, item_id: str) -> Review:
    video = _video(body, item_id)
    return Review(_state(video), str(video.video_status), "", video.share_url)


def stats(body: bytes, item_id: str) -> Stats:
    """Favourites and completion are not among what the platform tells."""
    counted = _video(body, item_id).statistics
    return Stats(
        views=counted.play_count,
        likes=counted.digg_count,
        comments=counted.comment_count,
        shares=counted.share_count,
        favourites=0,
    )


def _video(body: bytes, item_id: str) -> _Video:
    for video in _read(body, _Data[_Videos]).data.list:
        if video.item_id == item_id:
            return video
    raise Refused("missing", "the platform lists no such item of this creator")


def _state(video: _Video) -> ReviewState:
    if not video.is_reviewed:
        return ReviewState.reviewing
    state = STATES.get(video.video_status, ReviewState.limited)
    # a private item comes back without a creation time, whatever its status says
    if state is ReviewState.published and video.create_time == 0:
        return ReviewState.limited
    return state


def _verdict(code: int, reason: str) -> Verdict:
    # a code nobody documented is taken as a no to this request, never as a yes
    return Verdict(CODES.get(code, Reaction.invalid), str(code), reason)


def _read(body: bytes, shape: type[S]) -> S:
    try:
        # numbers may come as strings on this platform
        return msgspec.json.decode(body, type=shape, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("body", "not the documented answer") from None
