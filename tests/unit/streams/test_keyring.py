"""What is sealed opens only where it was sealed, with the key it was sealed under."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.keyring import Tampered, _decrypt, _encrypt, _place

KEY = b"k" * 32
PLACE = _place("acme", "key-1", "contact")


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens_again(plain: bytes) -> None:
    nonce, cipher = _encrypt(KEY, plain, PLACE)

    assert _decrypt(KEY, nonce, cipher, PLACE) == plain
    assert len(cipher) == len(plain) + 16


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert _encrypt(KEY, b"13800138000", PLACE) != _encrypt(KEY, b"13800138000", PLACE)


@pytest.mark.parametrize(
    "place",
    [
        _place("other", "key-1", "contact"),
        _place("acme", "key-2", "contact"),
        _place("acme", "key-1", "message"),
    ],
)
def test_another_tenant_key_or_field_does_not_open_it(place: bytes) -> None:
    nonce, cipher = _encrypt(KEY, b"plain", PLACE)

    with pytest.raises(Tampered):
        _decrypt(KEY, nonce, cipher, place)


@pytest.mark.parametrize("position", [0, 5, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    nonce, cipher = _encrypt(KEY, b"plain text", PLACE)
    bent = bytearray(cipher)
    bent[position] ^= 1

    with pytest.raises(Tampered):
        _decrypt(KEY, nonce, bytes(bent), PLACE)


def test_another_key_does_not_open_it() -> None:
    nonce, cipher = _encrypt(KEY, b"plain", PLACE)

    with pytest.raises(Tampered):
        _decrypt(b"x" * 32, nonce, cipher, PLACE)
