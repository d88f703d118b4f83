"""The rows of a delivery, as forms have them typed or scanned: for the pages that have one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import marshmallow as ma

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.core.money import cents
from shop.inventory import scanning, understanding
from shop.inventory.errors import BadReceipt
from shop.inventory.receiving import MAX_LINES, ReceiptLineIn
from shop.inventory.schemas.shelf import ReceiptLine
from shop.inventory.understanding import Understood

COLUMNS = (
    *("sku", "lot_number", "expires_on", "precision", "quantity", "unit_cost"),
    "no_expiry_reason",
)
Row = dict[str, str]


def typed_rows(form: Mapping[str, str], columns: Sequence[str] = COLUMNS) -> list[Row]:
    """The rows as typed; empty ones are left out, so that row numbers are those on the page."""
    rows: list[Row] = []
    for index in range(MAX_LINES):
        names = [f"lines.{index}.{column}" for column in columns]
        if not any(name in form for name in names):
            break
        row = {column: form.get(f"lines.{index}.{column}", "").strip() for column in columns}
        if any(row.values()):
            rows.append(row)
    return rows


def lines_of(rows: Sequence[Row]) -> list[ReceiptLineIn]:
    """The rows as lines of a delivery. Raises BadReceipt, naming every field that is no value."""
    mistakes: dict[str, list[str]] = {}
    lines = []
    for index, row in enumerate(rows):
        try:
            lines.append(ReceiptLine().load(_filled(row)))
        except ma.ValidationError as wrong:
            for name, texts in wrong.messages_dict.items():
                named = {"unit_cost_cents": "unit_cost"}.get(name, name)
                mistakes[f"lines.{index}.{named}"] = [
                    f"Row {index + 1}: {named.replace('_', ' ')}: {text}" for text in texts
                ]
    if mistakes:
        raise BadReceipt("Nothing was booked. Correct the marked rows.", fields=mistakes)
    return lines


def _filled(row: Row) -> dict[str, Any]:
    """What was typed as the API would take it; text that is no number is left for it to refuse."""
    filled: dict[str, Any] = {
        name: text for name, text in row.items() if text and name in ReceiptLine().fields
    }
    if "quantity" in filled:
        filled["quantity"] = whole(filled["quantity"])
    if typed := row.get("unit_cost"):
        amount = cents(typed)
        filled["unit_cost_cents"] = typed if amount is None else amount
    if "precision" in filled and not _last_of_month(filled.get("expires_on", "")):
        del filled["precision"]  # the day was corrected by hand
    return filled


def _last_of_month(text: str) -> bool:
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).day == 1
    except ValueError:
        return False


def scanned(
    rows: list[Row], form: Mapping[str, str], *, by: Person, at: datetime, today: date
) -> tuple[list[Row], dict[str, Any]]:
    """The rows with a pack more for what was scanned, and what the page shows besides: `heard`.

    A code of a variant that nobody has named yet is shown with a field for its SKU; the button
    `match` says it, for good. What must not come in (recalled, over, another expiry) is shown and
    not added. Raises what `understanding.understand` and `match` refuse, and NoSuchVariant.
    """
    text = form.get("scan", "")
    if "match" in form:
        variant = catalog.variant(form.get("match_sku", "").strip(), lock=True)
        matched = scanning.match(text, variant, by=by, at=at)
        heard = understanding.of(matched, today=today)
    else:
        heard = understanding.understand(text, today=today)
    if heard.variant is None:
        gtin = heard.scan.gtin if heard.scan else ""
        return rows, {"heard": heard, "scan": text, "unknown": True, "gtin": gtin}
    if not heard.comes_in:
        return rows, {"heard": heard}
    rows, place = _added(rows, heard)
    return rows, {"heard": heard, "added": place}


def taken_out(rows: list[Row], text: str) -> list[Row]:
    """The rows with a pack less of the row with this number, from 0; its last pack takes it out."""
    place = whole(text)
    if not isinstance(place, int) or place >= len(rows):
        return rows
    units = whole(rows[place].get("quantity", ""))
    if isinstance(units, int) and units > 1:
        rows[place]["quantity"] = str(units - 1)
        return rows
    return rows[:place] + rows[place + 1 :]


def unread(form: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows again of a scan that was refused."""
    sku = form.get("match_sku", "").strip()
    return {"scan": form.get("scan", ""), "unknown": "match" in form, "match_sku": sku}


def _added(rows: list[Row], heard: Understood) -> tuple[list[Row], int]:
    """One pack more of a row that is there, or a row of one pack; and which row that is."""
    assert heard.variant is not None  # whoever adds has looked
    lot_number, expires_on, precision = _said(heard)
    row = {
        "sku": heard.variant.sku,
        "lot_number": lot_number,
        "expires_on": expires_on.isoformat() if expires_on else "",
        "precision": precision,
    }
    for place, known in enumerate(rows):
        if all(known.get(name, "") == value for name, value in row.items()):
            units = whole(known.get("quantity", ""))
            known["quantity"] = str(units + 1) if isinstance(units, int) else "1"
            return rows, place
    return [*rows, row | {"quantity": "1"}], len(rows)


def _said(heard: Understood) -> tuple[str, date | None, str]:
    """Lot number, expiry and its precision: of the code, or of the lot that was named."""
    if heard.scan is not None:
        return heard.scan.lot_number or "", heard.scan.expires_on, heard.scan.precision or ""
    if heard.lot is None:
        return "", None, ""
    precision = heard.lot.expiry_precision.value
    read = precision != "assumed"  # what no label bears is not copied from one
    return heard.lot.lot_number, heard.lot.expires_on if read else None, precision if read else ""


def whole(text: str) -> int | str:
    """The number, or the text where it is none, for a schema to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else text


def uuid_of(text: str) -> uuid.UUID | None:
    """The id of a delivery as its form says it."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
