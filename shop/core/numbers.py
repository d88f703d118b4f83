"""Human numbers ("A-7K2QM4X"): random, so that a number never tells how many there are."""

from __future__ import annotations

import secrets

# Crockford's base 32: no I, L, O or U, so that a number can be read out on the telephone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8  # 32^8: about 10^12 numbers of each kind


def fresh(prefix: str) -> str:
    """A new number such as "A-7K2QM4XD"; its uniqueness is the column's."""
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(LENGTH))}"
