"""The catalogue as a CSV of our own: what the manager edits in a spreadsheet, out and in again.

A row is a product with at most one of its packs. Further packs of a product have rows of their own
in which only `source`, `source_key` and the columns of the pack are filled. Exporting and importing
the same file changes nothing.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or a tab as a formula (OWASP ASVS
1.2.10), so such cells go out with an apostrophe before them, which comes off on the way in.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from shop.catalog import codes
from shop.catalog.concerns import Concern, SkinType
from shop.catalog.filings import (
    LONGEST_TEXT,
    FiledIngredient,
    FiledPack,
    Filing,
    Unfit,
    day,
    normalised,
)
from shop.catalog.models import MOST_GRAMS, LegalClass, Product, ProductSource, Variant
from shop.catalog.reading import oddities

SOURCE = "csv"
LONGEST_CELL = 900_000  # what is kept as filed can be long
LONGEST_CODE = 40
PRODUCT_COLUMNS = (
    "slug",
    "name",
    "brand",
    "legal_class",
    "doctor_only",
    "finished",
    "category",
    "dosage_form",
    "route",
    "marketing_category",
    "application_number",
    "description",
    "strength_text",
    "concerns",
    "skin_types",
    "flags",
    "marketing_ends_on",
    "listing_expires_on",
    "ingredients",
    "filed",
    "published",
)
PACK_COLUMNS = (
    "sku",
    "pack_name",
    "package_ndc",
    "package_ndc11",
    "gtin",
    "net_content",
    "net_unit",
    "weight_grams",
    "for_sale",
    "price_cents",
    "pack_filed",
)
COLUMNS = ("source", "source_key", *PRODUCT_COLUMNS, *PACK_COLUMNS)
REQUIRED = ("source", "source_key", "name", "brand", "legal_class", "sku")

_MADE = ("brand", "concerns", "skin_types", "flags", "ingredients", "filed", "published")

# The full-width forms of = + - @ run too, in some locales.
_STARTS = r"\s*[=+\-@\t\0\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"^'*{_STARTS}")
_GUARDED = re.compile(rf"^'+{_STARTS}")
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Listed:
    """What a row says: a product or None, a pack or None, and what is on sale at what price."""

    key: tuple[str, str]
    filing: Filing | None
    published: bool | None
    pack: FiledPack | None
    for_sale: bool | None
    price_cents: int | None


def guarded(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet would run it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """`guarded` undone, exactly."""
    return cell[1:] if _GUARDED.match(cell) else cell


def written(products: Iterable[Product], at: datetime) -> Iterator[str]:
    """The catalogue as CSV, line by line, with the prices in force at `at`."""
    yield _csv(COLUMNS)
    for product in products:
        packs: Sequence[Variant | None] = product.variants or [None]
        for place, variant in enumerate(packs):
            cells = {"source": product.source, "source_key": product.source_key}
            if place == 0:
                cells |= _product_cells(product)
            if variant is not None:
                cells |= _pack_cells(variant, at)
            yield _csv([guarded(cells.get(column, "")) for column in COLUMNS])


def has_product(cells: Mapping[str, Any]) -> bool:
    """Whether the row says something of a product, not only of a pack."""
    return any(str(cells.get(name) or "").strip() for name in PRODUCT_COLUMNS)


def read(cells: Mapping[str, Any]) -> Listed:
    """A row of the file. Raises Unfit with the fields that are wrong."""
    row = {name: unguarded(str(cells.get(name) or "")) for name in COLUMNS}
    _refuse_long(row)
    source, key = row["source"].strip() or SOURCE, row["source_key"].strip()
    if source not in {known.value for known in ProductSource}:
        raise Unfit(f"source: should be one of {', '.join(ProductSource)}")
    if not 1 <= len(key) <= 60:
        raise Unfit("source_key: should have 1 to 60 characters")
    in_product = has_product(row)
    has_pack = any(row[name].strip() for name in PACK_COLUMNS)
    return Listed(
        key=(source, key),
        filing=_filing(source, key, row) if in_product else None,
        published=_flag(row, "published", default=None) if in_product else None,
        pack=_pack(row) if has_pack else None,
        for_sale=_flag(row, "for_sale", default=None) if has_pack else None,
        price_cents=_cents(row["price_cents"]) if has_pack else None,
    )


def _refuse_long(row: Mapping[str, str]) -> None:
    longest = dict.fromkeys(("ingredients", "filed", "pack_filed"), LONGEST_CELL)
    longest |= dict.fromkeys(("package_ndc", "package_ndc11", "gtin", "net_unit"), LONGEST_CODE)
    wrong = [
        f"{name}: longer than {most} characters"
        for name, cell in row.items()
        if len(cell) > (most := longest.get(name, LONGEST_TEXT))
    ]
    if wrong:
        raise Unfit(*wrong)


def _filing(source: str, key: str, row: Mapping[str, str]) -> Filing:
    _require(row, "name", "brand", "legal_class")
    if row["legal_class"] not in {known.value for known in LegalClass}:
        raise Unfit(f"legal_class: should be one of {', '.join(LegalClass)}")
    if row["slug"] and not (_SLUG.fullmatch(row["slug"]) and len(row["slug"]) <= 160):
        raise Unfit("slug: should be lower-case letters and digits with hyphens between")
    return Filing(
        source=source,
        source_key=key,
        raw={},
        by_hand=True,
        slug=row["slug"],
        name=row["name"],
        brand=row["brand"],
        legal_class=LegalClass(row["legal_class"]),
        doctor_only=bool(_flag(row, "doctor_only", default=False)),
        finished=bool(_flag(row, "finished", default=True)),
        category=row["category"],
        dosage_form=row["dosage_form"],
        route=row["route"],
        marketing_category=row["marketing_category"],
        application_number=row["application_number"],
        description=row["description"],
        strength_text=row["strength_text"],
        concerns=_uses(row, "concerns", Concern),
        skin_types=_uses(row, "skin_types", SkinType),
        flags=tuple(_texts(row, "flags")),
        marketing_ends_on=day(row["marketing_ends_on"], "marketing_ends_on"),
        listing_expires_on=day(row["listing_expires_on"], "listing_expires_on"),
        ingredients=tuple(_ingredients(row)),
        kept=_object(row, "filed"),
    )


def _pack(row: Mapping[str, str]) -> FiledPack:
    _require(row, "sku", "pack_name")
    if not _SKU.fullmatch(row["sku"]):
        raise Unfit("sku: should be 1 to 40 letters, digits, dots, hyphens or underscores")
    return FiledPack(
        sku=row["sku"],
        name=row["pack_name"],
        package_ndc=row["package_ndc"] or None,
        package_ndc11=row["package_ndc11"] or None,
        gtin=_gtin(row["gtin"]),
        net_content=_content(row["net_content"]),
        net_unit=row["net_unit"] or None,
        weight_grams=_grams(row["weight_grams"]),
        described=True,
        kept=_object(row, "pack_filed"),
    )


def _gtin(text: str) -> str | None:
    try:
        return codes.gtin(text) if text.strip() else None
    except codes.BadCode as wrong:
        raise Unfit(f"gtin: {wrong}") from None


def _require(row: Mapping[str, str], *names: str) -> None:
    if missing := [f"{name}: is empty" for name in names if not row[name].strip()]:
        raise Unfit(*missing)


def _flag(row: Mapping[str, str], name: str, *, default: bool | None) -> bool | None:
    word = row[name].strip().lower()
    if word not in ("true", "false", ""):
        raise Unfit(f"{name}: should be true or false")
    return word == "true" if word else default


def _cents(text: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,8}", text) or int(text) > 10_000_000:
        raise Unfit("price_cents: should be whole cents, at most 10000000")
    return int(text)


def _grams(text: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= MOST_GRAMS:
        raise Unfit(f"weight_grams: should be whole grams, 1 to {MOST_GRAMS}")
    return int(text)


def _content(text: str) -> Decimal | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or Decimal(text) == 0:
        raise Unfit("net_content: should be a number above 0")
    return Decimal(text)


def _json(row: Mapping[str, str], name: str, empty: str) -> Any:
    try:
        value = json.loads(row[name].strip() or empty, parse_constant=_no_number, parse_float=_real)
    except (ValueError, RecursionError):
        raise Unfit(f"{name}: is not JSON") from None
    if "\\u" in row[name]:  # the only way to write what no database takes
        _refuse_odd(name, value)
    return value


def _refuse_odd(name: str, value: object) -> None:
    if odd := list(oddities(value, LONGEST_CELL)):
        raise Unfit(*(f"{name}: {why}" for why in dict.fromkeys(odd)))


def _no_number(word: str) -> None:
    raise ValueError(word)


def _real(word: str) -> float:
    figure = float(word)
    if not math.isfinite(figure):
        raise ValueError(word)
    return figure


def _object(row: Mapping[str, str], name: str) -> dict[str, Any]:
    value = _json(row, name, "{}")
    if not isinstance(value, dict):
        raise Unfit(f"{name}: should be a JSON object")
    _refuse_odd(name, value)  # kept as it is: not too deep either
    return value


def _texts(row: Mapping[str, str], name: str) -> list[str]:
    value = _json(row, name, "[]")
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Unfit(f"{name}: should be a JSON list of texts")
    return value


def _uses(row: Mapping[str, str], name: str, words: type[StrEnum]) -> tuple[str, ...] | None:
    """Words of a vocabulary with commas between; an empty cell says nothing, "-" says none."""
    cell = row[name].strip()
    if cell in ("", "-"):
        return () if cell else None
    said = [word.strip() for word in cell.split(",")]
    if wrong := sorted(set(said) - {word.value for word in words}):
        raise Unfit(f"{name}: {wrong[0][:40]!r} should be one of {', '.join(words)}")
    return tuple(word for word in words if word in said)


def _ingredients(row: Mapping[str, str]) -> Iterator[FiledIngredient]:
    value = _json(row, "ingredients", "[]")
    if not isinstance(value, list):
        raise Unfit("ingredients: should be a JSON list")
    for place, item in enumerate(value):
        where = f"ingredients[{place}]"
        if not isinstance(item, dict) or not isinstance(item.get("raw"), str):
            raise Unfit(f"{where}: should be an object with raw, active, strength and percent")
        named, strength = item.get("name") or item["raw"], item.get("strength") or ""
        if not isinstance(named, str) or not isinstance(strength, str) or not normalised(named):
            raise Unfit(f"{where}: name and strength should be texts")
        yield FiledIngredient(
            normalised(named),
            item["raw"],
            active=item.get("active") is True,
            strength_text=strength,
            percent=_share(item.get("percent"), where),
        )


def _share(value: object, where: str) -> Decimal | None:
    if value is None:
        return None
    try:
        share = Decimal(str(value))
    except InvalidOperation:
        raise Unfit(f"{where}.percent: should be a number or null") from None
    if not share.is_finite() or not 0 <= share <= 10**6 or len(str(value)) > 40:
        raise Unfit(f"{where}.percent: is out of range")
    return share


def _product_cells(product: Product) -> dict[str, str]:
    cells = {name: getattr(product, name) for name in PRODUCT_COLUMNS if name not in _MADE}
    ingredients = [
        {
            "name": line.name,
            "raw": line.raw,
            "active": line.active,
            "strength": line.strength_text,
            "percent": None if line.percent is None else f"{line.percent:f}",
        }
        for line in product.ingredients
    ]
    cells |= {
        "brand": product.brand.name,
        "concerns": ", ".join(product.concerns) or "-",
        "skin_types": ", ".join(product.skin_types) or "-",
        "flags": _written(product.flags),
        "ingredients": _written(ingredients),
        "filed": _written(product.filed),
        "published": product.published_at is not None,
    }
    return {name: _cell(value) for name, value in cells.items()}


def _pack_cells(variant: Variant, at: datetime) -> dict[str, str]:
    price = variant.price_at(at)
    cells = {
        "sku": variant.sku,
        "pack_name": variant.name,
        "package_ndc": variant.package_ndc,
        "package_ndc11": variant.package_ndc11,
        "gtin": variant.gtin,
        "net_content": variant.net_content,
        "net_unit": variant.net_unit,
        "weight_grams": variant.weight_grams,
        "for_sale": variant.for_sale,
        "price_cents": price.cents if price else None,
        "pack_filed": _written(variant.filed),
    }
    return {name: _cell(value) for name, value in cells.items()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
