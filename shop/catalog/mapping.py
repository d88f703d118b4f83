"""A supplier's sheet in our columns: which of theirs is which of ours, and how they write figures.

Pure. A mapping is plain JSON, so that it can be kept with the supplier's name and sent with a file:

    {"columns": {"source_key": "Item no.", "name": "Title", "brand": {"const": "Acme"},
                 "price": "RRP", "ingredients_text": "INCI"}, "decimal_comma": false}

Two of our columns exist in mappings only: `price`, an amount of money as people write it, and
`ingredients_text`, a list of ingredients in one cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher, get_close_matches
from typing import Any, NoReturn

from shop.catalog.filings import Unfit
from shop.catalog.listing import COLUMNS
from shop.catalog.reading import NO_TEXT
from shop.catalog.splitting import split
from shop.core.errors import Refused

PRICE, INGREDIENTS = "price", "ingredients_text"
OURS = (*COLUMNS, PRICE, INGREDIENTS)
LONGEST = 300
LIKELY = 0.8  # of a name that is like one of ours: below it nothing is guessed
NOT_SPLIT = "not_split: ingredients_text has no separators"

# Words that suppliers use, for guessing only: a guess is told, never acted on.
_WORDS = {
    "sku": ("item no", "item number", "item", "article", "article number", "part number", "code"),
    "source_key": ("product id", "product no", "style", "id", "key"),
    "name": ("title", "product", "product name", "item name", "description short"),
    "brand": ("vendor", "manufacturer", "maker", "supplier", "house"),
    "pack_name": ("size", "pack", "pack size", "unit", "volume"),
    "gtin": ("ean", "upc", "barcode", "bar code"),
    "price": ("rrp", "msrp", "retail", "retail price", "price usd", "unit price"),
    "ingredients_text": ("inci", "ingredients", "ingredient list", "composition"),
    "category": ("type", "group", "product type"),
    "description": ("text", "long description", "details"),
}
_MONEY = re.compile(r"(?:[$€£]|USD|US\$)?\s*(?P<figure>[0-9][0-9.,' ]*?)\s*(?:[$€£]|USD)?")


class BadMapping(Refused):
    """The mapping is not one, or does not fit the file. Fields name the column and the remedy."""

    code = "bad_mapping"


@dataclass(frozen=True)
class Columns:
    """A mapping that makes sense: our column → theirs, or → a text that holds for every row."""

    theirs: Mapping[str, str]
    constant: Mapping[str, str]
    decimal_comma: bool = False

    @property
    def as_json(self) -> dict[str, Any]:
        """The mapping as it is kept."""
        constants = {name: {"const": text} for name, text in self.constant.items()}
        return {"columns": {**self.theirs, **constants}, "decimal_comma": self.decimal_comma}

    def refuse_unfit(self, header: Sequence[str]) -> None:
        """Raises BadMapping where the file lacks a column that the mapping names."""
        for ours, theirs in self.theirs.items():
            if theirs not in header:
                near = get_close_matches(theirs, header, n=1, cutoff=0.5)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                said = f"The file has no column {theirs!r}, which should be {ours}.{hint}"
                raise BadMapping(said, fields={ours: [said]}, row=1, field=theirs)

    def ours(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """A row of theirs in our columns. Raises Unfit for a price that is none."""
        row = {name: _typed(str(cells.get(theirs) or "")) for name, theirs in self.theirs.items()}
        row |= self.constant
        if PRICE in row:
            price = row.pop(PRICE)
            row["price_cents"] = cents(price, decimal_comma=self.decimal_comma) or ""
        if INGREDIENTS in row:
            row |= _listed(row.pop(INGREDIENTS))
        if self.decimal_comma and "net_content" in row:
            row["net_content"] = row["net_content"].replace(",", ".")
        return row


def from_text(text: str) -> object:
    """What JSON text says. Raises BadMapping."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        _refuse("mapping", "Is not JSON.")


