"""Attacks on the answers kept under idempotency keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from shop.core.db import db
from shop.web.models import KeptAnswer
from tests.attacks.attack import Attacks, Sql

KEEP = "INSERT INTO kept_answers (actor, key, request_hash, status, body) VALUES "


def scene() -> Mapping[str, Any]:
    """An answer was given under a key."""
    db.session.execute(
        sa.insert(KeptAnswer).values(
            actor="person:alice", key="mine", request_hash=bytes(32), status=201, body=b"{}"
        )
    )
    return {}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "answer twice under one key": (
            f"{KEEP} ('person:alice', 'mine', sha256('other'), 200, '')",
            "kept_answers_pkey",
        ),
        "answer under no key": (
            f"{KEEP} ('person:alice', '', sha256('x'), 200, '')",
            "idempotency_key_fits",
        ),
        "keep the request itself": (
            f"{KEEP} ('person:alice', 'other', 'password=x', 200, '')",
            "request_is_hashed",
        ),
    }
)


@ATTACKS.passes()
def _answer_somebody_else_under_the_same_key(attacker: Sql) -> None:
    attacker.run(f"{KEEP} ('person:bob', 'mine', sha256('x'), 200, '')")
