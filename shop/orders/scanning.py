"""What a picker scans or types: which pack, of which lot."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog.models import Variant

GTIN_LENGTHS = (8, 12, 13, 14)  # GTIN-8, UPC-A, EAN-13, GTIN-14


@dataclass(frozen=True)
class Scanned:
    """`item` is a SKU, or a GTIN of any length; `lot_number` the maker's."""

    item: str
    lot_number: str

    def is_of(self, variant: Variant) -> bool:
        """Whether the code is the pack's. A GTIN is the same one with zeros before it."""
        gtin = len(self.item) in GTIN_LENGTHS and self.item.isascii() and self.item.isdigit()
        if gtin and variant.gtin:
            return self.item.zfill(14) == variant.gtin.zfill(14)
        return self.item == variant.sku


def read(item: str, lot_number: str) -> Scanned:
    """What was scanned, without the blanks that scanners and people add."""
    return Scanned(item.strip(), lot_number.strip())
