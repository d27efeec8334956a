"""The job that makes one rendition again, on a real store: words, damage, refusals."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from fixtures.fix_media import ffmpeg
from infra.settings import Settings
from infra.wiring import storage
from media_agents.agent import Studio, sha256_of
from media_agents.engines.ffmpeg import Engine
from media_agents.playlists import key_playlists, references
from media_agents.probe import probe
from media_agents.renditions import Remaker
from media_agents.storage import Storage
from media_agents.subtitles.keeping import Home, keep
from media_agents.subtitles.rules import Cue
from media_agents.subtitles.work import Subtitler
from schemas.jobs import (
    Captioned,
    CaptionInput,
    JobInput,
    Remade,
    RemakeInput,
    SubtitleText,
    Transcoded,
    TranscodeInput,
)
from streams.agents.work import Impossible, Job

NAMES = ("480p", "360p")


class Shop:
    """One tenant's finished video with English words beside its picture."""

    def __init__(self, store: Storage, engine: Engine, folder: Path) -> None:
        self.store, self.engine, self.folder = store, engine, folder
        self.tenant = f"t{uuid4().hex}"
        self.text = SubtitleText("en", "", "", 0, "upload")
        self.wish = TranscodeInput("v", "", "", NAMES)
        self.made: Transcoded | None = None
        self.shown: Captioned | None = None

    def job(self, wish: JobInput) -> Job:
        return Job(id="j", tenant=self.tenant, subject="asset/1", input=wish, token="t")

    async def open(self, source: Path) -> None:
        key = f"{self.tenant}/assets/1/a.mp4"
        await self.store.upload(source, key, "video/mp4")
        self.wish = TranscodeInput("v", key, sha256_of(source), NAMES)
        studio = Studio(self.store, self.engine, self.folder)
        made = await studio.transcode(self.job(self.wish), silent)
        assert isinstance(made, Transcoded)
        home = Home(self.tenant, "1", "en")
        self.text = await keep(self.store, home, [Cue(500, 2000, ("Hello",))], "upload")
        wanted = CaptionInput("v", made.mp4_key, made.hls_key, (self.text,))
        subtitler = Subtitler(self.store, self.engine, None, self.folder)
        shown = await subtitler.caption(self.job(wanted), silent)
        assert isinstance(shown, Captioned)
        self.made, self.shown = made, shown

    def wanted(self, name: str) -> RemakeInput:
        assert self.made
        assert self.shown
        return RemakeInput(
            name=name,
            wish=self.wish,
            mp4_key=self.made.mp4_key,
            hls_key=self.made.hls_key,
            shown_mp4=self.shown.mp4_key,
            shown_hls=self.shown.hls_key,
            renditions=self.made.renditions,
            texts=(self.text,),
        )

    async def again(self, wanted: RemakeInput) -> Remade:
        remaker = Remaker(self.store, self.engine, self.folder)
        made = await remaker.remake(self.job(wanted), silent)
        assert isinstance(made, Remade)
        return made


def silent(_percent: int, _text: str) -> None:
    return None


@pytest.fixture(scope="module")
async def shop(stack: Settings, engine: Engine, tmp_path_factory: Any) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    source = folder / "source.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=640x480:r=25:d=4")
    sound = ("-f", "lavfi", "-i", "sine=440:r=48000:d=4")
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg(engine, *picture, *sound, *how, "-c:a", "aac", source)
    found = Shop(storage(stack), engine, folder / "scratch")
    await found.open(source)
    return found


async def everything(shop: Shop, master_key: str) -> set[str]:
    """All that a player of this master may ask for."""
    prefix = master_key.rpartition("/")[0]
    names = {master_key}
    for each in references((await shop.store.get_bytes(master_key)).decode()):
        names.add(f"{prefix}/{each}")
        text = (await shop.store.get_bytes(f"{prefix}/{each}")).decode()
        names |= {f"{prefix}/{media}" for media in references(text)}
    return names


@pytest.mark.parametrize("name", NAMES)
async def test_the_words_beside_the_picture_are_there_at_once(
    shop: Shop, tmp_path: Path, name: str
) -> None:
    before = set(await shop.store.below(f"{shop.tenant}/videos/v/"))

    made = await shop.again(shop.wanted(name))

    there = set(await shop.store.below(f"{shop.tenant}/videos/v/"))
    assert before <= there
    assert await everything(shop, made.shown_hls) <= there
    assert {*made.files, made.mp4_key, made.shown_mp4} <= there
    assert not [key for key in there if "/pieces/" in key and "answer" not in key]
    master = (await shop.store.get_bytes(made.shown_hls)).decode()
    assert 'TYPE=SUBTITLES,GROUP-ID="words",NAME="English"' in master
    assert list(key_playlists(master)) == list(NAMES)
    assert (made.facts is not None) == (name == NAMES[0])
    await shop.store.download(made.shown_mp4, tmp_path / "shown.mp4")
    facts = await probe(tmp_path / "shown.mp4", shop.engine)
    assert [each.language for each in facts.captions] == ["eng"]
    assert (facts.frames, len(facts.sounds)) == (100, 1)


async def test_a_damaged_file_is_replaced_by_the_right_one(shop: Shop) -> None:
    wanted = shop.wanted("360p")
    made = await shop.again(wanted)
    damaged = next(key for key in made.files if key.endswith(".mp4"))
    right = await shop.store.get_bytes(damaged)
    wrong = shop.folder / "wrong.mp4"
    wrong.write_bytes(b"\0" * len(right))
    await shop.store.delete([damaged])
    await shop.store.upload(wrong, damaged, "video/mp4")

    await shop.again(wanted)

    assert await shop.store.get_bytes(damaged) == right


async def test_without_its_source_it_says_what_to_do(shop: Shop) -> None:
    wanted = shop.wanted("360p")
    gone = replace(wanted.wish, object_key=f"{shop.tenant}/assets/1/gone.mp4")

    with pytest.raises(Impossible) as no:
        await shop.again(replace(wanted, wish=gone))

    assert no.value.code == "source_missing"
    assert no.value.reason.endswith("Upload it again and ask for a new video")


async def test_what_was_deleted_meanwhile_is_no_half_result(shop: Shop) -> None:
    """The other renditions are gone: nothing new is published for what is left."""
    wanted = shop.wanted("360p")
    before = await shop.store.below(f"{shop.tenant}/")
    lost = replace(wanted, hls_key=f"{shop.tenant}/videos/v/master-gone.m3u8")

    with pytest.raises(Impossible) as no:
        await shop.again(lost)

    assert no.value.code == "object_missing"
    assert await shop.store.below(f"{shop.tenant}/") == before


async def test_the_file_for_a_destination_is_made_again_as_a_whole(
    shop: Shop,
) -> None:
    wish = replace(shop.wish, video_id="b", profiles=("bilibili",))
    studio = Studio(shop.store, shop.engine, shop.folder)
    first = await studio.transcode(shop.job(wish), silent)
    assert isinstance(first, Transcoded)
    assert not first.hls_key

    made = await shop.again(
        RemakeInput(
            "bilibili", wish, first.mp4_key, "", first.mp4_key, "", first.renditions
        )
    )

    assert (made.mp4_key, made.hls_key) == (first.mp4_key, "")
    assert (made.shown_mp4, made.shown_hls) == (first.mp4_key, "")
    assert made.files == (first.mp4_key,)
    assert made.facts == first.facts
