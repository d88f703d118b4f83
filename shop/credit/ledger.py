"""The one way an account of credit moves. The database numbers, chains and stamps it."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.core.db import db, locked
from shop.credit.errors import NotEnoughCredit
from shop.credit.models import CreditAccount, CreditEntry, EntryKind


def held(client_id: uuid.UUID) -> int:
    """What a client has, in cents; her account is locked, so that it stays so."""
    account = _locked(client_id)
    return 0 if account is None else account.balance_cents


def opened(client_id: uuid.UUID) -> CreditAccount:
    """The account of a client, locked; opened where she has none."""
    statement = insert(CreditAccount).values(client_id=client_id).on_conflict_do_nothing()
    db.session.execute(statement)
    account = _locked(client_id)
    assert account is not None
    return account


def book(client_id: uuid.UUID, kind: EntryKind, cents: int, **of: Any) -> CreditEntry:
    """Add (or, negative, take) `cents`, with what it is `of`. Raises NotEnoughCredit."""
    account = opened(client_id)
    if account.balance_cents + cents < 0:
        raise NotEnoughCredit(
            "There is not enough credit.", wanted_cents=-cents, held_cents=account.balance_cents
        )
    entry = CreditEntry(client_id=client_id, kind=kind, delta_cents=cents, **of)
    db.session.add(entry)
    db.session.flush()  # a trigger chains it and moves the account's head
    db.session.refresh(account)
    return entry


def _locked(client_id: uuid.UUID) -> CreditAccount | None:
    query = sa.select(CreditAccount).where(CreditAccount.client_id == client_id)
    return db.session.scalar(locked(query, key_share=True))
