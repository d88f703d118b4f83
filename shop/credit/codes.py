"""The code of a gift card: whoever holds it holds the money, so the shop keeps only its hash."""

from __future__ import annotations

import hashlib
import secrets

from shop.core.numbers import ALPHABET

# 32^20 = 2^100: nobody guesses one, nor finds it from its hash and the four characters we show.
LENGTH = 20
GROUP = 4
_MISREAD = str.maketrans("OIL", "011")  # as Crockford's base 32 reads them


def fresh() -> str:
    """A new code such as "7K2Q-M4XD-…", to be shown once."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def hashed(typed: str) -> bytes:
    """What is kept of a code, however it was typed: small letters, spaces, an O for a nought."""
    return hashlib.sha256(_plain(typed).encode("utf-8", "replace")).digest()


def last4(code: str) -> str:
    """By what people tell cards apart."""
    return _plain(code)[-GROUP:]


def _plain(typed: str) -> str:
    return "".join(typed.split()).replace("-", "").upper().translate(_MISREAD)
