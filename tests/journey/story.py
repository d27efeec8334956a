"""The way itself, step by step over HTTP; each step says what was looked at."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from infra.demo.client import Client, Json, Thing, number, things
from infra.demo.screen import Screen, Tell
from media_agents.engines.ffmpeg import Engine
from media_agents.profiles import profiles
from tests.journey.asking import (
    LIMIT_S,
    V1,
    counted,
    distance,
    fetched,
    need,
    nobody,
    put_small,
    real,
    saved,
    shapes,
    texts,
    until,
    webvtt,
    with_pictures,
)
from tests.journey.material import BETTER_WORDS, SECOND_LINE, Material
from tests.journey.page import Sent, upload
from tests.journey.verdict import Judged, Made, Moments, judge

STEPS = 9
DESTINATIONS = ("bilibili", "douyin")
PART = 16 << 20
TITLE_S, TURN_S = 2.0, 0.4
SAID_AT = 0.5
NARRATION = "晚上好。"
# Mean distance of two pictures, of 255; another frame of a moving one is far above.
ALIKE = 12.0


@dataclass
class Journey:
    """What is known so far; `key` is the page's, `folder` takes what is fetched."""

    client: Client
    screen: Screen
    engine: Engine
    material: Material
    folder: Path
    key: str
    canvas: Thing
    rungs: list[Json]
    project: str = ""
    sent: Sent | None = None
    asset: str = ""
    music: str = ""
    cover: str = ""
    video: Thing = field(default_factory=dict)
    cues: list[Thing] = field(default_factory=list)
    timeline: str = ""
    films: dict[str, Thing] = field(default_factory=dict)
    videos: dict[str, str] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)


def tell(journey: Journey) -> None:
    """Raises Stop with one sentence where it does not go on."""
    with journey.screen:
        for chapter in (
            _upload,
            _renditions,
            _cover,
            _own_frame,
            _subtitles,
            _document,
            _films,
            _deliveries,
            _judgement,
        ):
            chapter(journey)


def _upload(journey: Journey) -> None:
    """Bytes never pass through the API; the line is cut once, and goes on."""
    client, clip = journey.client, journey.material.clip
    with journey.screen.step("upload from a page, cut once") as say:
        journey.project = str(client.post(f"{V1}/projects", {"name": "工作室"})["id"])
        sent = upload(client.base, journey.key, journey.project, clip)
        journey.sent, journey.asset = sent, sent.asset
        asset = client.until(
            f"{V1}/assets/{sent.asset}", "ready", say=say, limit_s=LIMIT_S
        )
        need(asset["sha256"] == sent.sha256, "The store has other bytes.")
        need(client.base not in sent.origins, "The body went to the API.")
        again = sum(sent.bytes.values()) - clip.stat().st_size
        need(0 <= again <= PART, f"{again} bytes were sent twice.")
        say(
            f"{sent.parts} parts, cut in {sent.torn}, {again / 1e6:.1f} MB sent twice, "
            f"SHA-256 {sent.sha256[:12]} as in the browser"
        )
    journey.music = put_small(
        client, journey.project, journey.material.music, "audio/mp4"
    )


def _renditions(journey: Journey) -> None:
    client = journey.client
    with journey.screen.step("renditions and covers to choose") as say:
        wish: Thing = {"type": "transcode", "assetId": journey.asset}
        wish["profiles"] = journey.rungs
        job = client.post(f"{V1}/media/jobs", wish, wait=0)
        path = f"{V1}/videos/{job['videoId']}"
        journey.video = client.until(path, "ready", say=say, limit_s=LIMIT_S)
        names = [str(each["name"]) for each in things(journey.video["renditions"])]
        many = len(things(journey.video["covers"]))
        need(many > 1, "There is but one cover: nothing to choose from.")
        say(f"{', '.join(names)}; {many} covers")


def _cover(journey: Journey) -> None:
    client, path = journey.client, f"{V1}/videos/{journey.video['id']}"
    with journey.screen.step("choose the second cover") as say:
        wanted = things(journey.video["covers"])[1]
        client.put(f"{path}/cover", {"cover": 1})
        shown = until(client, lambda: with_pictures(client, path), "The cover's shapes")
        same = fetched(shown["coverUrl"]) == fetched(wanted["url"])
        need(same, "Another picture than the chosen one stands for the video.")
        say(f"that of {real(wanted['at']):.2f} s, the same bytes; {shapes(shown)}")


