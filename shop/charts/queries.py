"""Who opened a client's record."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.charts.models import Access


def accesses_of(client: Person) -> sa.Select[Access]:
    """Every opening of this client's record by somebody else, with the reader."""
    return sa.select(Access).where(Access.client_id == client.id).options(joinedload(Access.reader))
