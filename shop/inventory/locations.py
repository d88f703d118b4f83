"""The places where units lie."""

from __future__ import annotations

import sqlalchemy as sa

from shop.core.db import db
from shop.core.errors import NotFound
from shop.inventory.models import Location, LocationKind, Site


def home(kind: LocationKind) -> Location:
    """The first open place of a kind where orders are filled, by its code."""
    return db.session.scalars(
        sa.select(Location)
        .join(Location.site)
        .where(
            Location.kind == kind,
            Location.closed_at.is_(None),
            Site.fills_orders,
            Site.closed_at.is_(None),
        )
        .order_by(Site.code, Location.id, Location.code)
        .limit(1)
    ).one()


def location(code: str) -> Location:
    """The place with this code. Raises NotFound."""
    found = db.session.scalars(sa.select(Location).where(Location.code == code)).one_or_none()
    if found is None:
        raise NotFound(f"There is no place {code}. The manager's list of places names them all.")
    return found