def _own_frame(journey: Journey) -> None:
    """A frame becomes a file, an asset and at last what stands for the video."""
    client, path = journey.client, f"{V1}/videos/{journey.video['id']}"
    with journey.screen.step("a frame of one's own instead") as say:
        moment = number(journey.video["durationMs"]) * 0.7 / 1000
        wish: Thing = {"at": [moment], "formats": ["jpeg"]}
        asked = client.post(f"{path}/frames", wish, wait=0)
        made = client.until(
            f"{V1}/images/{asked['id']}", "ready", say=say, limit_s=LIMIT_S
        )
        frame = journey.folder / "own.jpg"
        frame.write_bytes(fetched(things(made["pictures"])[0]["url"]))
        journey.cover = put_small(client, journey.project, frame, "image/jpeg")
        before = client.get(path)
        client.put(f"{path}/cover", {"assetId": journey.cover})
        shown = until(
            client,
            lambda: with_pictures(client, path, before),
            "The frame as the cover",
        )
        off = distance(frame, saved(journey.folder / "cover.jpg", shown["coverUrl"]))
        need(off < ALIKE, f"The cover is another picture ({off:.0f} of 255 off).")
        say(f"that of {moment:.2f} s, {off:.1f} of 255 off; {shapes(shown)}")


def _subtitles(journey: Journey) -> None:
    client, material = journey.client, journey.material
    own = f"{V1}/assets/{journey.asset}/subtitles/zh"
    with journey.screen.step("subtitles, one cue edited") as say:
        _words(journey)
        found = until(client, lambda: counted(client, own, 1), "The subtitles")
        cues = things(found["cues"])
        starts = [begin for begin, _ in material.times]
        at = [number(each["startMs"]) / 1000 for each in cues]
        pairs = zip(at, starts, strict=bool(starts))
        off = max((abs(one - other) for one, other in pairs), default=0.0)
        need(off <= 0.1, f"A cue is {off:.2f} s off what is said.")
        cues[SECOND_LINE]["lines"] = [BETTER_WORDS]
        edit: Thing = {"cues": list[Json](cues)}
        client.put(own, edit, f'"{found["version"]}"')
        edited = until(client, lambda: counted(client, own, 2), "The second version")
        journey.cues = things(edited["cues"])
        shown = [each["lines"] for each in journey.cues]
        need(shown[SECOND_LINE] == [BETTER_WORDS], f"The edit is not there: {shown}")
        say(f"{len(cues)} cues, {off * 1000:.0f} ms off at most; version 2 is edited")


def _words(journey: Journey) -> None:
    """Found in the sound where it is known what is said, else brought as a file."""
    client, material = journey.client, journey.material
    there = f"{V1}/assets/{journey.asset}/subtitles"
    if material.sentences:
        script = "".join(material.sentences)
        wish: Thing = {"language": "zh", "source": "script", "script": script}
        client.post(there, wish)
        return
    seconds = number(journey.video["durationMs"]) / 1000
    spoken = [(0.2, 1.4, "第一句。"), (1.6, min(seconds, 3.0), "第二句。")]
    client.put(f"{there}/zh/file", webvtt(spoken).encode())


def _document(journey: Journey) -> None:
    client = journey.client
    with journey.screen.step("a timeline, tried for nothing") as say:
        wish: Thing = {
            "projectId": journey.project,
            "title": "工作室",
            "document": _timeline(journey),
        }
        journey.timeline = str(client.post(f"{V1}/timelines", wish)["id"])
        for name in DESTINATIONS:
            tried = client.post(
                f"{V1}/timelines/{journey.timeline}/dry-run",
                {"destination": name},
                wait=0,
            )
            need(bool(tried["ok"]), f"It cannot be made for {name}: {tried}")
            found = tried["estimate"]
            say(f"{found['seconds']} s" if isinstance(found, dict) else "")


