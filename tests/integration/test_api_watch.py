"""Watching by link: signed playlists, the player page, links that end or were bent."""

import asyncio

import httpx
import pytest

from api.links import Link, sign
from fixtures.fix_api import Material
from infra.edge import edge as edge_settings
from infra.settings import Settings
from infra.wiring import storage

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Original",URI="audio-1.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=800000,AUDIO="sound"
360p-1.m3u8
"""
MEDIA = """#EXTM3U
#EXT-X-MAP:URI="360p-1.mp4",BYTERANGE="4@0"
#EXTINF:2.000000,
#EXT-X-BYTERANGE:6@4
360p-1.mp4
#EXT-X-ENDLIST
"""


@pytest.fixture(scope="module")
def played(material: Material, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The HLS address of a video whose files lie in the store."""
    folder = tmp_path_factory.mktemp("hls")
    files = {
        "master-0.m3u8": MASTER.encode(),
        "360p-1.m3u8": MEDIA.encode(),
        "360p-1.mp4": b"0123456789",
        "cover.jpg": b"jpeg",
    }

    for name, body in files.items():
        (folder / name).write_bytes(body)

    async def put() -> None:
        store = storage(material.tenant.settings)
        for name in files:
            key = f"{material.prefix}/{name}"
            await store.upload(folder / name, key, "application/octet-stream")

    asyncio.run(put())
    video = material.tenant.http.get(f"/videos/{material.video}").json()
    return str(video["hlsUrl"])


def test_the_master_names_playlists_beside_it(played: str) -> None:
    master = httpx.get(played)

    assert master.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert master.text == MASTER


def test_segments_are_signed_and_answer_ranges(played: str) -> None:
    media = httpx.get(played.replace("master.m3u8", "360p-1.m3u8")).text

    segment = next(line for line in media.splitlines() if line.startswith("http"))
    assert media.count("X-Amz-Signature") == 2
    part = httpx.get(segment, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, b"456789")


def test_the_player_page_loads_only_from_here_and_the_store(
    played: str, edge: Settings
) -> None:
    page = httpx.get(played.replace("/hls/", "/watch/").replace("/master.m3u8", ""))

    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert edge.need("s3") in policy
    assert httpx.get(f"{edge.api_url}/static/hls.min.js").status_code == 200
    assert httpx.get(f"{edge.api_url}/static/watch.js").status_code == 200


@pytest.mark.parametrize("name", ["..%2fmaster.m3u8", "nothing-1.m3u8", "cover.jpg"])
def test_only_playlists_of_this_video_are_served(played: str, name: str) -> None:
    assert httpx.get(played.replace("master.m3u8", name)).status_code == 404


def test_a_bent_link_is_403(played: str) -> None:
    token = played.split("/")[-2]
    bent = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")

    answer = httpx.get(played.replace(token, bent))

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["pointer"] == "/path/token"


def test_a_link_that_ended_is_403(played: str, material: Material) -> None:
    settings = edge_settings(material.tenant.settings)
    ended = sign(settings.link_key, Link(material.tenant.name, material.video, 1))

    answer = httpx.get(f"{settings.public_url}/hls/{ended}/master.m3u8")

    assert answer.status_code == 403
    assert "expired" in answer.json()["detail"]


def test_a_link_of_another_tenants_name_shows_nothing(
    played: str, material: Material
) -> None:
    settings = edge_settings(material.tenant.settings)
    forged = sign(settings.link_key, Link("somebody", material.video, 1 << 40))

    assert httpx.get(f"{settings.public_url}/watch/{forged}").status_code == 404


def test_the_edge_tells_how_it_is(edge: Settings) -> None:
    assert httpx.get(f"{edge.api_url}/healthz").json() == {"status": "alive"}
    ready = httpx.get(f"{edge.api_url}/readyz").json()
    assert set(ready["dependencies"].values()) == {"ready"}
    assert "contentops_http_requests_total" in httpx.get(f"{edge.api_url}/metrics").text


def test_the_contract_is_openapi_3_1_and_its_page_needs_nobody_else(
    edge: Settings,
) -> None:
    contract = httpx.get(f"{edge.api_url}/api/v1/openapi.json").json()
    page = httpx.get(f"{edge.api_url}/docs")

    assert contract["openapi"].startswith("3.1")
    for path in ("/api/v1/publish", "/api/v1/assets/presign", "/webhooks/{platform}"):
        assert path in contract["paths"]
        assert path in page.text
    assert "http" not in page.text.replace(edge.api_url, "")
