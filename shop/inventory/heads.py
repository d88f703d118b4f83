"""The heads of lots, which the database keeps and the session has to read again."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from shop.core.db import db
from shop.inventory.models import Lot


def reread(lots: Iterable[Lot]) -> None:
    """Show on-hand, on-shelf and reserved as the triggers left them."""
    query = sa.select(Lot).where(Lot.id.in_([lot.id for lot in lots]))
    db.session.scalars(query.execution_options(populate_existing=True)).all()
