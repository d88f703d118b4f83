"""Discounts and goods that they may touch; saved, not committed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Variant
from shop.core.clock import now
from shop.discounts import making
from shop.discounts.models import Discount, DiscountKind
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot
from tests.people import mona

PERCENT, AMOUNT = DiscountKind.PERCENT, DiscountKind.AMOUNT


def a_discount(by: Person | None = None, **given: Any) -> Discount:
    """Ten percent off cosmetics, for a hundred orders, one of each client; since an hour ago."""
    terms: dict[str, Any] = {
        "code": f"TEST-{uuid.uuid4().hex[:10].upper()}",
        "kind": PERCENT,
        "value": 10,
        "classes": [LegalClass.COSMETIC],
        "valid_from": now() - timedelta(hours=1),
        "most_uses": 100,
    } | given
    return making.make(terms.pop("code"), **terms, by=by or mona(), at=now())


def a_serum(units: int = 100, *, cents: int = 2400, **given: Any) -> Variant:
    """A cosmetic that lies on the shelf."""
    serum = a_variant(a_product(LegalClass.COSMETIC), cents=cents, **given)
    a_lot(serum, units)
    return serum
