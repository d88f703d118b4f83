"""Passwords: argon2id, and none that everybody tries first.

Length and a list of common passwords, and no rule on kinds of characters (NIST SP 800-63B §5.1.1).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256  # characters
FEWEST_DIFFERENT = 5
COMMON = Path(__file__).with_name("common_passwords.txt")

_hasher = [PasswordHasher()]


def set_cost(parameters: Mapping[str, int]) -> None:
    """Use these argon2 parameters from now on; hashes made with others are made anew at sign-in."""
    _hasher[0] = PasswordHasher(**dict[str, Any](parameters))
    _dummy.cache_clear()


def hash_of(password: str) -> str:
    """How a password is kept."""
    return _hasher[0].hash(_normal(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether `password` is the one kept; does the same work where there is none."""
    try:
        right = _hasher[0].verify(kept or _dummy(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher[0].check_needs_rehash(kept)


def objection(password: str, *, email: str = "") -> str | None:
    """Why nobody should use this password, in words for the person; None where it will do."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a few words are best."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    plain = _normal(password).casefold()
    if plain in _common() or plain == email.casefold():
        return "This is one of the passwords that are tried first. Choose another."
    if len(set(plain)) < FEWEST_DIFFERENT:
        return f"Use at least {FEWEST_DIFFERENT} different characters."
    return None


def _normal(password: str) -> str:
    """The same keys give the same password on every machine (NIST SP 800-63B: NFKC)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _dummy() -> str:
    return hash_of("nobody's password")


@cache
def _common() -> frozenset[str]:
    lines = COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
