"""Timelines over HTTP: documents with versions, trials, renders, and whose they are."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.fix_api import Tenant, eventually
from fixtures.fix_media import ffmpeg
from infra.settings import Settings
from infra.wiring import storage
from media_agents.composing.document import read
from media_agents.composing.work import Composer
from media_agents.engines.ffmpeg import Engine
from media_agents.speaking import Espeak
from schemas.commands.asset import ComposeAsset, RecordProbe, RefuseAsset
from schemas.commands.timeline import FailRender, RecordRender
from schemas.jobs import MediaFacts, Rendered, RenderInput
from schemas.timeline import Cue, Material
from streams.agents.work import Impossible, Job

FACTS = MediaFacts(4000, 640, 360, 30.0, "h264", "aac", 2, 800_000, "mp4")
TITLE = {"type": "title", "text": "夜骑", "seconds": 2}


@pytest.fixture
def project(tenant: Tenant) -> str:
    return str(tenant.post("/projects", {"name": "秋季上新"})["id"])


def uploaded(tenant: Tenant, project: str, body: bytes = b"a film") -> str:
    wish = {
        "filename": "clip.mp4",
        "contentType": "video/mp4",
        "size": len(body),
        "projectId": project,
    }
    made = tenant.post("/assets/presign", wish)
    upload = made["upload"]
    httpx.put(upload["url"], content=body, headers=upload["headers"])
    tenant.post(f"/assets/{made['id']}/complete", {})
    return str(made["id"])


def usable(tenant: Tenant, project: str) -> str:
    asset = uploaded(tenant, project)
    tenant.tell(RecordProbe("job", FACTS), asset)
    eventually(lambda: tenant.http.get(f"/assets/{asset}").json()["status"] == "ready")
    return asset


def clip(asset: str, **more: object) -> dict[str, object]:
    return {"type": "clip", "source": {"asset": asset}} | more


def created(tenant: Tenant, project: str, *scenes: object) -> dict[str, Any]:
    wish = {"projectId": project, "title": "夜骑", "document": {"scenes": [*scenes]}}
    return tenant.post("/timelines", wish)


def test_a_document_is_kept_saved_and_not_overwritten_unseen(
    tenant: Tenant, other: Tenant, project: str
) -> None:
    made = created(tenant, project, TITLE)
    there = f"/timelines/{made['id']}"
    first = tenant.http.get(there)
    assert first.json()["number"] == 1
    assert first.json()["document"]["scenes"][0]["text"] == "夜骑"

    wish = {"title": "夜骑 2", "document": {"scenes": [TITLE, TITLE]}}
    seen = {"If-Match": first.headers["etag"], "Prefer": "wait=10"}
    saved = tenant.http.put(there, json=wish, headers=seen)
    assert (saved.status_code, saved.json()["number"]) == (200, 2)
    wish["title"] = "夜骑 3"
    stale = tenant.http.put(there, json=wish, headers=seen)
    assert stale.status_code == 412
    listed = tenant.http.get("/timelines", params={"projectId": project}).json()
    assert [(each["id"], each["title"]) for each in listed["items"]] == [
        (made["id"], "夜骑 2")
    ]
    for look in (there, f"{there}/renders", f"{there}/renders/x"):
        assert other.http.get(look).status_code == 404
    assert other.http.put(there, json=wish).status_code == 404


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"scenes": [{**TITLE, "colr": "red"}]}, "/document/scenes/0/colr"),
        ({"scenes": [{**TITLE, "seconds": "2"}]}, "/document/scenes/0/seconds"),
        ({"version": 7}, "/document/version"),
        ({"scenes": [TITLE, {**TITLE, "transition": {"kind": "spin"}}]},
         "/document/scenes/1/transition/kind"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_read_is_refused_with_its_pointer(
    tenant: Tenant, project: str, document: object, pointer: str
) -> None:
    wish = {"projectId": project, "title": "x", "document": document}
    answer = tenant.http.post("/timelines", json=wish)

    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert fault["remedy"]


def test_a_trial_names_everything_wrong_and_costs_nothing(
    tenant: Tenant, other: Tenant, project: str
) -> None:
    good, unseen = usable(tenant, project), uploaded(tenant, project)
    refused = uploaded(tenant, project)
    tenant.tell(RefuseAsset("job", "not_a_video", "it is a text"), refused)
    trashed = usable(tenant, project)
    tenant.http.delete(f"/assets/{trashed}", headers={"Prefer": "wait=10"})
    eventually(lambda: tenant.http.get(f"/assets/{trashed}").json()["trashed"])
    theirs = usable(other, str(other.post("/projects", {"name": "x"})["id"]))
    row = tenant.http.get(f"/assets/{good}").json()
    key = {"objectKey": f"{tenant.name}/assets/nowhere", "sha256": row["sha256"]}
    scenes = [
        clip(good, end=9),
        clip(unseen),
        clip(refused),
        clip(trashed),
        clip(theirs),
        {"type": "clip", "source": key},
        {"type": "clip", "source": {"file": "here.mp4"}},
    ]
    tried = tenant.http.post(
        "/timelines/dry-run", json={"document": {"scenes": scenes}}
    )

    assert tried.status_code == 200, tried.text
    told = tried.json()
    assert (told["ok"], told.get("estimate")) == (False, None)
    assert [(each["pointer"], each["code"]) for each in told["problems"]] == [
        ("/scenes/0/end", "cut_outside"),
        ("/scenes/1/source", "asset_not_ready"),
        ("/scenes/2/source", "asset_refused"),
        ("/scenes/3/source", "asset_trashed"),
        ("/scenes/4/source", "source_missing"),
        ("/scenes/5/source", "source_missing"),
        ("/scenes/6/source", "file_local"),
    ]
    unread = {"document": {"scene": []}}
    told = tenant.http.post("/timelines/dry-run", json=unread).json()
    assert (told["ok"], told["problems"][0]["pointer"]) == (False, "/scene")


def test_a_trial_answers_duration_cost_and_warnings(
    tenant: Tenant, project: str
) -> None:
    asset = usable(tenant, project)
    made = created(tenant, project, clip(asset, ai=True), TITLE)
    used = tenant.http.get(f"/assets/{asset}/usage").json()["items"]
    assert [(each["kind"], each["id"]) for each in used] == [("timeline", made["id"])]
    told = tenant.http.post(f"/timelines/{made['id']}/dry-run").json()

    assert told["ok"]
    assert told["estimate"]["seconds"] == 6.0
    assert told["estimate"]["weightedSeconds"] == 6.0
    assert told["estimate"]["cpuSeconds"] > 0
    assert told["estimate"]["aiMarked"]
    marks = [{"destination": "douyin", "watermark": "我"}]
    document = {"scenes": [TITLE], "marks": marks}
    body = {"document": document, "destination": "douyin"}
    (warned,) = tenant.http.post("/timelines/dry-run", json=body).json()["problems"]
    assert (warned["severity"], warned["pointer"]) == ("warning", "/marks/0")


def test_the_schema_is_served(tenant: Tenant) -> None:
    found = tenant.http.get("/timelines/schema").json()
    assert found["$defs"]["Timeline"]["additionalProperties"] is False


def test_a_film_that_cannot_be_made_is_not_even_asked_for(
    tenant: Tenant, project: str
) -> None:
    made = created(tenant, project, clip("nowhere"))
    answer = tenant.http.post(f"/timelines/{made['id']}/render")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/document/scenes/0/source"
    assert answer.json()["type"].endswith(":source_missing")
    empty = created(tenant, project)
    answer = tenant.http.post(f"/timelines/{empty['id']}/render")
    assert answer.json()["errors"][0]["pointer"] == "/document/scenes"
    wrong = {"destination": "myspace"}
    answer = tenant.http.post(f"/timelines/{made['id']}/render", json=wrong)
    assert "myspace" in answer.text
    assert tenant.http.post("/timelines/nothing/render").status_code == 404


def asked(tenant: Tenant, timeline: str, **body: str) -> dict[str, Any]:
    return tenant.post(f"/timelines/{timeline}/render", body)


def test_a_render_is_followed_from_the_wish_to_the_composition(
    tenant: Tenant, project: str
) -> None:
    made = created(tenant, project, clip(usable(tenant, project)))
    there = f"/timelines/{made['id']}"
    render = asked(tenant, made["id"], destination="bilibili")
    assert (render["status"], render["destination"]) == ("rendering", "bilibili")
    busy = tenant.http.post(f"{there}/render", json={"destination": "bilibili"})
    assert busy.status_code == 409
    assert busy.json()["type"].endswith(":render_running")

    key = f"{tenant.name}/assets/{render['assetId']}/0/film.mp4"
    film = Rendered(
        render["id"], render["assetId"], key, 9, "aa", "video/mp4", FACTS,
        (Cue(0.5, 1.5, "晚上好。"),),
    )  # fmt: skip
    tenant.tell(RecordRender("job", film), made["id"])
    ready = eventually(lambda: is_ready(tenant, there, render["id"]))
    assert ready["durationMs"] == 4000
    cues = tenant.http.get(f"{there}/renders/{render['id']}/cues.vtt")
    assert cues.headers["content-type"].startswith("text/vtt")
    assert "晚上好" in cues.text

    compose = ComposeAsset(
        project, "夜骑.mp4", "video/mp4", 9, key, "aa", FACTS, made["id"]
    )
    tenant.tell(compose, render["assetId"])
    asset = eventually(lambda: shown(tenant, render["assetId"]))
    assert (asset["status"], asset["filename"]) == ("ready", "夜骑.mp4")
    assert asset["source"] == f"timeline:{made['id']}"
    again = asked(tenant, made["id"], destination="bilibili")
    tenant.tell(FailRender("job", again["id"], "c", "it broke"), made["id"])
    failed = eventually(lambda: is_ready(tenant, there, again["id"], "failed"))
    assert failed["problem"]["reason"] == "it broke"
    listed = tenant.http.get(f"{there}/renders").json()["items"]
    assert [each["id"] for each in listed] == [again["id"], render["id"]]


def is_ready(
    tenant: Tenant, there: str, render: str, status: str = "ready"
) -> dict[str, Any] | None:
    found: dict[str, Any] = tenant.http.get(f"{there}/renders/{render}").json()
    return found if found["status"] == status else None


def shown(tenant: Tenant, asset: str) -> dict[str, Any] | None:
    answer = tenant.http.get(f"/assets/{asset}")
    return answer.json() if answer.status_code == 200 else None


async def test_the_worker_takes_only_what_was_asked_for(
    engine: Engine, edge: Settings, tmp_path: Path
) -> None:
    store = storage(edge)
    body = tmp_path / "red.mp4"
    picture = ["-f", "lavfi", "-i", "color=red:s=64x64:r=30:d=1"]
    ffmpeg(engine, *picture, "-pix_fmt", "yuv420p", body)
    sha256 = hashlib.sha256(body.read_bytes()).hexdigest()
    await store.upload(body, "t-1/assets/a/red.mp4", "video/mp4")
    composer = Composer(store, engine, Espeak(), tmp_path / "scratch")

    def job(key: str, hashed: str) -> Job:
        document = read(
            {
                "scenes": [{"type": "clip", "source": {"asset": "a"}}],
                "canvas": {"width": 128, "height": 128},
            }
        )
        given = RenderInput("r", "film", document, (Material("a", key, hashed),))
        return Job(id="j", tenant="t-1", subject="timeline/x", input=given, token="t")

    told: list[int] = []
    made = await composer.render(
        job("t-1/assets/a/red.mp4", sha256), lambda percent, _: told.append(percent)
    )
    assert isinstance(made, Rendered)
    there = await store.head(made.object_key)
    assert there
    assert there.size == made.size
    assert made.object_key.startswith("t-1/assets/film/")
    assert told == sorted(told)
    for key, hashed, code in (
        ("t-1/assets/a/red.mp4", "0" * 64, "wrong_hash"),
        ("t-2/assets/a/red.mp4", sha256, "object_foreign"),
        ("t-1/assets/a/blue.mp4", sha256, "object_missing"),
    ):
        with pytest.raises(Impossible) as no:
            await composer.render(job(key, hashed), lambda *_: None)
        assert no.value.code == code
    assert list((tmp_path / "scratch").iterdir()) == []
