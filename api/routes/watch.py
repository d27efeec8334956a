"""Watching a video by link: playlists with signed segment addresses, and a player."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse

from api import pages
from api.deps import P
from api.links import Link, verify
from api.parts import Parts
from api.problems import missing
from api.routes.videos import Video
from api.rows import Rows
from api.uploads import sign_get
from media_agents.errors import ObjectMissing
from media_agents.playlists import references

router = APIRouter(tags=["watch"])

MASTER = "master.m3u8"
PLAYLIST = "application/vnd.apple.mpegurl"
_TYPES = {
    "mp4": "video/mp4",
    "m4s": "video/iso.segment",
    "ts": "video/mp2t",
    "vtt": "text/vtt",
}
Token = Annotated[str, Path(max_length=600)]
_OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
SheetName = Annotated[str, Path(pattern=r"^thumbnails-[0-9a-f]+$", max_length=120)]
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_][\w.-]*\.m3u8$", max_length=120)]


@router.get("/hls/{token}/{name}")
async def playlist(token: Token, name: Name, parts: P) -> Response:
    """Anybody who has the link may play it anywhere, until it ends."""
    video = await _video(parts, _link(parts, token))
    folder = video.hls_key.rpartition("/")[0]
    key = video.hls_key if name == MASTER else f"{folder}/{name}"
    text = await _text(parts, key)
    return Response(
        await _signed(parts, folder, text), media_type=PLAYLIST, headers=_OPEN
    )


@router.get("/hls/{token}/{name}.vtt")
async def thumbnails(token: Token, name: SheetName, parts: P) -> Response:
    """Cues that name parts of pictures, for players that show them while scrubbing."""
    video = await _video(parts, _link(parts, token))
    if video.thumbnails_key.rpartition("/")[2] != f"{name}.vtt":
        raise missing("thumbnails", "/path/name")
    folder = video.thumbnails_key.rpartition("/")[0]
    text = await _text(parts, video.thumbnails_key)
    for sheet in dict.fromkeys(re.findall(r"^(\S+)#xywh=", text, re.MULTILINE)):
        address = await sign_get(parts, f"{folder}/{sheet}", "image/jpeg")
        text = text.replace(f"{sheet}#", f"{address}#")
    return Response(text, media_type="text/vtt", headers=_OPEN)


async def _text(parts: Parts, key: str) -> str:
    try:
        return (await parts.storage.get_bytes(key)).decode()
    except ObjectMissing as gone:
        raise missing("playlist", "/path/name") from gone


@router.get("/watch/{token}", response_class=HTMLResponse)
async def watch(token: Token, parts: P) -> HTMLResponse:
    video = await _video(parts, _link(parts, token))
    poster = await sign_get(parts, video.cover_key, "image/jpeg")
    source = f"/hls/{token}/{MASTER}"
    origins = f"{parts.edge.store_origin} {_origin(parts.edge.media_url)}".strip()
    return pages.watch("contentops", source, poster or "", origins)


def _origin(url: str) -> str:
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}" if url else ""


def _link(parts: Parts, token: str) -> Link:
    return verify(parts.edge.link_key, token, int(parts.clock().timestamp()))


async def _video(parts: Parts, link: Link) -> Video:
    rows = Rows(parts.pool, link.tenant)
    found = await rows.one("videos", Video, link.video_id)
    if found is None or found.status != "ready":
        raise missing("video", "/path/token")
    return found


async def _signed(parts: Parts, folder: str, text: str) -> str:
    """Playlists stay relative and come back here; media lies in the store."""
    addresses: dict[str, str] = {}
    for name in references(text):
        kind = _TYPES.get(name.rpartition(".")[2])
        if kind is not None:
            signed = await sign_get(parts, f"{folder}/{name}", kind)
            addresses[name] = signed or name
    return rewritten(text, addresses)


def rewritten(text: str, addresses: dict[str, str]) -> str:
    """Each name that has an address is replaced, as attribute or as a line."""

    def put(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        address = addresses.get(name, name)
        return f'URI="{address}"' if found[1] else address

    return re.sub(r'URI="([^"]+)"|^([^#\s].*)$', put, text, flags=re.MULTILINE)
