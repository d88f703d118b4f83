"""Encrypted columns for health data.

AES-256-GCM with associated data that binds a ciphertext to its table, row and column: a value
copied to another row does not open. Format: version byte 1, key id (4 bytes), nonce (12),
ciphertext and tag. Text is padded to 64-byte steps, so that a length gives nothing away.

A column type cannot know its row, so this is a descriptor over a `bytea` column, and the row's id
is made before the value is set:

    answers_sealed: Mapped[bytes | None]
    answers = Sealed("answers_sealed")
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shop.core.errors import Unavailable

VERSION = 1
STEP = 64  # bytes
HEADER = 5  # version byte and key id


class NotOpened(Unavailable):
    """The value cannot be opened: its key is missing, or it is not the value sealed here."""

    code = "sealed_value_not_opened"


@dataclass
class Keyring:
    """The keys that open sealed values; the one with the highest id seals new ones."""

    keys: dict[int, bytes] = field(default_factory=dict)

    def load(self, text: str) -> None:
        """Keys from the environment: "1:<base64 of 32 bytes>,2:<…>". Raises ValueError."""
        keys = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            number, _, encoded = part.partition(":")
            if not number.isdecimal():
                raise ValueError('SEALED_KEYS is written "1:<base64 of 32 bytes>,2:<…>".')
            keys[int(number)] = _key(number, encoded)
        if not keys:
            raise ValueError("SEALED_KEYS names no key.")
        self.keys = keys


def _key(number: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError(f"Key {number} of SEALED_KEYS must be 32 bytes in base64.")
    return key


keyring = Keyring()


class Place(TypedDict):
    """Where a value is sealed; it opens nowhere else."""

    table: str
    row: UUID
    column: str


def seal(plain: bytes, *, table: str, row: UUID, column: str) -> bytes:
    """Encrypt `plain` for exactly this place."""
    if not keyring.keys:
        raise Unavailable("Health data cannot be stored: no key is configured.")
    key_id = max(keyring.keys)
    nonce = os.urandom(12)
    padded = plain + b"\x80" + b"\x00" * (-(len(plain) + 1) % STEP)
    header = bytes([VERSION]) + key_id.to_bytes(4, "big")
    secret = AESGCM(keyring.keys[key_id]).encrypt(nonce, padded, _place(table, row, column, key_id))
    return header + nonce + secret


def unseal(sealed: bytes, *, table: str, row: UUID, column: str) -> bytes:
    """Decrypt what `seal` made for the same place. Raises NotOpened."""
    key_id = int.from_bytes(sealed[1:HEADER], "big")
    key = keyring.keys.get(key_id)
    if sealed[:1] != bytes([VERSION]) or key is None:
        raise NotOpened("This part of the record cannot be opened.", key_id=key_id)
    nonce, secret = sealed[HEADER : HEADER + 12], sealed[HEADER + 12 :]
    try:
        padded = AESGCM(key).decrypt(nonce, secret, _place(table, row, column, key_id))
    except InvalidTag as error:
        raise NotOpened("This part of the record cannot be opened.", key_id=key_id) from error
    return padded[: padded.rindex(b"\x80")]


def _place(table: str, row: UUID, column: str, key_id: int) -> bytes:
    return f"v1|{table}|{row}|{column}|{key_id}".encode()


class _Row(Protocol):
    __tablename__: str
    id: Any


class Sealed:
    """A JSON value that is plain to the code and ciphertext to the database; None stays NULL."""

    def __init__(self, column: str) -> None:
        self.column = column

    def __get__(self, row: _Row | None, owner: type | None = None) -> Any:
        if row is None:
            return self
        sealed = getattr(row, self.column)
        if sealed is None:
            return None
        place = {"table": row.__tablename__, "row": row.id, "column": self.column}
        return json.loads(unseal(bytes(sealed), **place))

    def __set__(self, row: _Row, value: Any) -> None:
        if value is None:
            setattr(row, self.column, None)
            return
        if row.id is None:
            raise ValueError("A sealed value needs its row's id first.")
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        place = {"table": row.__tablename__, "row": row.id, "column": self.column}
        setattr(row, self.column, seal(plain, **place))
