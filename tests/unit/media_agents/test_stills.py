"""Which picture stands for a video, and where thumbnails lie on their sheets."""

from pathlib import Path

import pytest
from PIL import Image

from media_agents.stills import (
    Candidate,
    Still,
    clock,
    distinct,
    look,
    ranked,
    score,
    sheets,
    thumbnails,
    tiles,
)


def picture(path: Path, colour: str, *, lines: int = 0) -> Path:
    made = Image.new("RGB", (160, 90), colour)
    for column in range(0, 160, max(1, 160 // lines) if lines else 999):
        made.paste("white", (column, 0, column + 2, 90))
    made.save(path)
    return path


def test_more_edges_score_higher_and_blank_pictures_nothing(tmp_path: Path) -> None:
    few = score(picture(tmp_path / "few.png", "navy", lines=8))
    many = score(picture(tmp_path / "many.png", "navy", lines=40))

    assert 0 < few < many
    for colour in ("black", "white", "gray"):
        assert score(picture(tmp_path / f"{colour}.png", colour)) == 0


def test_of_pictures_that_look_alike_the_best_is_left(tmp_path: Path) -> None:
    names = ("one", "same", "other")
    paths = [tmp_path / f"{name}.jpg" for name in names]
    for number, path in enumerate(paths):
        made = Image.radial_gradient("L") if number < 2 else Image.linear_gradient("L")
        made.rotate(30).convert("RGB").save(path, quality=95 - 20 * number)
    one, same, other = (Candidate(1.0, 9.0 - n, look(p)) for n, p in enumerate(paths))

    assert one.look != other.look
    assert distinct([one, same, other]) == [one, other]


def test_a_blank_picture_is_a_candidate_only_where_all_are_blank() -> None:
    blank, seen = Candidate(1.0, 0.0, 1), Candidate(2.0, 5.0, 2)

    assert distinct([seen, blank]) == [seen]
    assert distinct([blank, Candidate(3.0, 0.0, 4)]) == [blank]
    assert distinct([]) == []


def test_candidates_are_the_best_of_each_part() -> None:
    found = [Candidate(float(at), float(at % 5)) for at in range(80)]
    best = ranked(found)

    assert len(best) == 8
    assert best[0] == Candidate(4.0, 4.0)
    assert [each.score for each in best] == [4.0] * 8
    assert ranked([]) == []
    assert ranked([Candidate(0.0, 0.0)]) == [Candidate(0.0, 0.0)]


def test_thumbnails_name_parts_of_as_many_sheets_as_it_takes(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", "navy", lines=4)
    stills = [Still(float(at), path) for at in range(0, 204, 2)]
    placed = tiles(stills, 205.0, 90)
    made = sheets(stills, placed, tmp_path)
    text = thumbnails(placed, [each.name for each in made])

    assert [each.name for each in made] == ["sheet-0.jpg", "sheet-1.jpg"]
    with Image.open(made[0]) as first, Image.open(made[1]) as second:
        assert (first.size, second.size) == ((1600, 900), (320, 90))
    assert text.startswith(
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nsheet-0.jpg#xywh=0,0,160,90\n"
    )
    assert "00:03:22.000 --> 00:03:25.000\nsheet-1.jpg#xywh=160,0,160,90" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00:00.000"), (59.9996, "00:01:00.000"), (3661.25, "01:01:01.250")],
)
def test_clocks_have_hours_and_thousandths(seconds: float, said: str) -> None:
    assert clock(seconds) == said
