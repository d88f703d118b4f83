"""The places where units lie."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from shop.core.db import db
from shop.core.errors import NotFound
from shop.inventory.models import Location, LocationKind, Site


def home(kind: LocationKind) -> Location:
    """The place of a kind where orders are filled that was opened first, of those still open."""
    return db.session.scalars(
        sa.select(Location)
        .join(Location.site)
        .where(
            Location.kind == kind,
            Location.closed_at.is_(None),
            Site.fills_orders,
            Site.closed_at.is_(None),
        )
        .order_by(Location.id)  # those that the shop began with come first
        .limit(1)
    ).one()


def shelf_of(site_id: uuid.UUID) -> Location:
    """The shop shelf of a clinic; of one without, that where orders are filled."""
    query = sa.select(Location).where(
        Location.site_id == site_id,
        Location.kind == LocationKind.RETAIL,
        Location.closed_at.is_(None),
    )
    found = db.session.scalars(query.order_by(Location.id).limit(1)).one_or_none()
    return found or home(LocationKind.RETAIL)


def location(code: str) -> Location:
    """The place with this code. Raises NotFound."""
    found = db.session.scalars(sa.select(Location).where(Location.code == code)).one_or_none()
    if found is None:
        raise NotFound(f"There is no place {code}. The manager's list of places names them all.")
    return found
