"""Films of timelines on real FFmpeg: every frame and every sample where it belongs."""

import re
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from fixtures.fix_flashes import JOINED, beeps, flashes, flashing_shelf, seen, strayed
from fixtures.fix_media import ffmpeg
from media_agents.composing.arranging import arrange
from media_agents.composing.compose import (
    Bench,
    Composition,
    Wish,
    compose,
    known_of,
)
from media_agents.composing.document import read
from media_agents.conforming import fits
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.loudness import loudness
from media_agents.probe import probe
from media_agents.profiles import profiles
from media_agents.recipes import make_video
from media_agents.speaking import Espeak
from schemas.timeline import Timeline

FRAME = 1 / 30
SMALL = {"width": 320, "height": 180, "frameRate": "30"}
AIGC = r'"Label":"1"'


def plain(engine: Engine, path: Path, colour: str, seconds: float, tone: int) -> Path:
    sound = ["-f", "lavfi", "-i", f"sine=f={tone}:d={seconds}:r=48000"] if tone else []
    picture = f"color={colour}:s=320x180:r=30:d={seconds}"
    ffmpeg(
        engine,
        *["-f", "lavfi", "-i", picture, *sound, "-pix_fmt", "yuv420p"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path],
    )
    return path


@pytest.fixture(scope="module")
def shelf(engine: Engine, tmp_path_factory) -> dict[str, Path]:
    """Sources by the names that documents use."""
    folder = tmp_path_factory.mktemp("shelf")
    return {
        **flashing_shelf(engine, folder),
        "red": plain(engine, folder / "red.mp4", "0xC00000", 2, 440),
        "blue": plain(engine, folder / "blue.mp4", "0x0000C0", 2, 0),
        "music": plain(engine, folder / "music.mp4", "black", 3, 220),
    }


@pytest.fixture
def made(engine: Engine, shelf, tmp_path):
    """Composes a document given as JSON."""

    async def make(document: dict[str, object], destination: str = "") -> Composition:
        bench = Bench(engine, Espeak(), tmp_path, told.append)
        wish = Wish(timeline=document_of(document), destination=destination)
        return await compose(wish, shelf, bench)

    told: list[int] = []
    make.told = told  # type: ignore[attr-defined]  the percents that were told
    return make


def document_of(document: dict[str, object]) -> Timeline:
    return read({"canvas": SMALL} | document)


def clip(name: str, **more: object) -> dict[str, object]:
    return {"type": "clip", "source": {"file": name}} | more


async def test_twenty_joins_drift_by_no_frame_and_sound_stays_with_the_picture(
    engine, shelf, made
):
    document = {"scenes": [clip(each, fit="contain") for each in JOINED]}
    film = await made(document)

    known = {name: known_of(await probe(path, engine)) for name, path in shelf.items()}
    arranged = arrange(document_of(document), known)
    assert film.facts.frames == arranged.frames
    assert film.facts.duration_ms == round(arranged.seconds * 1000)
    begins = [float(each.begin / arranged.rate) for each in arranged.scenes]
    off = strayed(engine, film.file.path, begins)
    assert off.pictures <= FRAME
    assert off.sounds <= 0.02
    assert off.skew <= 0.02


async def test_a_cut_inside_a_clip_keeps_sound_and_picture_together(engine, made):
    scenes = [clip("30", start=0.1, end=1.0), clip("50", start=0.24), clip("30")]
    film = await made({"scenes": scenes})

    pictures, sounds = flashes(engine, film.file.path), beeps(engine, film.file.path)
    wanted = [0.3, 0.9 + 0.16, 0.9 + 1.14 + 0.4]
    assert pictures == pytest.approx(wanted, abs=FRAME)
    assert sounds == pytest.approx(pictures, abs=0.02)


async def test_the_film_is_as_loud_as_platforms_play_it(engine, made):
    scenes = [clip("red", gainDb=-20), clip("blue")]
    film = await made({"scenes": scenes, "music": {"source": {"file": "music"}}})

    heard = await loudness(film.file.path, 1, engine, film.facts.seconds)
    assert heard.lufs == pytest.approx(-14, abs=0.5)
    assert heard.peak_db <= -1
    assert made.told == sorted(made.told)


