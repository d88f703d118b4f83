"""Secrets that are shown once: of sessions, tokens and mailed links."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """How a secret is kept.

    A fast hash is enough, as 256 random bits cannot be guessed. Rows are found by the hash, so no
    comparison's time depends on the secret.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
