"""Clients with credit, and gift cards, through the verbs that make them; saved, not committed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.credit import correcting, making, queries, redeeming
from shop.credit.limits import LIMIT_CENTS
from shop.credit.making import Made
from shop.credit.models import CreditEntry, Origin
from tests.people import alice, mona, sam

HERE = "203.0.113.7"  # RFC 5737: for documentation


def a_card(cents: int = 50_00, **given: Any) -> Made:
    """A gift card that was sold, and its code; a large one is confirmed by Mona."""
    fields = {"origin": Origin.SOLD, "note": "Receipt R-1", "by": given.pop("by", None) or sam()}
    made = making.make(cents, **(fields | given), at=now())
    return making.confirm(made.card, by=mona(), at=now()) if made.card.large else made


def with_credit(cents: int, client: Person | None = None) -> Person:
    """A client with so much more credit, given by as many people as it takes."""
    client = client or alice()
    while cents:
        step = min(cents, LIMIT_CENTS)
        correcting.propose(client, step, note="A welcome.", by=sam(), at=now())
        cents -= step
    return client


def redeemed(made: Made, client: Person) -> CreditEntry:
    assert made.code is not None
    return redeeming.redeem(made.code, address=HERE, by=client, at=now())


def ledger(client: Person) -> list[tuple[str, int, int]]:
    """Kind, what moved and what was left, in order, as the database has them."""
    rows = db.session.scalars(queries.entries(client).order_by(CreditEntry.seq))
    return [(str(one.kind), one.delta_cents, one.balance_cents) for one in rows]


def balance(client: Person) -> int:
    """The account's own head."""
    return queries.balance(client)


def entries_of(**where: Any) -> int:
    query = sa.select(sa.func.count()).select_from(CreditEntry).filter_by(**where)
    return db.session.execute(query).scalar_one()
