"""Ed25519: what holds, what does not, and the keys of the environment."""

from __future__ import annotations

import base64

import pytest

from shop.core.signatures import Ring, holds, new_private_key, public_key_of, written

# RFC 8032, 7.1, test 2.
PRIVATE = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNED = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
MESSAGE = b"\x72"


def a_ring(*private: bytes) -> Ring:
    ring = Ring()
    ring.load(written(private))
    return ring


def test_it_signs_as_the_standard_says() -> None:
    assert public_key_of(PRIVATE) == PUBLIC
    assert a_ring(PRIVATE).sign(MESSAGE, public_key=PUBLIC) == SIGNED
    assert holds(SIGNED, MESSAGE, public_key=PUBLIC)


def test_one_changed_bit_of_anything_does_not_hold() -> None:
    for place in range(64):
        bent = bytearray(SIGNED)
        bent[place] ^= 1
        assert not holds(bytes(bent), MESSAGE, public_key=PUBLIC)
    assert not holds(SIGNED, b"\x73", public_key=PUBLIC)
    assert not holds(SIGNED, MESSAGE, public_key=public_key_of(new_private_key()))
    assert not holds(b"", MESSAGE, public_key=PUBLIC)
    assert not holds(SIGNED, MESSAGE, public_key=b"short")


def test_a_key_is_found_by_its_public_half_and_by_no_other() -> None:
    another = new_private_key()
    ring = a_ring(another, PRIVATE)
    assert set(ring.keys) == {PUBLIC, public_key_of(another)}
    with pytest.raises(KeyError):
        ring.sign(MESSAGE, public_key=public_key_of(new_private_key()))


@pytest.mark.parametrize("empty", ["", " ", ","])
def test_no_key_is_no_mistake(empty: str) -> None:
    ring = Ring()
    ring.load(empty)
    assert ring.keys == {}


WRONG = {"short": "c2hvcnQ=", "not base64": "!!!", "too long": base64.b64encode(bytes(33)).decode()}


@pytest.mark.parametrize("case", WRONG)
def test_a_key_that_is_none_is_named(case: str) -> None:
    with pytest.raises(ValueError, match="Key 2 of SIGNING_KEYS must be 32 bytes in base64"):
        Ring().load(f"{written([PRIVATE])},{WRONG[case]}")


def test_a_ring_shows_no_private_key() -> None:
    assert "Ed25519" not in repr(a_ring(PRIVATE))
