"""Pictures to order, by the confined child: any source, its shape, its bytes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.images.craft import Crafted
from media_agents.images.crafting import cover_wishes, craft
from media_agents.images.looking import is_picture, look
from media_agents.probe import probe
from media_agents.profiles import profiles
from schemas.pictures import Aspect, Focus, Overlay, PictureWish
from tests.torture.pictures import PLACE

MakePicture = Callable[[str], Path]
PORTRAIT = PictureWish(aspect=Aspect(3, 4), formats=("png",))


async def one(path: Path, wish: PictureWish, folder: Path) -> Image.Image:
    (made,) = await craft([path], [wish], folder)
    return shown(made)


def shown(made: Crafted) -> Image.Image:
    with Image.open(made.file) as opened:
        opened.load()
    assert opened.size == (made.width, made.height)
    assert opened.format == made.format.upper()
    return opened


def body(made: Crafted) -> bytes:
    return Path(made.file).read_bytes()


def left_in(folder: Path) -> list[Path]:
    return list(folder.glob("picture-*"))


def reds(found: Image.Image) -> int:
    small = found.convert("RGB")
    colours = small.getcolors(small.width * small.height) or []
    return sum(count for count, (r, g, b) in colours if r > 150 and max(g, b) < 90)


def near(found: object, wanted: tuple[int, ...], by: int = 12) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= by for a, b in zip(found, wanted, strict=True))


async def test_the_part_where_something_is_to_be_seen_is_kept(
    picture: MakePicture, tmp_path: Path
) -> None:
    for name in ("plain.jpg", "right.png"):
        found = await one(picture(name), PORTRAIT, tmp_path)
        assert found.size == (360, 480)
        assert reds(found) > 3000, name


async def test_a_named_focus_is_kept_in_the_picture(
    picture: MakePicture, tmp_path: Path
) -> None:
    away = PictureWish(Aspect(3, 4), formats=("png",), focus=Focus(1.0, 0.5))
    there = PictureWish(Aspect(3, 4), formats=("png",), focus=Focus(0.0, 0.5))

    assert reds(await one(picture("plain.jpg"), away, tmp_path)) == 0
    assert reds(await one(picture("plain.jpg"), there, tmp_path)) > 3000


@pytest.mark.parametrize(
    ("name", "wish", "size"),
    [
        ("plain.jpg", PictureWish(), (640, 480)),
        ("plain.jpg", PictureWish(width=320), (320, 240)),
        ("plain.jpg", PictureWish(width=2000), (640, 480)),
        ("plain.jpg", PictureWish(Aspect(16, 9), width=320), (320, 180)),
        ("plain.jpg", PictureWish(Aspect(16, 9), least_width=960), (960, 540)),
        ("portrait.png", PictureWish(Aspect(1, 1)), (300, 300)),
        ("one.png", PictureWish(Aspect(9, 16), least_width=90), (90, 160)),
        ("one.png", PictureWish(Aspect(9, 16)), (1, 2)),
        ("strip.png", PictureWish(Aspect(1, 10)), (1, 10)),
        ("strip.png", PictureWish(width=10), (10, 1)),
    ],
)
async def test_sides_are_the_aspect_and_nothing_is_enlarged_unasked(
    picture: MakePicture,
    tmp_path: Path,
    name: str,
    wish: PictureWish,
    size: tuple[int, int],
) -> None:
    assert (await one(picture(name), wish, tmp_path)).size == size


async def test_a_picture_is_upright_and_says_nothing_of_where_it_was_taken(
    picture: MakePicture, tmp_path: Path
) -> None:
    formats = ("jpeg", "png", "webp", "avif")
    wish = PictureWish(formats=formats)
    assert PLACE in picture("turned.jpg").read_bytes()

    for made in await craft([picture("turned.jpg")], [wish], tmp_path):
        found = shown(made)
        assert found.size == (480, 640)
        assert reds(found.crop((0, 0, 480, 200))) > 2000, made.format
        assert dict(found.getexif()) == {}
        assert not {"icc_profile", "exif", "comment", "xmp"} & set(found.info)
        assert PLACE not in body(made)


@pytest.mark.parametrize(
    ("name", "at", "wanted"),
    [
        ("cmyk.jpg", (5, 5), (255, 0, 0)),
        ("grey.jpg", (639, 0), (63, 63, 63)),
        ("bits.png", (0, 0), (0, 0, 0)),
        ("deep.png", (50, 25), (128, 128, 128)),
        ("numbers.tif", (50, 25), (128, 128, 128)),
        ("lab.tif", (5, 5), (192, 193, 193)),
        ("moving.gif", (5, 5), (255, 0, 0)),
        ("moving.webp", (5, 5), (255, 0, 0)),
        ("moving.png", (5, 5), (255, 0, 0)),
        ("plain.avif", (639, 0), (32, 64, 192)),
        ("palette.png", (639, 0), (32, 64, 192)),
        ("polyglot.jpg", (639, 0), (32, 64, 192)),
        ("glass.png", (75, 25), (255, 255, 255)),
        ("glass.png", (25, 25), (255, 0, 0)),
    ],
)
async def test_every_kind_of_picture_becomes_what_it_shows(
    picture: MakePicture,
    tmp_path: Path,
    name: str,
    at: tuple[int, int],
    wanted: tuple[int, ...],
) -> None:
    found = await one(picture(name), PictureWish(), tmp_path)

    assert found.mode == "RGB"
    place = (at[0], at[1])
    assert near(found.getpixel(place), wanted, 70 if name == "bits.png" else 25)
    assert b"<script>" not in left_in(tmp_path)[0].read_bytes()


async def test_what_shows_through_still_does_where_the_format_can(
    picture: MakePicture, tmp_path: Path
) -> None:
    wish = PictureWish(formats=("png", "webp", "avif"))

    for made in await craft([picture("glass.png")], [wish], tmp_path):
        corner = shown(made).convert("RGBA").getpixel((90, 25))
        assert isinstance(corner, tuple)
        assert corner[3] < 10, made.format


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("most", [200_000, 40_000, 12_000])
async def test_a_limit_of_bytes_is_kept(
    picture: MakePicture, tmp_path: Path, name: str, most: int
) -> None:
    wish = PictureWish(formats=(name,), max_bytes=most)
    (made,) = await craft([picture("noise.png")], [wish], tmp_path)

    assert most // 10 < len(body(made)) <= most
    assert shown(made).width * 3 == shown(made).height * 4


async def test_a_limit_that_cannot_be_kept_is_refused(
    picture: MakePicture, tmp_path: Path
) -> None:
    for wish in (
        PictureWish(max_bytes=1000, least_width=800),
        PictureWish(max_bytes=300),
    ):
        with pytest.raises(MediaRefused, match="too_many_bytes") as no:
            await craft([picture("noise.png")], [wish], tmp_path)
        assert "Allow more bytes" in no.value.remedy


async def test_the_same_order_gives_the_same_bytes(
    picture: MakePicture, tmp_path: Path
) -> None:
    words = Overlay("夜骑 & night", size=0.15, background="#00000080")
    wish = PictureWish(
        Aspect(1, 1), formats=("jpeg", "png", "webp", "avif"), overlay=words
    )
    found = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = await craft([picture("plain.jpg")], [wish], folder)
        found.append([body(each) for each in made])

    assert found[0] == found[1]
    assert len(set(found[0])) == 4


@pytest.mark.parametrize("place", ["top", "center", "bottom"])
async def test_words_stand_where_they_were_put(
    picture: MakePicture, tmp_path: Path, place: str
) -> None:
    words = Overlay("夜骑去看海", size=0.1, colour="#00ff00", place=place)
    wish = PictureWish(formats=("png",), overlay=words)
    found = await one(picture("plain.jpg"), wish, tmp_path)

    third = found.height // 3
    green = [
        sum(
            count
            for count, pixel in found.crop(
                (0, top, found.width, top + third)
            ).getcolors(1 << 20)
            if pixel == (0, 255, 0)
        )
        for top in (0, third, 2 * third)
    ]
    wanted = ("top", "center", "bottom").index(place)
    assert green[wanted] > 500
    assert sum(green) == green[wanted]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (Overlay("好" * 200, size=0.3), "text_too_long"),
        (Overlay("한글"), "font_missing"),
        (Overlay("a", colour="no colour"), "bad_colour"),
    ],
)
async def test_words_that_cannot_be_written_are_refused(
    picture: MakePicture, tmp_path: Path, words: Overlay, code: str
) -> None:
    with pytest.raises(MediaRefused) as no:
        await craft([picture("plain.jpg")], [PictureWish(overlay=words)], tmp_path)

    assert no.value.code == code
    assert no.value.remedy


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cut.jpg", "not_a_picture"),
        ("empty.png", "not_a_picture"),
        ("words.jpg", "not_a_picture"),
        ("drawing.svg", "not_a_picture"),
        ("phone.heic", "not_a_picture"),
        ("huge.png", "too_large"),
        ("huge.gif", "too_large"),
        ("wide.png", "too_large"),
    ],
)
async def test_broken_hostile_and_huge_pictures_are_refused(
    picture: MakePicture, tmp_path: Path, name: str, code: str
) -> None:
    with pytest.raises(MediaRefused) as no:
        await craft([picture(name)], [PictureWish()], tmp_path)

    assert no.value.code == code
    assert no.value.remedy
    assert not left_in(tmp_path)


async def test_nothing_of_a_bomb_is_decoded(
    picture: MakePicture, tmp_path: Path
) -> None:
    """As fast as the refusal of what is no picture at all: the header is enough."""
    took = {}
    for name in ("words.jpg", "huge.png", "huge.gif"):
        path, began = picture(name), time.perf_counter()
        with pytest.raises(MediaRefused):
            await craft([path], [PictureWish()], tmp_path)
        took[name] = time.perf_counter() - began

    assert max(took.values()) < 2 * took["words.jpg"] + 0.5, took


@pytest.mark.parametrize("name", ["huge.png", "cut.jpg"])
async def test_an_upload_that_cannot_be_decoded_is_refused_when_looked_at(
    picture: MakePicture, name: str
) -> None:
    path = picture(name)
    assert is_picture(path.read_bytes()[:16])
    with pytest.raises(MediaRefused):
        await look(path, path.stat().st_size)


async def test_a_picture_of_a_phone_is_refused_with_what_to_do(
    picture: MakePicture, engine: Engine
) -> None:
    with pytest.raises(MediaRefused, match="not_a_picture") as no:
        await probe(picture("phone.heic"), engine)

    assert "HEIC" in no.value.reason
    assert "JPEG" in no.value.remedy


async def test_covers_of_every_destination_fit_its_profile(
    picture: MakePicture, tmp_path: Path
) -> None:
    wishes = cover_wishes()
    made = await craft([picture("large.jpg")], wishes, tmp_path)
    shapes = {(each.wish, each.format): each for each in made}

    assert len(shapes) == len(wishes) * 3
    for profile in profiles().values():
        for shape in profile.covers:
            wide, high = shape.aspect
            number = next(
                place
                for place, each in enumerate(wishes)
                if each.aspect == Aspect(wide, high)
            )
            found = shapes[number, "jpeg"]
            assert profile.name in wishes[number].profiles
            assert found.width >= shape.least_width
            assert abs(found.width * high / wide - found.height) <= 1
            assert len(body(found)) <= profile.max_cover_bytes
