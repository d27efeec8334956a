"""How much may be parked before the cause cannot be in the records."""

from streams.parking import FEW, STREAMS, WINDOW_S, Recent, allowed
from streams.rulings import Rulings, name_of


def test_a_hundredth_of_what_was_read_but_never_more_than_a_hundred() -> None:
    assert allowed(0) == FEW
    assert allowed(FEW * 100) == FEW
    assert allowed(5_000) == 50
    assert allowed(10_000_000) == STREAMS


def test_what_was_read_counts_for_ten_minutes() -> None:
    now = [0.0]
    recent = Recent(lambda: now[0])
    for minute in range(30):
        now[0] = minute * 60.0
        recent.add(100)
        assert recent.count() <= 100 * (WINDOW_S / 60 + 1)
    assert recent.count() >= 100 * WINDOW_S / 60 - 100
    now[0] += 2 * WINDOW_S
    assert recent.count() == 0


def test_a_ruling_holds_for_every_version_of_its_reader_and_for_nobody_else() -> None:
    rulings = Rulings(frozenset({("projects", "t", 1, 7)}))

    assert name_of("projects.v3") == name_of("projects") == "projects"
    assert rulings.dropped("projects.v1", "t", 1, 7)
    assert rulings.dropped("projects.v9", "t", 1, 7)
    assert not rulings.dropped("projects.v1", "t", 1, 8)
    assert not rulings.dropped("leads.v1", "t", 1, 7)
