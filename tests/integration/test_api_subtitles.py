"""Subtitles over HTTP: files in and out, edits by version, refusals that say why."""

from typing import Any

import pytest

from fixtures.fix_api import Tenant, eventually
from integration.test_api_assets import uploaded
from media_agents.subtitles.files import read as read_file
from media_agents.subtitles.rules import Cue
from schemas.commands.asset import RecordProbe
from schemas.commands.subtitle import FailSubtitle, RecordSubtitle
from schemas.ids import derived, subtitle_id
from schemas.jobs import MediaFacts, Subtitled, SubtitleText

FACTS = MediaFacts(9000, 640, 360, 30.0, "h264", "aac", 2)
SRT = (
    "1\n00:00:01,000 --> 00:00:03,000\n<i>Hello</i> there.\n\n"
    "2\n00:00:03,100 --> 00:00:04,000\n"
    "This is far too much to be read in such little time.\n"
)
WORDS = {"startMs": 1000, "endMs": 3000, "lines": ["Good evening."]}


@pytest.fixture
def asset(tenant: Tenant) -> str:
    project = str(tenant.post("/projects", {"name": "字幕"})["id"])
    found = uploaded(tenant, project, b"looked into by nobody")
    tenant.tell(RecordProbe("job", FACTS), found)
    eventually(lambda: tenant.http.get(f"/assets/{found}").json()["status"] == "ready")
    return found


def put(tenant: Tenant, path: str, body: bytes, **query: str) -> Any:
    return tenant.http.put(
        path, content=body, params=query, headers={"Prefer": "wait=10"}
    )


def edit(tenant: Tenant, path: str, tag: str, *cues: object, fix: bool = False) -> Any:
    headers = {"Prefer": "wait=10"} | ({"If-Match": tag} if tag else {})
    body = {"cues": cues, "fix": fix}
    return tenant.http.put(path, json=body, headers=headers)


def test_a_file_becomes_cues_and_files_again(tenant: Tenant, asset: str) -> None:
    path = f"/assets/{asset}/subtitles/EN"

    answer = put(tenant, f"{path}/file", SRT.encode("utf-16"))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["id"], told["language"]) == (subtitle_id(asset, "en"), "en")
    assert (told["number"], told["source"], told["confidence"]) == (
        1,
        "upload",
        "exact",
    )
    shown = tenant.http.get(path)
    assert shown.headers["etag"] == '"1"'
    document = shown.json()
    assert document["cues"][0] == {
        "startMs": 1000,
        "endMs": 3000,
        "lines": ["Hello there."],
    }
    assert {each["rule"] for each in document["problems"]} == {"speed", "width"}
    assert all(each["detail"] and each["remedy"] for each in document["problems"])
    for kind in ("srt", "vtt", "ass"):
        file = tenant.http.get(f"{path}.{kind}")
        assert file.status_code == 200, file.text
        assert file.headers["x-content-type-options"] == "nosniff"
        cues, seen = read_file(file.content)
        assert (seen, cues[0]) == (kind, Cue(1000, 3000, ("Hello there.",)))
    assert tenant.http.get(f"{path}.exe").status_code == 404
    listed = tenant.http.get(f"/assets/{asset}/subtitles").json()["items"]
    assert [each["language"] for each in listed] == ["en"]


def test_fix_mends_what_a_person_brought(tenant: Tenant, asset: str) -> None:
    path = f"/assets/{asset}/subtitles/en"

    answer = put(tenant, f"{path}/file", SRT.encode(), fix="true")

    assert answer.status_code == 200, answer.text
    assert tenant.http.get(path).json()["problems"] == []


def test_an_edit_says_of_what_and_versions_can_be_chosen(
    tenant: Tenant, asset: str
) -> None:
    path = f"/assets/{asset}/subtitles/en"
    put(tenant, f"{path}/file", SRT.encode())

    assert edit(tenant, path, "", WORDS).status_code == 428
    assert edit(tenant, path, '"7"', WORDS).status_code == 412
    made = edit(tenant, path, '"1"', WORDS)
    late = edit(tenant, path, '"1"', {**WORDS, "lines": ["Too late."]})

    assert made.status_code == 200, made.text
    assert late.status_code == 412
    assert tenant.http.get(path).json()["cues"] == [WORDS]
    old = tenant.http.get(path, params={"version": 1}).json()
    assert (old["number"], len(old["cues"])) == (1, 2)
    choice = tenant.http.post(
        f"{path}/versions/1/choose", headers={"Prefer": "wait=10"}
    )
    assert choice.status_code == 200, choice.text
    versions = tenant.http.get(f"{path}/versions").json()["items"]
    assert [(each["number"], each["source"], each["counts"]) for each in versions] == [
        (2, "edit", False),
        (1, "upload", True),
    ]
    assert tenant.http.get(path, params={"version": 9}).status_code == 404


@pytest.mark.parametrize(
    ("cues", "pointer"),
    [
        ([{**WORDS, "endMs": 1000}], "/cues/0/endMs"),
        ([{**WORDS, "startMs": -5}], "/cues/0/startMs"),
        ([{**WORDS, "lines": ["<b></b>"]}], "/cues/0/lines"),
        ([WORDS, {**WORDS, "endMs": 4000}], "/cues/1/startMs"),
        ([{**WORDS, "text": "x"}], "/cues/0/text"),
        ([], "/cues"),
    ],
)
def test_a_cue_no_player_could_show_is_named(
    tenant: Tenant, asset: str, cues: list[object], pointer: str
) -> None:
    path = f"/assets/{asset}/subtitles/en"
    put(tenant, f"{path}/file", SRT.encode())

    answer = edit(tenant, path, '"1"', *cues)

    assert answer.status_code == 422, answer.text
    fault = answer.json()["errors"][0]
    assert fault["pointer"] == pointer
    assert fault["detail"]
    assert fault["remedy"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "neither SRT"),
        (b"\x00\x01\x02", "UTF-8, UTF-16 or GB18030"),
        (b"1\n-00:00:01,000 --> 00:00:02,000\nx\n", "line 2"),
        (SRT.encode() + SRT.encode(), "begins"),
    ],
)
def test_a_hostile_file_is_refused_with_a_reason(
    tenant: Tenant, asset: str, body: bytes, words: str
) -> None:
    answer = put(tenant, f"/assets/{asset}/subtitles/en/file", body)

    assert answer.status_code == 422, answer.text
    assert words in answer.text
    assert tenant.http.get(f"/assets/{asset}/subtitles").json()["items"] == []