def _timeline(journey: Journey) -> Thing:
    turn: Thing = {"kind": "crossfade", "seconds": TURN_S}
    clip: Thing = {
        "type": "clip",
        "source": {"asset": journey.asset},
        "transition": turn,
    }
    card: Thing = {"type": "title", "text": "装灯", "seconds": TITLE_S}
    marks: list[Json] = [
        {"destination": name, "watermark": "@工作室", "copyright": "© 工作室"}
        for name in DESTINATIONS
    ]
    return {
        "version": 1,
        "canvas": journey.canvas,
        "scenes": [card, clip],
        "music": {"source": {"asset": journey.music}, "duck": True},
        "narration": [{"text": NARRATION, "at": SAID_AT}],
        "marks": marks,
    }


def _films(journey: Journey) -> None:
    """One for each destination, with the marks that it allows."""
    client, there = journey.client, f"{V1}/timelines/{journey.timeline}"
    with journey.screen.step("films with narration") as say:
        asked = {
            name: client.post(f"{there}/render", {"destination": name}, wait=0)
            for name in DESTINATIONS
        }
        for name, render in asked.items():
            path = f"{there}/renders/{render['id']}"
            made = client.until(path, "ready", say=say, limit_s=LIMIT_S)
            client.until(
                f"{V1}/assets/{made['assetId']}", "ready", say=nobody, limit_s=LIMIT_S
            )
            need(bool(made["ai"]), "The film does not say that a voice is synthetic.")
            journey.films[name] = made
        film = journey.films[DESTINATIONS[0]]
        spoken = things(film["cues"])
        need([each["text"] for each in spoken] == [NARRATION], f"Cues: {spoken}")
        say(f"{len(journey.films)} films of {number(film['durationMs']) / 1000:.2f} s")


def _deliveries(journey: Journey) -> None:
    """The narration's cues and the edited ones become part of the picture."""
    client = journey.client
    with journey.screen.step("files for both, words burnt in") as say:
        for name, film in journey.films.items():
            asset = film["assetId"]
            text = webvtt(_spoken_in(film, journey.cues)).encode()
            client.put(f"{V1}/assets/{asset}/subtitles/zh/file", text)
            wish: Thing = {
                "type": "transcode",
                "assetId": asset,
                "profiles": [name],
                "burn": {"language": "zh"},
            }
            job = client.post(f"{V1}/media/jobs", wish, wait=0)
            journey.videos[name] = str(job["videoId"])
        for name, video in journey.videos.items():
            _covered(journey, f"{V1}/videos/{video}", say)
            say(name)


def _covered(journey: Journey, path: str, say: Tell) -> None:
    client = journey.client
    before = client.until(path, "ready", say=say, limit_s=LIMIT_S)
    client.put(f"{path}/cover", {"assetId": journey.cover})
    until(client, lambda: with_pictures(client, path, before), "Its cover")


def _spoken_in(film: Thing, cues: list[Thing]) -> list[tuple[float, float, str]]:
    """Those of the clip begin where it comes in."""
    begun = TITLE_S - TURN_S
    found = [
        (real(each["start"]), real(each["end"]), str(each["text"]))
        for each in things(film["cues"])
    ]
    for each in cues:
        lines = each["lines"]
        words = "\n".join(map(str, lines)) if isinstance(lines, list) else ""
        start, end = (number(each[k]) / 1000 + begun for k in ("startMs", "endMs"))
        found.append((start, min(end, number(film["durationMs"]) / 1000), words))
    return found


def _judgement(journey: Journey) -> None:
    with journey.screen.step("fetch both, look afresh") as say:
        for name, video in journey.videos.items():
            found = journey.client.get(f"{V1}/videos/{video}")
            path = saved(journey.folder / f"{name}.mp4", found["url"])
            made = Made(path, str(found["url"]), _pictures_for(name, found))
            spoken = things(journey.films[name]["cues"])[0]
            middle = (real(spoken["start"]) + real(spoken["end"])) / 2
            moments = Moments(quiet=0.1, spoken=middle)
            told = asyncio.run(judge(made, profiles()[name], moments, journey.engine))
            journey.judged.append(told)
            say(f"{name}: {len(told.lines)} rules, {len(told.broken)} broken")


def _pictures_for(name: str, video: Thing) -> tuple[bytes, ...]:
    formats = {f"image/{each}" for each in profiles()[name].cover_formats}
    return tuple(
        fetched(each["url"])
        for each in things(video["pictures"])
        if name in texts(each["profiles"]) and each["contentType"] in formats
    )
