"""What somebody at the shelf has scanned, part by part, before anything is written down.

A field at the shelf takes whatever a scanner sends: a code of GS1, a bare GTIN, a SKU, our own
number of a lot. What was understood is told in parts, each with what speaks for or against it.
Changes and locks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.catalog.models import Variant
from shop.core.db import db
from shop.inventory import receiving, scanning
from shop.inventory.errors import BadScan
from shop.inventory.gs1 import Scan
from shop.inventory.models import Lot

SOON = timedelta(days=60)  # what is left so short is told when it comes in


class Tone(IntEnum):
    """How a part was heard: the gravest of them is that of the whole."""

    OK = 0
    WARN = 1
    STOP = 2


class Kind(StrEnum):
    """What a part is."""

    CODE = "code"
    PRODUCT = "product"
    LOT = "lot"
    EXPIRY = "expiry"
    SERIAL = "serial"


class Doubt(StrEnum):
    """What is to be known of a part; pages have the words."""

    NONE = ""
    CHECKED = "checked"  # its check digit is right
    OURS = "ours"  # a SKU, or our number of a lot
    NOT_OURS = "not_ours"  # nobody has said which pack has this code
    HERE = "here"  # a lot that is on the shelf already
    NEW = "new"
    UNREAD = "unread"  # the code does not say it; the label does
    RECALLED = "recalled"
    CLOSED = "closed"  # a lot that takes no more packs
    OTHER = "other"  # not the expiry that the lot was booked with
    OVER = "over"
    TOO_FAR = "too_far"
    SOON = "soon"


GRAVE = {
    Doubt.NOT_OURS: Tone.WARN,
    Doubt.UNREAD: Tone.WARN,
    Doubt.SOON: Tone.WARN,
    Doubt.RECALLED: Tone.STOP,
    Doubt.CLOSED: Tone.STOP,
    Doubt.OTHER: Tone.STOP,
    Doubt.OVER: Tone.STOP,
    Doubt.TOO_FAR: Tone.STOP,
}


@dataclass(frozen=True)
class Part:
    """One part of a code: what it is, what it says, what is to be known of it."""

    kind: Kind
    said: str
    doubt: Doubt = Doubt.NONE
    day: date | None = None  # what an expiry says

    @property
    def tone(self) -> Tone:
        return GRAVE.get(self.doubt, Tone.OK)


@dataclass(frozen=True)
class Understood:
    """A code in parts. `scan` is None where it is no code of GS1."""

    scan: Scan | None
    variant: Variant | None
    lot: Lot | None
    parts: tuple[Part, ...]

    @property
    def tone(self) -> Tone:
        return max((part.tone for part in self.parts), default=Tone.OK)

    @property
    def comes_in(self) -> bool:
        """Whether a pack that says so may be put on a delivery."""
        return self.variant is not None and self.tone < Tone.STOP


def understand(text: str, *, today: date) -> Understood:
    """Read what was scanned or typed. Raises BadScan (it is none of all that) and IsCase."""
    try:
        found = scanning.find(text)
    except BadScan:
        ours = _by_our_names(text.strip(), today)
        if ours is None:
            raise
        return ours
    if found.variant is None and (variant := _sku(text.strip())):
        return _by_sku(variant)
    return of(found, today=today)


def of(found: scanning.Found, *, today: date) -> Understood:
    """In parts what was read by `scanning`."""
    scan = found.scan
    parts = [
        Part(Kind.CODE, scan.gtin, Doubt.CHECKED),
        _product(found.variant),
        _lot(scan.lot_number, found.lot),
        _expiry(scan.expires_on, found.lot, today),
    ]
    if scan.serial:
        parts.append(Part(Kind.SERIAL, scan.serial))
    return Understood(scan, found.variant, found.lot, tuple(parts))


def our_lot(typed: str) -> Lot | None:
    """The lot with this number of ours, as its shelf label has it; what is not plain has none."""
    if not typed.isprintable():
        return None
    shown = joinedload(Lot.variant).joinedload(Variant.product)
    query = sa.select(Lot).where(Lot.number == typed.strip().upper())
    return db.session.scalars(query.options(shown)).one_or_none()


def _by_our_names(typed: str, today: date) -> Understood | None:
    """A SKU, or our number of a lot."""
    if (variant := _sku(typed)) is not None:
        return _by_sku(variant)
    lot = our_lot(typed)
    if lot is None:
        return None
    parts = (
        Part(Kind.CODE, lot.number, Doubt.OURS),
        _product(lot.variant),
        _lot(lot.lot_number, lot),
        _expiry(lot.expires_on, lot, today),
    )
    return Understood(None, lot.variant, lot, parts)


def _by_sku(variant: Variant) -> Understood:
    parts = (
        Part(Kind.CODE, variant.sku, Doubt.OURS),
        _product(variant),
        _lot(None, None),
        _expiry(None, None, date.max),
    )
    return Understood(None, variant, None, parts)


def _sku(typed: str) -> Variant | None:
    if not typed.isprintable():
        return None
    query = sa.select(Variant).where(Variant.sku.in_({typed, typed.upper()}))
    found = list(db.session.scalars(query.options(joinedload(Variant.product))))
    return next((one for one in found if one.sku == typed), found[0] if found else None)


def _product(variant: Variant | None) -> Part:
    if variant is None:
        return Part(Kind.PRODUCT, "", Doubt.NOT_OURS)
    return Part(Kind.PRODUCT, f"{variant.product.name}, {variant.name}")


def _lot(number: str | None, here: Lot | None) -> Part:
    if number is None:
        return Part(Kind.LOT, "", Doubt.UNREAD)
    if here is None:
        return Part(Kind.LOT, number, Doubt.NEW)
    if here.status == "recalled":
        return Part(Kind.LOT, number, Doubt.RECALLED)
    return Part(Kind.LOT, number, Doubt.HERE if receiving.takes_more(here) else Doubt.CLOSED)


def _expiry(day: date | None, here: Lot | None, today: date) -> Part:
    if day is None:
        return Part(Kind.EXPIRY, "", Doubt.UNREAD)
    doubt = next(_against(day, here, today), Doubt.NONE)
    return Part(Kind.EXPIRY, day.isoformat(), doubt, day)


def _against(day: date, here: Lot | None, today: date) -> Iterator[Doubt]:
    """What speaks against an expiry, the gravest first."""
    if here is not None and here.expires_on != day:
        yield Doubt.OTHER
    if day <= today:
        yield Doubt.OVER
    if day > today + receiving.LONGEST_SHELF_LIFE:
        yield Doubt.TOO_FAR
    if day <= today + SOON:
        yield Doubt.SOON
