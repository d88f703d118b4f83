"""The manager opens, names and closes clinics and the places in them."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory.errors import PlaceInUse, PlaceRefused
from shop.inventory.models import Holding, Location, LocationKind, Site
from shop.inventory.models.places import PLACE_CODE

LONGEST_NAME = 60
BAD_CODE = "A code is a capital letter, then up to 19 capitals, digits or hyphens, such as A-3."
TAKEN = "Another one has this code. Choose a new one."


def open_site(*, code: str, name: str, fills_orders: bool, by: Person, at: datetime) -> Site:
    """A new clinic with a shelf and a treatment room.

    `fills_orders`: what lies on its shelf is promised and sent to clients. Raises PlaceRefused.
    """
    _refuse_code(code, Site)
    site = Site(id=uuid.uuid4(), code=code, name=name, fills_orders=fills_orders)
    db.session.add(site)
    db.session.flush()  # its places point at it
    events.record(Kind.PLACE_OPENED, site, code=code, name=name, fills_orders=fills_orders)
    return site


def open_location(
    site: Site, *, code: str, name: str, kind: LocationKind, by: Person, at: datetime
) -> Location:
    """A new place in a (locked) clinic that is open. Raises PlaceRefused."""
    _refuse_code(code, Location)
    if site.closed_at is not None:
        raise PlaceRefused(
            f"{site.name} is closed.", fields={"site": ["Choose a clinic that is open."]}
        )
    place = Location(id=uuid.uuid4(), site_id=site.id, code=code, name=name, kind=kind)
    db.session.add(place)
    db.session.flush()
    events.record(Kind.PLACE_OPENED, place, code=code, name=name, what=kind.value)
    return place


def close_location(place: Location, *, by: Person, at: datetime) -> None:
    """Nothing comes to this (locked) place any more. Safe to repeat.

    Raises PlaceInUse while something lies there, and for the last of its kind where orders are
    filled: deliveries, quarantine and returns need one.
    """
    if place.closed_at is not None:
        return
    if lying := _lying(place):
        raise PlaceInUse(
            f"{lying} packs lie in {place.name}. Carry them elsewhere first.", place=place.code
        )
    if place.site.fills_orders and not _others(place):
        raise PlaceInUse(
            f"{place.name} is the last place of its kind. Open another one first.",
            place=place.code,
        )
    place.closed_at = at
    events.record(Kind.PLACE_CLOSED, place, code=place.code)
    db.session.flush()  # the database stamps when


def close_site(site: Site, *, by: Person, at: datetime) -> None:
    """The (locked) clinic is no more. Safe to repeat. Raises PlaceInUse while a place is open."""
    if site.closed_at is not None:
        return
    query = sa.select(Location.name).where(
        Location.site_id == site.id, Location.closed_at.is_(None)
    )
    if still := db.session.scalars(query.order_by(Location.code)).all():
        raise PlaceInUse(f"Close {', '.join(still)} first.", place=site.code)
    site.closed_at = at
    events.record(Kind.PLACE_CLOSED, site, code=site.code)
    db.session.flush()  # the database stamps when


def _refuse_code(code: str, kind: type[Site] | type[Location]) -> None:
    if not re.fullmatch(PLACE_CODE.strip("^$"), code):
        raise PlaceRefused(BAD_CODE, fields={"code": [BAD_CODE]})
    if db.session.scalar(sa.select(sa.exists().where(kind.code == code))):
        raise PlaceRefused(TAKEN, fields={"code": [TAKEN]})


def _lying(place: Location) -> int:
    query = sa.select(sa.func.sum(Holding.on_hand)).where(Holding.location_id == place.id)
    return db.session.scalar(query) or 0


def _others(place: Location) -> bool:
    others = sa.exists().where(
        Location.kind == place.kind,
        Location.id != place.id,
        Location.closed_at.is_(None),
        Location.site_id == Site.id,
        Site.fills_orders,
    )
    return bool(db.session.scalar(sa.select(others)))
