"""Which part of a picture is kept, how large it gets, what all destinations want."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media_agents.errors import MediaRefused
from media_agents.images.crafting import cover_wishes
from media_agents.images.fitting import (
    MOST_SIDE,
    best_start,
    cut_sides,
    fitted,
    result_sides,
)
from media_agents.images.packing import WRITERS, packed
from media_agents.profiles import profiles
from schemas.pictures import Aspect, Focus, PictureWish

SIDES = st.tuples(st.integers(1, 9000), st.integers(1, 9000))
ASPECTS = st.builds(Aspect, st.integers(1, 21), st.integers(1, 21))


@given(SIDES, ASPECTS)
def test_what_is_cut_lies_inside_and_has_the_shape(
    size: tuple[int, int], aspect: Aspect
) -> None:
    width, height = cut_sides(size, aspect)

    assert 1 <= width <= size[0]
    assert 1 <= height <= size[1]
    assert width == size[0] or height == size[1]
    off = min(
        abs(width - height * aspect.wide / aspect.high),
        abs(height - width * aspect.high / aspect.wide),
    )
    assert off <= 0.5 or 1 in (width, height)


@given(SIDES, ASPECTS | st.none(), st.integers(0, 5000), st.integers(0, 1000))
def test_nothing_is_enlarged_but_to_the_least_width(
    size: tuple[int, int], aspect: Aspect | None, width: int, least: int
) -> None:
    shape = cut_sides(size, aspect)
    wish = PictureWish(aspect=aspect, width=width, least_width=least)
    found = result_sides(shape, wish)

    assert max(found) <= MOST_SIDE
    assert min(found) >= 1
    assert found[0] <= max(shape[0], least)
    if width:
        assert found[0] <= max(width, least)


def test_the_window_goes_where_most_is_to_be_seen_else_to_the_middle() -> None:
    assert best_start(bytes(10), 0.5) == pytest.approx(0.25, abs=0.06)
    assert best_start(bytes([0] * 8 + [200, 200]), 0.5) == pytest.approx(0.5)
    assert best_start(bytes([200] + [0] * 9), 0.5) == pytest.approx(0.0)
    assert best_start(b"\x09", 0.5) == 0.0
    assert best_start(bytes(10), 1.0) == 0.0


@pytest.mark.parametrize(
    ("focus", "colour"),
    [(Focus(0.0, 0.5), "red"), (Focus(0.5, 0.5), "lime"), (Focus(1.0, 0.5), "blue")],
)
def test_a_focus_decides(focus: Focus, colour: str) -> None:
    striped = Image.new("RGB", (300, 100))
    for place, each in enumerate(("red", "lime", "blue")):
        striped.paste(each, (100 * place, 0, 100 * place + 100, 100))
    wish = PictureWish(aspect=Aspect(1, 1), focus=focus)

    found = fitted(striped, wish).getcolors()

    assert found == [(10_000, Image.new("RGB", (1, 1), colour).getpixel((0, 0)))]


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_of_two_limits_the_larger_one_gives_the_better_picture(name: str) -> None:
    noise = Image.effect_noise((200, 150), 80).convert("RGB")
    whole, _ = packed(noise, name)
    sizes = [len(packed(noise, name, max_bytes=most)[0]) for most in (4000, 9000)]

    assert sizes[0] <= 4000
    assert sizes[0] < sizes[1] <= 9000
    assert packed(noise, name, max_bytes=len(whole))[0] == whole
    with pytest.raises(MediaRefused, match="too_many_bytes"):
        packed(noise, name, max_bytes=3000, least_width=200)


def test_one_wish_per_shape_satisfies_every_destination() -> None:
    wishes = cover_wishes()

    assert all(a.aspect != b.aspect for a, b in combinations(wishes, 2))
    for profile in profiles().values():
        assert profile.cover_source
        assert "jpeg" in profile.cover_formats
        for shape in profile.covers:
            (wish,) = [w for w in wishes if w.aspect == Aspect(*shape.aspect)]
            assert profile.name in wish.profiles
            assert wish.least_width >= shape.least_width
            assert wish.width >= shape.width
            assert wish.max_bytes <= profile.max_cover_bytes
