"""The price book of an installation: its own rows beside those that ship."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.prices import book, lines
from infra.problem import Stop
from infra.settings import Settings

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
OWN = """
[[rows]]
id = "own/flash"
provider = "deepseek"
model = "deepseek-flash"
since = 2026-10-01T00:00:00+08:00
currency = "CNY"
rates = { miss = "0.9", output = "3" }
source = "our contract"
read = 2026-11-20
corrects = "deepseek-flash/cny/2026-10"
"""


def test_a_row_of_the_installation_corrects_one_that_ships(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN, "utf-8")
    found = book(Settings(ai_prices=own))
    row = found.row("deepseek", "deepseek-flash", AT)

    assert row is not None
    assert row.id == "own/flash"
    shown = list(lines(found, AT))
    assert any(each.startswith("* own/flash") for each in shown)
    assert any(each.startswith("  deepseek-flash/cny/2026-10") for each in shown)


def test_a_provider_is_paid_in_the_currency_that_is_set() -> None:
    row = book(Settings(ai_billed="deepseek=USD")).row("deepseek", "deepseek-flash", AT)

    assert row is not None
    assert row.currency == "USD"


def test_a_price_list_that_is_not_there_names_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="CONTENTOPS_AI_PRICES"):
        book(Settings(ai_prices=tmp_path / "gone.toml"))
