"""Which passwords will do, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shop.accounts import once, passwords

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    passwords.set_cost(CHEAP)
    yield
    passwords.set_cost(CHEAP)


WORDS = {
    "eleven characters": ("abcdefghij1", False),
    "twelve characters": ("gray plum 12", True),
    "256 characters": ("gray plum 12" * 21 + "gray", True),
    "257 characters": ("gray plum 12" * 21 + "gray!", False),
    "tried first": ("password1234", False),
    "tried first, in capitals": ("PassWord1234", False),
    "tried first, in full-width letters": (
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11\uff12\uff13\uff14",
        False,
    ),
    "a walk over the keyboard": ("qwertyuiopqwerty", False),
    "four different characters": ("abcdabcdabcd", False),
    "five different characters": ("abcdeabcdeab", True),
    "the mail address": ("alice@example.test", False),
    "the demo's": ("demo-password", True),
}


@pytest.mark.parametrize("case", WORDS)
def test_an_objection_or_none(case: str) -> None:
    password, good = WORDS[case]

    assert (passwords.objection(password, email="Alice@example.test") is None) is good


def test_only_the_password_matches_its_hash() -> None:
    kept = passwords.hash_of("gray plum 12")

    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, "gray plum 12")
    assert not passwords.matches(kept, "gray plum 13")
    assert not passwords.matches("not-a-hash", "gray plum 12")


def test_the_same_keys_give_the_same_password_on_every_machine() -> None:
    composed, decomposed = "gr\u00fcne pflaume", "gru\u0308ne pflaume"

    assert passwords.matches(passwords.hash_of(composed), decomposed)


def test_nobody_has_the_dummy_password() -> None:
    """The same hash is computed where there is no account, and it never lets anybody in."""
    assert not passwords.matches(None, "nobody's password")


def test_a_hash_is_outdated_when_the_cost_changes() -> None:
    kept = passwords.hash_of("gray plum 12")
    assert not passwords.outdated(kept)

    passwords.set_cost(CHEAP | {"time_cost": 2})

    assert passwords.outdated(kept)
    assert passwords.matches(kept, "gray plum 12")


def test_secrets_are_long_and_different() -> None:
    made = {once.new_secret() for _ in range(100)}

    assert len(made) == 100
    assert min(map(len, made)) >= 43  # 32 bytes in base 64
