"""Small questions of the journey: a file goes up, an address is fetched, a wait."""

from collections.abc import Callable
from pathlib import Path

import httpx
from PIL import Image, ImageChops, ImageStat

from infra.demo.client import Client, Json, Thing, number, things
from infra.problem import Stop
from media_agents.stills import clock

V1 = "/api/v1"
LIMIT_S = 300.0


def need(so: bool, otherwise: str) -> None:
    if not so:
        raise Stop(otherwise)


def nobody(_news: str) -> None:
    return None


def put_small(client: Client, project: str, path: Path, kind: str) -> str:
    """A small file, by one signed address."""
    wish: Thing = {
        "filename": path.name,
        "contentType": kind,
        "size": path.stat().st_size,
        "projectId": project,
    }
    made = client.post(f"{V1}/assets/presign", wish)
    signed = made["upload"]
    parts = client.put_file(signed if isinstance(signed, dict) else {}, path)
    client.post(f"{V1}/assets/{made['id']}/complete", {"parts": parts})
    client.until(f"{V1}/assets/{made['id']}", "ready", say=nobody, limit_s=LIMIT_S)
    return str(made["id"])


def until(client: Client, look: Callable[[], Thing | None], what: str) -> Thing:
    """Raises Stop where it does not come."""
    found = client.until_some(lambda: list(filter(None, [look()])), what, LIMIT_S)
    return found[0]


def webvtt(cues: list[tuple[float, float, str]]) -> str:
    told = [f"{clock(start)} --> {clock(end)}\n{text}\n" for start, end, text in cues]
    return "\n".join(["WEBVTT\n", *told])


def texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def counted(client: Client, path: str, version: int) -> Thing | None:
    found = client.get(path)
    if found.get("problem"):
        raise Stop(f"{path}: {found['problem']}")
    return found if number(found.get("number") or 0) >= version else None


def with_pictures(
    client: Client, path: str, before: Thing | None = None
) -> Thing | None:
    """The video once its cover has all shapes, and is another one than `before`."""
    found = client.get(path)
    if before is not None and plain(found["coverUrl"]) == plain(before["coverUrl"]):
        return None
    return found if things(found["pictures"]) else None


def plain(url: Json) -> str:
    """Signatures change with every answer, keys do not."""
    return str(url).partition("?")[0]


def shapes(video: Thing) -> str:
    return f"{len(things(video['pictures']))} pictures in all shapes"


def fetched(url: Json) -> bytes:
    answer = httpx.get(str(url), timeout=120, trust_env=False)
    need(answer.is_success, f"{plain(url)} answered {answer.status_code}.")
    return answer.content


def saved(path: Path, url: Json) -> Path:
    path.write_bytes(fetched(url))
    return path


def distance(one: Path, other: Path) -> float:
    with Image.open(one) as first, Image.open(other) as second:
        small = (64, 36)
        pair = [each.convert("L").resize(small) for each in (first, second)]
    return ImageStat.Stat(ImageChops.difference(*pair)).mean[0]


def real(value: Json) -> float:
    return float(value) if isinstance(value, int | float | str) else 0.0
