"""What a picker scans or types: which pack, of which lot."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.models import Variant
from shop.inventory import scanning, understanding
from shop.inventory.errors import BadScan


@dataclass(frozen=True)
class Scanned:
    """`item` is a SKU; or what was typed, where no pack of ours has that code."""

    item: str
    lot_number: str

    def is_of(self, variant: Variant) -> bool:
        """Whether it is this pack."""
        return self.item == variant.sku


def read(item: str, lot_number: str = "") -> Scanned:
    """A code of GS1 (with its lot, or a bare GTIN), our number of a lot, or a SKU.

    The lot that was typed comes first. What is none of these is taken as typed. Raises IsCase.
    """
    typed, lot = item.strip(), lot_number.strip()
    try:
        found = scanning.find(item)
    except BadScan:
        if ours := understanding.our_lot(typed):
            return Scanned(ours.variant.sku, lot or ours.lot_number)
        return Scanned(typed, lot)
    sku = found.variant.sku if found.variant else typed
    return Scanned(sku, lot or found.scan.lot_number or "")
