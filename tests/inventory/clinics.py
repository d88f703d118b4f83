"""A second clinic, and what goes there; saved, not committed."""

from __future__ import annotations

import uuid

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import arranging, locations, transferring
from shop.inventory.models import Location, LocationKind, Lot, Site, Transfer
from shop.inventory.transferring import Packed
from tests.inventory.lots import today
from tests.people import mona, sam


def the_shelf() -> Location:
    """The shop shelf that orders are filled from."""
    return locations.location("SHELF")


def a_bin(code: str | None = None, kind: LocationKind = LocationKind.RETAIL) -> Location:
    """Another place in the first clinic."""
    site = the_shelf().site
    code = code or f"A-{uuid.uuid4().hex[:6].upper()}"
    return arranging.open_location(site, code=code, name=code, kind=kind, by=mona(), at=now())


def a_clinic(*, fills_orders: bool = False) -> tuple[Site, Location]:
    """Another clinic with a shelf."""
    word = uuid.uuid4().hex[:6].upper()
    manager = mona()
    site = arranging.open_site(
        code=f"C{word}", name=f"Clinic {word}", fills_orders=fills_orders, by=manager, at=now()
    )
    shelf = arranging.open_location(
        site,
        code=f"S{word}",
        name=f"Shelf {word}",
        kind=LocationKind.RETAIL,
        by=manager,
        at=now(),
    )
    return site, shelf


def a_transfer(lot: Lot, units: int, to: Site, *, by: Person | None = None) -> Transfer:
    """So many of a lot on their way from the shop shelf."""
    packed = [Packed(lot, units, the_shelf())]
    sent = transferring.send(packed, to=to, by=by or sam(), at=now(), today=today())
    db.session.flush()
    return sent