async def test_a_film_of_silent_scenes_has_no_sound(made):
    film = await made({"scenes": [clip("blue"), clip("red", muted=True)]})

    assert film.heard is None
    assert film.facts.sound is None


@pytest.mark.parametrize(
    ("kind", "middle"),
    [("crossfade", (20, 60)), ("fade", (14, 24)), ("wipe", (20, 60))],
)
async def test_a_transition_takes_its_frames_from_both(engine, made, kind, middle):
    coming = clip("blue", transition={"kind": kind, "seconds": 0.5})
    film = await made({"scenes": [clip("red"), coming]})

    assert film.facts.frames == 60 + 60 - 15
    reds = dict(enumerate(value for _, value in seen(engine, film.file.path, "VAVG")))
    assert reds[44] > 190 > 150 > reds[60]
    bright = [value for _, value in seen(engine, film.file.path)]
    assert middle[0] <= bright[52] <= middle[1]


async def test_an_inset_inside_a_transition_leaves_it_as_long(engine, made):
    """Pieces are cut where the inset begins, in the middle of the transition."""
    coming = clip("blue", transition={"kind": "crossfade", "seconds": 1})
    inset = {"source": {"file": "30"}, "at": 1.5, "seconds": 1, "scale": 0.25}
    plainly = await made({"scenes": [clip("red"), coming]})
    reds = [value for _, value in seen(engine, plainly.file.path, "VAVG")]
    film = await made({"scenes": [clip("red"), coming], "insets": [inset]})
    inside = [value for _, value in seen(engine, film.file.path, "VAVG")]

    assert film.facts.frames == plainly.facts.frames == 90
    assert inside[:45] == pytest.approx(reds[:45], abs=1)
    # The inset is black: a quarter of each side takes a sixteenth of the colour.
    assert inside[50] < reds[50] - 1
    assert inside[75:] == pytest.approx(reds[75:], abs=1)


async def test_narration_is_heard_at_its_cues_and_music_steps_back(engine, made):
    lines = [
        {"text": "Good evening. We ride tonight.", "language": "en", "at": 1.0},
        {"text": "今天天气很好。"},
    ]
    title = {"type": "title", "text": "夜骑 Night ride", "seconds": 8}
    film = await made(
        {
            "scenes": [title],
            "narration": lines,
            "music": {"source": {"file": "music"}, "gainDb": -3, "fadeOut": 0},
        }
    )

    assert [cue.text for cue in film.cues] == [
        "Good evening.",
        "We ride tonight.",
        "今天天气很好。",
    ]
    assert film.cues[0].start == 1.0
    assert all(a.end < b.start for a, b in pairwise(film.cues))
    before = level(engine, film.file.path, 0.1, 0.8)
    during = level(engine, film.file.path, 1.2, film.cues[0].end - 1.2)
    assert during < before - 6


