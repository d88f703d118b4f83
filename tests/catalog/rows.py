"""Rows as registers file them, valid by default, and files made of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shop.catalog import importing, ndc
from shop.catalog.report import Report
from shop.core.clock import now

DATA = Path(importing.__file__).parent / "data"


def an_ndc_row(**given: str) -> dict[str, str]:
    row = {
        "product_ndc": "0187-5160",
        "product_type": "HUMAN PRESCRIPTION DRUG",
        "brand_name": "Retin-A",
        "labeler_name": "Bausch Health US, LLC",
        "active_ingredients": "TRETINOIN .25 mg/g",
        "dosage_form": "CREAM",
        "route": "TOPICAL",
        "marketing_category": "NDA",
        "package_ndcs": "0187-5160-20",
        "listing_expiration_date": "20261231",
        "marketing_end_date": "",
        "inactive_ingredient_text": "",
    }
    return row | given


def a_package_row(**given: str) -> dict[str, str]:
    row = {
        "product_ndc": "0187-5160",
        "package_ndc": "0187-5160-20",
        "package_description": "1 TUBE in 1 CARTON (0187-5160-20) / 20 g in 1 TUBE",
        "package_ndc11": "00187516020",
    }
    return row | given


def a_licence(**given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "npn": "80000001",
        "product_name": "Daily Mineral Lotion SPF 30",
        "company": "Somebody Inc.",
        "dosage_form": "Lotion",
        "routes": ["Topical"],
        "purposes": ["Helps prevent sunburn."],
        "actives": [{"name": "Zinc oxide", "quantity": 12.5, "unit": "%"}],
        "inactives": ["Water", "Glycerin"],
        "licence_date": "2020-01-01",
        "status_active": True,
    }
    return row | given


def csv_of(*rows: dict[str, str], columns: Sequence[str] | None = None) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def lines_of(*items: object) -> bytes:
    return "\n".join(json.dumps(item) for item in items).encode()


def take(data: bytes, source: str = ndc.SOURCE, *, dry_run: bool = False) -> Report:
    return importing.run(io.BytesIO(data), source, by=None, at=now(), dry_run=dry_run)


def take_file(name: str, source: str = ndc.SOURCE) -> Report:
    with (DATA / name).open("rb") as stream:
        return importing.run(stream, source, by=None, at=now())
