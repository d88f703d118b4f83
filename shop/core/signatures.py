"""Ed25519 (RFC 8032): the private keys this process holds, and what a signature is worth.

Private keys come from the environment and are never stored; each is known by its public key, so
that none can be taken for another. When a key may sign is not said here: that is a row.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"
KEY_BYTES = 32


@dataclass
class Ring:
    """Private keys by their raw public key (32 bytes)."""

    keys: dict[bytes, Ed25519PrivateKey] = field(default_factory=dict, repr=False)

    def load(self, text: str) -> None:
        """ "<base64 of 32 bytes>,<…>" from the environment; may be empty. Raises ValueError."""
        given = [piece.strip() for piece in text.split(",") if piece.strip()]
        private = [_private(nth, piece) for nth, piece in enumerate(given, 1)]
        self.keys = {public_bytes(one): one for one in private}

    def sign(self, message: bytes, *, public_key: bytes) -> bytes:
        """The signature (64 bytes) by the private half of `public_key`. Raises KeyError."""
        return self.keys[public_key].sign(message)


ring = Ring()


def new_private_key() -> bytes:
    """A new private key: 32 bytes by the system's randomness."""
    return os.urandom(KEY_BYTES)


def public_key_of(private_key: bytes) -> bytes:
    """The public half of a private key, both raw."""
    return public_bytes(Ed25519PrivateKey.from_private_bytes(private_key))


def public_bytes(private_key: Ed25519PrivateKey) -> bytes:
    """The public half, raw."""
    return private_key.public_key().public_bytes_raw()


def holds(signature: bytes, message: bytes, *, public_key: bytes) -> bool:
    """Whether `signature` is of exactly this message by the private half of `public_key`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def written(private_keys: Iterable[bytes]) -> str:
    """Private keys as the environment names them."""
    return ",".join(base64.b64encode(one).decode() for one in private_keys)


def _private(nth: int, encoded: str) -> Ed25519PrivateKey:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"Key {nth} of SIGNING_KEYS must be 32 bytes in base64.")
    return Ed25519PrivateKey.from_private_bytes(raw)
