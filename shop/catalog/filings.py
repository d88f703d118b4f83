"""What a register says of one product, in our words, whichever register it is.

Pure. A reader of a register (`ndc`, `lnhpd`, `listing`) makes a Filing of a row, or says why not.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

from shop.catalog.concerns import derived
from shop.catalog.models import LegalClass
from shop.catalog.plausible import implausible

LONGEST_NAME = 300
LONGEST_TEXT = 20_000
MOST_INGREDIENTS = 400
MOST_PACKS = 100
_DAY = re.compile(r"[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}")

NOT_READABLE = "not_readable"  # flags: a word, a colon, and what it is about
IMPLAUSIBLE = "implausible_strength"
LICENCE_INACTIVE = "licence_inactive"
UNAPPROVED = "unapproved"
NO_ACTIVES = "no_actives"
NO_PACKAGES = "no_packages"
LABEL_UNCLEAR = "label_text_unclear"
REFERENCE = "reference_only"


class Unfit(ValueError):
    """A row that makes no product; `reasons` name the fields and the remedy."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class FiledIngredient:
    """A substance as filed. `percent` None where the strength is not a clear share."""

    name: str  # normalised
    raw: str
    active: bool
    strength_text: str = ""
    percent: Decimal | None = None


@dataclass(frozen=True)
class FiledPack:
    """A package as filed; content unknown where the register says nothing of it."""

    sku: str
    name: str
    package_ndc: str | None = None
    package_ndc11: str | None = None
    net_content: Decimal | None = None
    net_unit: str | None = None
    gtin: str | None = None
    weight_grams: int | None = None
    described: bool = False  # False: only its number is known
    raw: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] | None = None  # only in a listing of our own

    @property
    def filed(self) -> dict[str, Any]:
        """What is kept of it in the variant's row."""
        if self.kept is not None:
            return self.kept
        return {"row": self.raw, "name": self.name} if self.described else {}


@dataclass(frozen=True)
class Filing:
    """A product as filed."""

    source: str
    source_key: str
    name: str
    brand: str
    legal_class: LegalClass
    raw: dict[str, Any]
    finished: bool = True
    category: str = ""
    dosage_form: str = ""
    route: str = ""
    marketing_category: str = ""
    application_number: str = ""
    description: str = ""
    strength_text: str = ""
    flags: tuple[str, ...] = ()
    marketing_ends_on: date | None = None
    listing_expires_on: date | None = None
    ingredients: tuple[FiledIngredient, ...] = ()
    packs: tuple[FiledPack, ...] = ()
    # Only a listing of our own says these; a register never does.
    by_hand: bool = False
    doctor_only: bool = False
    slug: str = ""
    kept: dict[str, Any] | None = None
    concerns: tuple[str, ...] | None = None  # None: not said
    skin_types: tuple[str, ...] | None = None

    @property
    def uses(self) -> dict[str, list[str]]:
        """Concerns and skin types: as said, else what its actives and words give."""
        actives = (item.name for item in self.ingredients if item.active)
        table = derived(name=self.name, purposes=self.description, actives=actives)
        return {
            "concerns": list(table.concerns if self.concerns is None else self.concerns),
            "skin_types": list(table.skin_types if self.skin_types is None else self.skin_types),
        }

    @property
    def texts(self) -> dict[str, str]:
        """What a manager may put in other words afterwards."""
        return {
            "name": self.name,
            "category": self.category,
            "description": self.description,
        }

    @property
    def filed(self) -> dict[str, Any]:
        """What is kept of it in the product's row: as filed, and the texts it gave."""
        return self.kept if self.kept is not None else {"row": self.raw, "texts": self.texts}


@lru_cache(maxsize=10_000)
def normalised(name: str) -> str:
    """A substance's name for comparing: composed, upper case, single spaces, bounded."""
    return " ".join(unicodedata.normalize("NFKC", name).upper().split())[:LONGEST_NAME]


def slug(text: str, *, longest: int = 80) -> str:
    """Lower-case ASCII words with hyphens; a digest where nothing of the text is ASCII."""
    letters = unicodedata.normalize("NFKD", re.sub(r"'|\.(?!\d)", "", text))
    bare = letters.encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:longest].strip("-")
    return words or "x-" + sha256(text.encode()).hexdigest()[:10]


def brand_slug(company: str) -> str:
    """The same for spellings that differ in case, dots, commas or the gap before "LLC"."""
    return re.sub(r"(?<=[a-z0-9])llc$", "-llc", slug(company)).replace("--", "-")


def day(text: str, name: str) -> date | None:
    """A date as filed (YYYYMMDD, YYYY-MM-DD), None where empty. Raises Unfit, naming the field."""
    if not text.strip():
        return None
    try:
        found = date.fromisoformat(text.strip()) if _DAY.fullmatch(text.strip()) else None
    except ValueError:
        found = None  # 31 February
    if found is None:
        raise Unfit(f"{name}: {text[:40]!r} is not a date")
    return found


def strength_flags(ingredients: tuple[FiledIngredient, ...]) -> list[str]:
    """What is odd about the strengths, one flag per active."""
    flags = []
    for item in ingredients:
        if not item.active:
            continue
        if item.percent is None:
            flags.append(f"{NOT_READABLE}: {item.raw}")
        elif odd := implausible(item.name, item.percent):
            flags.append(f"{IMPLAUSIBLE}: {item.raw} is {odd}")
    return flags


def display_name(brand: str) -> str:
    """A brand name for people: all capitals or all small becomes title case, else as filed."""
    brand = " ".join(brand.split())
    if brand.isupper() or brand.islower():
        return re.sub(r"[^\W\d_]+('[^\W\d_]+)?", lambda word: word[0].capitalize(), brand)
    return brand
