"""Redaction: what names or admits a person goes, order numbers and prices stay."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.redaction import is_bank_card, is_id_card, redacted

CARD = "6222020200112230"
ID = "11010519491231002X"
SECRETS = (
    ("lin.wei+shop@example.com.cn", "[email]"),
    ("13812345678", "[phone]"),
    ("+86 138-1234-5678", "+[phone]"),
    ("8613812345678", "[phone]"),
    ("１３８１２３４５６７８", "[phone]"),
    (ID, "[id-card]"),
    (ID.lower(), "[id-card]"),
    ("4111 1111 1111 1111", "[bank-card]"),
    (CARD, "[bank-card]"),
    ("6222-0202-0011-2230", "[bank-card]"),
    ("sk-proj-abcdefghijklmnop0123", "[key]"),
    ("co_AbCdEfGhIjKlMnOpQr", "[key]"),
    ("ghp_0123456789abcdefghij", "[key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]"),
    ("LTAI5tABCDEFGHIJKLMNOP", "[key]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[key]"),
    ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [token]"),
    (
        "https://x.cn/a?access_token=abc123&b=2",
        "https://x.cn/a?access_token=[token]&b=2",
    ),
    ("https://x.cn/?X-Amz-Signature=deadbeef", "https://x.cn/?X-Amz-Signature=[token]"),
    ("postgres://lin:geheim@db/x", "postgres://[token]@db/x"),
)
PLAIN = (
    "订单号 20261123000123456，共 3 件，¥1,299.00",
    "尺寸 1200x900，2026-11-23 10:00:00",
    "12345678901 不是手机号",
    "4111 1111 1111 1112",
    "110105194912310021",
    "0000000000000000",
    "a@b 和 @某人",
    "https://x.cn/a?page=2&keyword=token",
    "skill-based writing, pk_1, sk-short",
)


@pytest.mark.parametrize(("secret", "instead"), SECRETS)
def test_a_secret_is_replaced_by_its_kind(secret: str, instead: str) -> None:
    assert redacted(secret) == instead
    assert redacted(f"请联系{secret}，谢谢") == f"请联系{instead}，谢谢"


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@given(
    st.lists(st.sampled_from(["13812345678", ID, CARD]), min_size=1, max_size=4),
    st.sampled_from([" ", ", ", "；", "/", "\n"]),
    st.sampled_from(["", "12 ", "价格 5 "]),
)
def test_numbers_side_by_side_do_not_hide_each_other(
    numbers: list[str], between: str, before: str
) -> None:
    found = redacted(before + between.join(numbers))

    assert not [each for each in numbers if each in found]
    assert found.startswith(before)


@given(st.text(max_size=300))
def test_it_never_fails_and_once_is_enough(text: str) -> None:
    once = redacted(text)

    assert redacted(once) == once


@given(st.integers(0, 10**17 - 1))
def test_one_wrong_digit_is_no_card(number: int) -> None:
    digits = f"{number:017d}"
    valid = [n for n in range(10) if is_bank_card(f"{digits}{n}")]

    assert len(valid) == (0 if len(set(digits)) == 1 and digits[0] == "0" else 1)


def test_an_identity_number_needs_its_date_and_its_check() -> None:
    assert is_id_card(ID)
    assert not is_id_card("110105194913310022")
    assert not is_id_card("11010519491231002")
    assert not is_id_card("110105194912310021")


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "11 ", "sk-", "a@", "联系 138 ", "://a:"]
)
def test_a_megabyte_is_read_in_little_time_whatever_is_in_it(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begun = process_time()
    redacted(text)

    assert process_time() - begun < 5
