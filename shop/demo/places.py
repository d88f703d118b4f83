"""The demo's second clinic: a bin, packs on their way there of which one is missing, a tester."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import db
from shop.inventory import arranging, locations, testers, transferring
from shop.inventory.models import LocationKind, Lot
from shop.inventory.transferring import Packed

KINDS = (
    ("N-SHELF", "North shelf", LocationKind.RETAIL),
    ("N-ROOMS", "North rooms", LocationKind.BACK_BAR),
)


def tell(sku: str, *, sam: Person, mona: Person, at: datetime, today: date) -> None:
    """Of the variant that packs and tester are of, there are plenty in a lot that lasts."""
    north = arranging.open_site(code="NORTH", name="North", fills_orders=False, by=mona, at=at)
    places = [
        arranging.open_location(north, code=code, name=name, kind=kind, by=mona, at=at)
        for code, name, kind in KINDS
    ]
    shelf = locations.home(LocationKind.RETAIL)
    arranging.open_location(
        shelf.site, code="A-1", name="Bin A-1", kind=LocationKind.RETAIL, by=mona, at=at
    )
    lot = db.session.scalars(
        sa.select(Lot)
        .join(Lot.variant)
        .where(Variant.sku == sku, Lot.sellable_until > today + timedelta(days=200))
        .order_by(Lot.expires_on)
        .limit(1)
    ).one()
    sent = transferring.send([Packed(lot, 6, shelf)], to=north, by=sam, at=at, today=today)
    db.session.flush()  # it is read again as it is kept
    counted = {sent.lines[0].id: 5}
    transferring.arrive(sent, counted, into=places[0], by=mona, at=at)
    testers.open_tester(lot, origin=shelf, months=12, by=sam, at=at, today=today)
