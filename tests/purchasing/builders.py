"""Suppliers, purchase orders and deliveries, valid by default; saved, not committed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shop.catalog.models import Variant
from shop.core.clock import now
from shop.inventory.receiving import ReceiptLineIn
from shop.purchasing import arriving, drafting, sending, supplying
from shop.purchasing.drafting import Wanted
from shop.purchasing.models import PurchaseOrder, Receipt, Supplier
from tests.inventory.lots import today
from tests.people import mona, sam


def a_supplier(**given: Any) -> Supplier:
    fields = {"name": f"Supplier {uuid.uuid4().hex[:8]}", "lead_days": 5, "email": "s@example.test"}
    return supplying.add(**(fields | given), by=mona(), at=now())


def a_draft(wanted: Mapping[Variant, int], **given: Any) -> PurchaseOrder:
    """An order of so many units of each variant at 12 dollars."""
    lines = [Wanted(variant.sku, units, 1200) for variant, units in wanted.items()]
    supplier = given.pop("supplier", None) or a_supplier()
    return drafting.draft(supplier, lines, by=sam(), at=now(), **given)


def a_purchase(wanted: Mapping[Variant, int], **given: Any) -> PurchaseOrder:
    """The same, and it is with the supplier."""
    order = a_draft(wanted, **given)
    sending.send(order, by=mona(), at=now())
    return order


def good(variant: Variant, units: int, **given: Any) -> ReceiptLineIn:
    """Units of a lot that is good for a year and more."""
    fields: dict[str, Any] = {
        "sku": variant.sku,
        "lot_number": "B-204/7",
        "expires_on": today() + timedelta(days=400),
        "units": units,
    }
    return ReceiptLineIn(**(fields | given))


def arrive(order: PurchaseOrder, *lines: ReceiptLineIn, **given: Any) -> Receipt:
    by = given.pop("by", None) or sam()
    return arriving.arrive(order, lines, by=by, at=now(), today=today(), **given)