def read(said: object) -> Columns:
    """A mapping from plain JSON. Raises BadMapping, naming the column."""
    said = _shaped(said)
    theirs: dict[str, str] = {}
    constant: dict[str, str] = {}
    for ours, given in said["columns"].items():
        if ours not in OURS:
            _refuse(str(ours)[:60], unknown(str(ours)[:60]))
        if isinstance(given, str) and given.strip() and _short(given):
            theirs[ours] = given.strip()
        elif isinstance(given, dict) and list(given) == ["const"] and _short(given["const"]):
            constant[ours] = given["const"]
        else:
            _refuse(ours, 'Name their column, or give {"const": a text}.')
    named = theirs | constant
    for one, other in ((PRICE, "price_cents"), (INGREDIENTS, "ingredients")):
        if one in named and other in named:
            _refuse(one, f"Map {one} or {other}, not both.")
    return Columns(theirs, constant, bool(said.get("decimal_comma", False)))


def _shaped(said: object) -> dict[str, Any]:
    if not isinstance(said, dict) or not isinstance(said.get("columns"), dict):
        _refuse("mapping", 'A mapping is an object: {"columns": {our column: their column}}.')
    if more := sorted(str(name) for name in said if name not in ("columns", "decimal_comma")):
        _refuse(more[0][:60], "A mapping has `columns` and `decimal_comma` only.")
    if not isinstance(said.get("decimal_comma", False), bool):
        _refuse("decimal_comma", "Should be true or false.")
    return said


def unknown(column: str, *, among: Iterable[str] = OURS) -> str:
    """That a column means nothing here, and which one may be meant."""
    known = list(among)
    guess = _guess(column, known)
    return f"Column {column!r} is not known." + (f" Did you mean {guess}?" if guess else "")


def guessed(header: Sequence[str]) -> dict[str, str]:
    """Their column → ours, as far as the names tell; each of ours once. A person looks at it."""
    known = {word: name for name in OURS for word in (_plain(name), *_WORDS.get(name, ()))}
    found: dict[str, str] = {}
    for likeness, theirs, ours in sorted(
        (_most_like(theirs, known) for theirs in header), key=lambda one: -one[0]
    ):
        if likeness >= LIKELY and ours not in found.values():
            found[theirs] = ours
    return found


def _most_like(theirs: str, known: Mapping[str, str]) -> tuple[float, str, str]:
    plain = _plain(theirs)
    near = ((SequenceMatcher(None, plain, word).ratio(), ours) for word, ours in known.items())
    likeness, ours = max(near, key=lambda one: one[0])
    return likeness, theirs, ours


def cents(text: str, *, decimal_comma: bool) -> str | None:
    """ "$1,234.50" as "123450", None where empty. Raises Unfit for what is no amount of money."""
    if not text.strip():
        return None
    read = _MONEY.fullmatch(text.strip())
    figure = re.sub(r"[' ]", "", read["figure"]) if read else ""
    whole, decimal = (".", ",") if decimal_comma else (",", ".")
    if not re.fullmatch(
        rf"[0-9]{{1,3}}(?:\{whole}[0-9]{{3}})+|[0-9]{{1,9}}", _before(figure, decimal)
    ):
        raise Unfit(f"price: {text[:40]!r} is not an amount of money")
    amount = figure.replace(whole, "").replace(decimal, ".")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", amount):
        raise Unfit(f"price: {text[:40]!r} is not an amount of money in whole cents")
    return f"{Decimal(amount) * 100:.0f}"


def _before(figure: str, decimal: str) -> str:
    return figure.partition(decimal)[0]


def _typed(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from reading a number."""
    return cell.removeprefix("'")


def _listed(text: str) -> dict[str, str]:
    found = split(text)
    row = {"ingredients": json.dumps([{"raw": part} for part in found.parts], ensure_ascii=False)}
    return row | ({"flags": json.dumps([NOT_SPLIT])} if found.whole else {})


def _guess(column: str, known: Sequence[str]) -> str | None:
    plain = _plain(column)
    words = {word: name for name in known for word in (_plain(name), *_WORDS.get(name, ()))}
    near = get_close_matches(plain, words, n=1, cutoff=0.6)
    return words[near[0]] if near else None


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", name.lower()).split())


def _short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and not NO_TEXT.search(value)


def _refuse(column: str, said: str) -> NoReturn:
    raise BadMapping(said, fields={column: [said]}, field=column)