def level(engine: Engine, path: Path, start: float, seconds: float) -> float:
    """How loud the music's tone is in a stretch, in dB."""
    argv = [engine.ffmpeg, "-hide_banner", "-nostats", "-ss", str(start)]
    argv += ["-t", str(seconds), "-i", str(path), "-vn"]
    only = "bandpass=f=220:width_type=h:w=8,volumedetect"
    argv += ["-af", only, "-f", "null", "-"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
    found = re.search(r"mean_volume: (\S+) dB", told)
    assert found
    return float(found[1])


async def test_words_that_do_not_fit_are_refused_with_their_place(made):
    title = {"type": "title", "text": "x", "seconds": 1}
    long = {"text": "This is much longer than the film is.", "language": "en"}
    with pytest.raises(MediaRefused) as late:
        await made({"scenes": [title], "narration": [long]})
    assert (late.value.code, late.value.reason[:12]) == (
        "narration_too_long",
        "/narration/0",
    )
    title = {"type": "title", "text": "x", "seconds": 9}
    lines = [{**long, "at": 0}, {**long, "at": 1.3}]
    with pytest.raises(MediaRefused) as over:
        await made({"scenes": [title], "narration": lines})
    assert over.value.code == "narration_overlaps"
    assert over.value.reason.startswith("/narration/1")


MARKS = [
    {"destination": name, "watermark": "@城市夜骑", "copyright": "© 2026 某某"}
    for name in ("bilibili", "douyin")
]


def bright_corner(engine: Engine, film: Composition, crop: str) -> float:
    """The brightest point of a part of the first picture."""
    graph = f"crop={crop},signalstats,metadata=print:key=lavfi.signalstats.YMAX:file=-"
    argv = [engine.ffmpeg, "-v", "error", "-i", str(film.file.path), "-vf", graph]
    argv += ["-frames:v", "1", "-f", "null", "-"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return float(told.rpartition("=")[2])


TOP_RIGHT, TOP_LEFT, BELOW = "100:30:220:0", "100:30:0:0", "320:30:0:150"


async def test_a_destinations_marks_are_on_its_film_and_never_on_the_master(
    engine, made
):
    document = {"scenes": [clip("blue", end=0.5)], "marks": MARKS}
    lit = {}
    for name in ("", "bilibili", "douyin"):
        film = await made(document, name)
        places = (TOP_RIGHT, TOP_LEFT, BELOW)
        lit[name] = [bright_corner(engine, film, each) > 100 for each in places]
        assert film.facts.labels.copyright == ("© 2026 某某" if name else "")
        assert film.facts.labels.aigc == ""

    assert lit == {
        "": [False, False, False],
        "bilibili": [True, False, True],
        "douyin": [False, False, False],
    }


async def test_what_a_machine_made_says_so_and_goes_on_saying_it(
    engine, made, tmp_path
):
    scenes = [clip("blue", ai=True), clip("blue")]
    document = {"scenes": scenes, "aiMark": {"span": "opening"}, "marks": MARKS[:1]}
    film = await made(document)

    assert bright_corner(engine, film, TOP_LEFT) > 100
    assert re.search(AIGC, film.facts.labels.aigc)
    folder = tmp_path / "bilibili"
    folder.mkdir()
    video = await make_video(film.file.path, folder, engine=engine, wished=["bilibili"])
    facts = await probe(folder / video.progressive, engine)
    assert fits(facts, profiles()["bilibili"]) == []
    assert facts.labels.aigc == film.facts.labels.aigc


async def test_the_same_document_makes_the_same_bytes(engine, shelf, tmp_path):
    lines = [{"text": "晚上好。", "at": 0.2}]
    document = document_of({"scenes": [clip("red")], "narration": lines})
    names = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        bench = Bench(engine, Espeak(), folder, lambda _: None)
        film = await compose(Wish(timeline=document), shelf, bench)
        names.append(film.file.name)
    assert names[0] == names[1]


async def test_other_frame_rates_stay_whole(made):
    canvas = {"width": 128, "height": 128, "frameRate": "30000/1001"}
    film = await made({"canvas": canvas, "scenes": [clip("25"), clip("red")]})

    assert film.facts.frames == round(1.36 * Fraction(30000, 1001)) + 60
    assert film.facts.frame_rate == "30000/1001"
    assert not film.facts.vfr


async def test_what_cannot_be_used_is_refused_before_anything_is_drawn(made, tmp_path):
    with pytest.raises(MediaRefused) as refused:
        await made({"scenes": [clip("nowhere")]})
    assert refused.value.code == "source_missing"
    assert not list(tmp_path.glob("piece-*"))


async def test_any_kind_of_clip_is_made_one_kind(engine, clip, shelf, tmp_path):
    """High range, fields, wide pixels, portrait, odd sides, frames in bursts."""
    names = ["hdr.mp4", "interlaced.ts", "wide_pixels.mp4", "portrait.mp4", "odd.mp4",
             "bursts.mp4"]  # fmt: skip
    files = {name: clip(name) for name in names}
    fits_ = ["contain", "cover", "blur"] * 2
    scenes = [
        {"type": "clip", "source": {"file": name}, "fit": fit, "end": 0.8}
        for name, fit in zip(names, fits_, strict=True)
    ]
    bench = Bench(engine, Espeak(), tmp_path, lambda _: None)
    film = await compose(Wish(timeline=document_of({"scenes": scenes})), files, bench)

    assert film.facts.frames == 6 * 24
    assert (film.facts.pix_fmt, film.facts.sar) == ("yuv420p", "1:1")
    bright = [value for _, value in seen(engine, film.file.path)]
    assert all(30 < value < 220 for value in bright)