def test_a_file_that_is_too_big_is_not_read(tenant: Tenant, asset: str) -> None:
    answer = put(tenant, f"/assets/{asset}/subtitles/en/file", b"x" * 300_000)

    assert answer.status_code == 413


def test_what_is_made_is_told_and_what_fails_too(tenant: Tenant, asset: str) -> None:
    own, path = subtitle_id(asset, "en"), f"/assets/{asset}/subtitles"
    told = tenant.post(path, {"language": "en", "source": "asr"})
    assert (told["making"], told["number"]) == ("asr", 0)
    assert told["jobId"]
    again = tenant.http.post(
        path, json={"language": "en", "source": "script", "script": "Hi."}
    )
    assert again.status_code == 409

    tenant.tell(FailSubtitle("job 1", "no_speech", "nothing is said"), own)
    failed = eventually(
        lambda: (found := tenant.http.get(f"{path}/en").json())["problem"] and found
    )
    assert (failed["making"], failed["problem"]["code"]) == ("", "no_speech")
    tenant.post(path, {"language": "en", "source": "asr"})
    text = SubtitleText("en", f"{tenant.name}/x.json", "0" * 64, 2, "asr", "low")
    tenant.tell(RecordSubtitle("job 2", Subtitled(text)), own)
    (row,) = eventually(
        lambda: [e for e in tenant.http.get(path).json()["items"] if e["number"]]
    )
    assert (row["confidence"], row["making"], row["problem"]) == ("low", "", None)


def test_a_translation_is_a_task_of_the_other_language(
    tenant: Tenant, asset: str
) -> None:
    path = f"/assets/{asset}/subtitles"
    put(tenant, f"{path}/en/file", SRT.encode())

    same = tenant.http.post(f"{path}/en/translate", json={"to": "EN"})
    answer = tenant.http.post(f"{path}/en/translate", json={"to": "zh-hans"})

    assert same.status_code == 422
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert told["id"] == subtitle_id(asset, "zh-Hans")
    operation = eventually(lambda: tenant.operation(told["operationId"]))
    assert told["taskId"] == derived("job", operation["eventId"])


@pytest.mark.parametrize(
    "wish",
    [
        {"language": "en", "source": "script"},
        {"language": "en", "source": "asr", "script": "x"},
        {"language": "english please", "source": "asr"},
        {"language": "en", "source": "magic"},
        {"language": "en", "source": "asr", "more": 1},
    ],
)
def test_a_wish_that_is_unclear_is_refused(
    tenant: Tenant, asset: str, wish: dict[str, object]
) -> None:
    answer = tenant.http.post(f"/assets/{asset}/subtitles", json=wish)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["remedy"]


def test_a_film_without_sound_cannot_be_heard(tenant: Tenant) -> None:
    project = str(tenant.post("/projects", {"name": "silent"})["id"])
    asset = uploaded(tenant, project, b"silent")
    path = f"/assets/{asset}/subtitles"
    wish = {"language": "en", "source": "asr"}
    early = tenant.http.post(path, json=wish)
    tenant.tell(RecordProbe("job", MediaFacts(9000, 64, 64, 30.0, "h264")), asset)
    eventually(lambda: tenant.http.get(f"/assets/{asset}").json()["status"] == "ready")

    answer = tenant.http.post(path, json=wish)

    assert early.status_code == 409
    assert answer.status_code == 409
    assert "no sound" in answer.json()["detail"]


def test_nobody_else_sees_them(tenant: Tenant, other: Tenant, asset: str) -> None:
    path = f"/assets/{asset}/subtitles"
    put(tenant, f"{path}/en/file", SRT.encode())

    assert other.http.get(path).status_code == 404
    assert other.http.get(f"{path}/en").status_code == 404
    assert other.http.get(f"{path}/en.srt").status_code == 404
    assert put(other, f"{path}/en/file", SRT.encode()).status_code == 404


def test_the_words_for_a_picture_must_be_there(tenant: Tenant, asset: str) -> None:
    wish = {"type": "transcode", "assetId": asset, "burn": {"language": "en"}}

    none = tenant.http.post("/media/jobs", json=wish)
    put(tenant, f"/assets/{asset}/subtitles/en/file", SRT.encode())
    good = tenant.http.post("/media/jobs", json=wish)

    assert none.status_code == 404
    assert none.json()["errors"][0]["pointer"] == "/burn/language"
    assert good.status_code == 202, good.text
    video = good.json()["videoId"]
    unready = tenant.http.put(
        f"/videos/{video}/subtitles", json={"subtitles": [{"language": "en"}]}
    )
    assert unready.status_code in (404, 409)


def test_what_is_in_the_trash_is_not_worked_on(tenant: Tenant, asset: str) -> None:
    tenant.http.delete(f"/assets/{asset}", headers={"Prefer": "wait=10"})

    answer = put(tenant, f"/assets/{asset}/subtitles/en/file", SRT.encode())

    assert answer.status_code == 409
