"""A client lives in another state: which law holds, and who may prescribe, follow her there."""

from __future__ import annotations

import sqlalchemy as sa

from shop.accounts.errors import BadDetails
from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.core.usps import STATES


def move(client: Person, state: str) -> Person:
    """Write down where a client lives (a USPS code); safe to repeat.

    What was signed and ordered before stays as it was: it names the state it was for. What is
    asked for from now on is for physicians licensed in the new one. Raises BadDetails.
    """
    if state not in STATES:
        wrong = ["Use the two-letter code of a US state, such as CA."]
        raise BadDetails("Some of these details cannot be used.", fields={"state": wrong})
    fresh = db.session.scalars(locked(sa.select(Person).where(Person.id == client.id))).one()
    if fresh.state != state:
        left, fresh.state = fresh.state, state
        events.record(Kind.CLIENT_MOVED, fresh, left=left, state=state)
    return fresh
