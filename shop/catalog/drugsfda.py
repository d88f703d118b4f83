"""Drugs@FDA: every approval of a topical drug, as of 2019. An approval is not a listing.

It says that a company may market a drug, not that anybody does, in which pack or under which
number. So an approval comes in for reference (which strengths and forms were ever approved of an
active): filed as unfinished, without packs, and PostgreSQL never lets it be published or sold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shop.catalog import strengths
from shop.catalog.filings import (
    REFERENCE,
    FiledIngredient,
    Filing,
    Unfit,
    display_name,
    normalised,
)
from shop.catalog.models import LegalClass
from shop.catalog.ndc import required

SOURCE = "drugsfda"
COLUMNS = (
    "appl_type",
    "appl_no",
    "product_no",
    "sponsor_name",
    "drug_name",
    "active_ingredient",
    "dosage_form",
    "route",
    "strength",
    "marketing_status",
)
NO_STRENGTH = "strength_not_told_apart"
_STATUS = {
    "Prescription": LegalClass.RX,
    "Over-the-counter": LegalClass.OTC_DRUG,
    # Nobody can say any more how it would be sold: the stricter way.
    "Discontinued": LegalClass.RX,
    "None (Tentative Approval)": LegalClass.RX,
}


def approval(row: Mapping[str, str]) -> Filing:
    """A row as a filing that is never sold. Raises Unfit."""
    number, item = row["appl_no"].strip(), row["product_no"].strip()
    if not re.fullmatch(r"[0-9]{6}", number) or not re.fullmatch(r"[0-9]{3}", item):
        raise Unfit("appl_no, product_no: should be six and three digits")
    kind = row["appl_type"].strip()
    if kind not in ("NDA", "ANDA", "BLA"):
        raise Unfit(f"appl_type: {kind[:40]!r} is not NDA, ANDA or BLA")
    status = row["marketing_status"].strip()
    if status not in _STATUS:
        raise Unfit(f"marketing_status: {status[:60]!r} is not one of {', '.join(_STATUS)}")
    name = required(row, "drug_name")
    ingredients = _ingredients(row)
    flags = [f"{REFERENCE}: an approval, not a listing ({status})"]
    if any(item.active and not item.strength_text for item in ingredients):
        flags.append(f"{NO_STRENGTH}: {row['strength'][:100]}")
    return Filing(
        source=SOURCE,
        source_key=f"{kind}{number}-{item}",
        name=display_name(name),
        brand=required(row, "sponsor_name"),
        legal_class=_STATUS[status],
        finished=False,
        raw=dict(row),
        dosage_form=row["dosage_form"],
        route=row["route"],
        marketing_category=kind,
        application_number=f"{kind}{number}",
        strength_text=row["strength"],
        flags=tuple(flags),
        ingredients=ingredients,
    )


def _ingredients(row: Mapping[str, str]) -> tuple[FiledIngredient, ...]:
    names = [name.strip() for name in row["active_ingredient"].split(";") if name.strip()]
    if not names:
        raise Unfit("active_ingredient: is empty")
    amounts = [amount.strip() for amount in row["strength"].split(";")]
    if len(amounts) != len(names):
        amounts = [""] * len(names)  # which is whose cannot be said
    return tuple(
        FiledIngredient(
            normalised(name),
            f"{name} {amount}".strip(),
            active=True,
            strength_text=amount,
            percent=strengths.percent(amount),
        )
        for name, amount in zip(names, amounts, strict=True)
    )
