"""The log of adverse reactions, for staff, managers and physicians; nobody reads their own here."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory import queries as inventory
from shop.vigilance.errors import ReactionRefused
from shop.vigilance.models import Reaction, ReactionAccount, ReactionFiling
from shop.vigilance.states import ReactionStatus

_SHOWN = (
    selectinload(Reaction.client),
    selectinload(Reaction.variant),
    selectinload(Reaction.lot),
    selectinload(Reaction.accounts).selectinload(ReactionAccount.recorded_by),
    selectinload(Reaction.filings).selectinload(ReactionFiling.filed_by),
)

_THROUGH = (
    sa.select(sa.func.coalesce(sa.func.max(ReactionFiling.through), 0))
    .where(ReactionFiling.reaction_id == Reaction.id)
    .correlate(Reaction)
    .scalar_subquery()
)
_DUE = (
    sa.select(sa.func.min(ReactionAccount.due_on))
    .where(ReactionAccount.reaction_id == Reaction.id, ReactionAccount.number > _THROUGH)
    .correlate(Reaction)
    .scalar_subquery()
)
# What is due first, and what is never due last; as text, which a cursor can hold.
DUE_FIRST = sa.func.coalesce(
    sa.func.to_char(_DUE, "YYYY-MM-DD", type_=sa.Text()), "9999-12-31", type_=sa.Text()
)


def reactions(reader: Person, *, status: ReactionStatus | None = None) -> sa.Select[Reaction]:
    """All, or those in one state, with all that is shown of them."""
    query = sa.select(Reaction).where(Reaction.client_id != reader.id).options(*_SHOWN)
    return query if status is None else query.where(Reaction.status == status)


def reaction_for(reader: Person, number: str, *, lock: bool = False) -> Reaction:
    """One of them, locked where it is changed. Raises NotFound."""
    query = reactions(reader).where(Reaction.number == number)
    found = db.session.scalars(locked(query, Reaction) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such reaction.")
    return found


def named(email: str, *, sku: str, lot: str | None) -> dict[str, Any]:
    """Client, variant and lot as they were named. Raises ReactionRefused, NotFound."""
    found = _client(email)
    return {
        "client": found,
        "variant": catalog.variant(sku),
        "lot": inventory.lot(lot) if lot else None,
    }


def _client(email: str) -> Person:
    query = sa.select(Person).where(Person.email == email, Person.role == Role.CLIENT)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise ReactionRefused(
            "There is no such client.", fields={"email": ["Name a client by mail address."]}
        )
    return found
