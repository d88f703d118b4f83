"""Which pack a scanned code is of, and saying so once for a code that nobody knew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.catalog import codes, editing
from shop.catalog.models import Variant
from shop.core.db import db
from shop.inventory import gs1
from shop.inventory.errors import GtinKnown, IsCase
from shop.inventory.gs1 import Scan
from shop.inventory.models import Lot

# Where ten digits may be cut into labeler, product and package (21 CFR 207.33).
NDC_CUTS = ((4, 8), (5, 8), (5, 9))


@dataclass(frozen=True)
class Found:
    """What a code says, the pack it is of, where we know it, and the lot, where we have it."""

    scan: Scan
    variant: Variant | None
    lot: Lot | None


def find(text: str) -> Found:
    """Read a code and look up what it is of. Raises BadScan, IsCase."""
    scan = gs1.read(text)
    variant = resolve(scan.gtin)
    if variant is None and scan.is_case:
        raise IsCase(
            "This is the code of an outer case. Open it and scan a pack.",
            fields={"scan": ["This is the code of an outer case. Open it and scan a pack."]},
            gtin=scan.gtin,
        )
    return Found(scan, variant, _lot(variant, scan.lot_number))


def resolve(gtin: str) -> Variant | None:
    """The variant with this GTIN, however many digits it was filed with, or else with its NDC.

    A GTIN that begins with 003 carries a package NDC (GS1 US, NDC in GTIN) without its hyphens;
    where it may be that of several packs, a person has to say which.
    """
    shown = sa.select(Variant).options(joinedload(Variant.product))
    query = shown.where(Variant.gtin.in_(codes.spellings(gtin)))
    if found := db.session.scalars(query).first():
        return found
    if not gtin.startswith("003"):
        return None
    by_ndc = shown.where(Variant.package_ndc.in_(_ndcs(gtin[3:13])), Variant.gtin.is_(None))
    may_be = list(db.session.scalars(by_ndc))
    return may_be[0] if len(may_be) == 1 else None


def match(text: str, variant: Variant, *, by: Person, at: datetime) -> Found:
    """This code is of that variant, which had no GTIN; `variant` is locked.

    From now on the code is known. Raises BadScan, IsCase, GtinKnown.
    """
    found = find(text)
    gtin, known = found.scan.gtin, found.variant
    if known is not None and known.id != variant.id:
        raise _known(f"This code is of {known.sku}.", known)
    if known is None and variant.gtin is not None:
        raise _known(
            f"{variant.sku} has the GTIN {variant.gtin}. Another code is another variant.", variant
        )
    if variant.gtin is None:
        editing.change_variant(variant, {"gtin": gtin}, by=by, at=at)
    return Found(found.scan, variant, _lot(variant, found.scan.lot_number))


def _known(told: str, variant: Variant) -> GtinKnown:
    return GtinKnown(told, fields={"sku": [told]}, sku=variant.sku, gtin=variant.gtin)


def _ndcs(ten: str) -> list[str]:
    return [f"{ten[:item]}-{ten[item:pack]}-{ten[pack:]}" for item, pack in NDC_CUTS]


def _lot(variant: Variant | None, lot_number: str | None) -> Lot | None:
    if variant is None or lot_number is None:
        return None
    query = sa.select(Lot).where(Lot.variant_id == variant.id, Lot.lot_number == lot_number)
    return db.session.scalars(query).one_or_none()
