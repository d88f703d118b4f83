"""Sealed columns: what opens, what does not, and what a ciphertext gives away."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.sealed import Keyring, NotOpened, keyring, seal, unseal

KEYS = {1: bytes(range(32)), 2: bytes(range(1, 33))}
ROW = uuid.UUID(int=7)
HERE = {"table": "charts", "row": ROW, "column": "allergies_sealed"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "keys", dict(KEYS))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=500))
def test_what_was_sealed_here_opens_here(plain: bytes) -> None:
    keyring.keys = dict(KEYS)
    assert unseal(seal(plain, **HERE), **HERE) == plain


ELSEWHERE = {
    "another row": {"row": uuid.UUID(int=8)},
    "another column": {"column": "notes_sealed"},
    "another table": {"table": "people"},
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_value_copied_elsewhere_does_not_open(where: str) -> None:
    sealed = seal(b"penicillin", **HERE)
    with pytest.raises(NotOpened):
        unseal(sealed, **(HERE | ELSEWHERE[where]))


@pytest.mark.parametrize("place", range(0, 40, 3))
def test_one_flipped_bit_is_noticed(place: int) -> None:
    sealed = bytearray(seal(b"penicillin", **HERE))
    sealed[place] ^= 1
    with pytest.raises(NotOpened):
        unseal(bytes(sealed), **HERE)


def test_a_length_gives_nothing_away_within_a_step() -> None:
    assert len(seal(b"none", **HERE)) == len(seal(b"penicillin, sulfites, latex", **HERE))
    assert seal(b"none", **HERE) != seal(b"none", **HERE)


def test_the_newest_key_seals_and_the_older_still_opens() -> None:
    keyring.keys = {1: KEYS[1]}
    old = seal(b"x", **HERE)
    keyring.keys = dict(KEYS)
    assert seal(b"x", **HERE)[1:5] == (2).to_bytes(4, "big")
    assert unseal(old, **HERE) == b"x"
    keyring.keys = {2: KEYS[2]}
    with pytest.raises(NotOpened):
        unseal(old, **HERE)


WRONG_KEYS = {
    "": "names no key",
    "1:short": "Key 1 of SEALED_KEYS must be 32 bytes",
    "1:AAAA": "Key 1 of SEALED_KEYS must be 32 bytes",
    "1": "Key 1 of SEALED_KEYS must be 32 bytes",
    "x:" + "A" * 43 + "=": "is written",
}


@pytest.mark.parametrize("text", WRONG_KEYS)
def test_wrong_keys_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG_KEYS[text]):
        Keyring().load(text)
