"""What CHECKs of these tables say alike."""

from __future__ import annotations


def is_sealed(column: str) -> str:
    """The text of a CHECK: version byte, key id, nonce and tag round at least one padded step."""
    return f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97"
