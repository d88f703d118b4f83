"""The price list of a day as CSV: what costs what, from when until when."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from shop.catalog.listing import guarded
from shop.catalog.models import Price

COLUMNS = (
    "sku",
    "product",
    "pack",
    "legal_class",
    "status",
    "for_sale",
    "price_cents",
    "currency",
    "from",
    "until",
)


def written(prices: Iterable[Price]) -> Iterator[str]:
    """Line by line. A pack whose price changes within the day has a line for each price."""
    yield _line(COLUMNS)
    for price in prices:
        variant, product = price.variant, price.variant.product
        yield _line(
            (
                variant.sku,
                product.name,
                variant.name,
                product.legal_class.value,
                product.status.value,
                "true" if variant.for_sale else "false",
                str(price.cents),
                "usd",
                _moment(price.valid_from),
                _moment(price.valid_until),
            )
        )


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat().replace("+00:00", "Z")


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return line.getvalue()
