"""Health Canada's Licensed Natural Health Products Database: one licence, one product.

A Canadian licence is no permission to market in the United States. Its UV filters and skin
protectants are active ingredients of OTC drugs there (21 CFR 201.327, 347; OTC monograph M020), so
the products come in as `otc_drug`, for their ingredients and for search, without packs: one is sold
only through a variant that a manager adds by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from shop.catalog import strengths
from shop.catalog.filings import (
    LICENCE_INACTIVE,
    LONGEST_NAME,
    NO_ACTIVES,
    FiledIngredient,
    Filing,
    Unfit,
    normalised,
    strength_flags,
)
from shop.catalog.models import LegalClass

SOURCE = "lnhpd"
FIELDS: dict[str, type | tuple[type, ...]] = {
    "npn": str,
    "product_name": str,
    "company": str,
    "dosage_form": str,
    "routes": list,
    "purposes": list,
    "actives": list,
    "inactives": list,
    "licence_date": (str, type(None)),
    "status_active": bool,
}
_SUN = re.compile(r"\bSPF|\bsun|\bUV[AB]?\b", re.IGNORECASE)
_SHARE = {"%", "percent", "% (w/w)", "% (w/v)", "% (v/v)"}


def product(item: Mapping[str, Any]) -> Filing:
    """A licence as a filing. Raises Unfit with the fields that are missing or of a wrong kind."""
    _shape(item)
    key = item["npn"].strip()
    if not re.fullmatch(r"[0-9]{8}", key):
        raise Unfit(f"npn: {key[:40]!r} is not eight digits")
    name, company = _words(item, "product_name"), _words(item, "company")
    actives = tuple(_active(place, entry) for place, entry in enumerate(item["actives"]))
    inactives = tuple(
        FiledIngredient(normalised(text), text, active=False)
        for text in _texts(item, "inactives")
        if text.strip()
    )
    purposes = _texts(item, "purposes")
    return Filing(
        source=SOURCE,
        source_key=key,
        name=name,
        brand=company,
        legal_class=LegalClass.OTC_DRUG,
        raw={name: _kept(value) for name, value in item.items()},
        category="sunscreen" if _SUN.search(" ".join([name, *purposes])) else "skin protectant",
        dosage_form=item["dosage_form"],
        route=";".join(_texts(item, "routes")),
        description="\n".join(purposes),
        strength_text="; ".join(active.raw for active in actives),
        flags=tuple(_flags(item, actives)),
        ingredients=actives + inactives,
    )


def _kept(value: Any) -> Any:
    """As filed, in kinds that JSON knows; a number beyond reckoning as its digits."""
    if isinstance(value, Decimal):
        return float(value) if abs(value) < 10**15 else str(value)
    if isinstance(value, list):
        return [_kept(part) for part in value]
    if isinstance(value, dict):
        return {name: _kept(part) for name, part in value.items()}
    return value


def _shape(item: Mapping[str, Any]) -> None:
    wrong = [f"{name}: is missing" for name in FIELDS if name not in item]
    wrong += [
        f"{name}: should be {_kind(kind)}, not {_kind(type(item[name]))}"
        for name, kind in FIELDS.items()
        if name in item and not isinstance(item[name], kind)
    ]
    if wrong:
        raise Unfit(*wrong)


def _kind(kind: type | tuple[type, ...]) -> str:
    words = {str: "text", list: "a list", bool: "true or false", dict: "an object"}
    words |= {type(None): "null", int: "a number", Decimal: "a number"}
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(words.get(one, one.__name__) for one in kinds)


def _words(item: Mapping[str, Any], name: str) -> str:
    text = " ".join(item[name].split())
    if not text:
        raise Unfit(f"{name}: is empty")
    if len(text) > LONGEST_NAME:
        raise Unfit(f"{name}: longer than {LONGEST_NAME} characters")
    return text


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    if not all(isinstance(text, str) for text in item[name]):
        raise Unfit(f"{name}: should hold texts only")
    return list(item[name])


def _active(place: int, entry: object) -> FiledIngredient:
    where = f"actives[{place}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise Unfit(f"{where}: should be an object with a name")
    quantity, unit = entry.get("quantity"), entry.get("unit")
    if isinstance(quantity, bool) or not isinstance(quantity, int | float | Decimal):
        raise Unfit(f"{where}.quantity: should be a number")
    if not isinstance(unit, str):
        raise Unfit(f"{where}.unit: should be text")
    if not entry["name"].strip():
        raise Unfit(f"{where}.name: is empty")
    figure = _figure(Decimal(str(quantity)), where)
    strength = f"{figure:f} {unit}".strip()
    return FiledIngredient(
        normalised(entry["name"]),
        f"{entry['name']} {strength}",
        active=True,
        strength_text=strength,
        percent=figure if unit.strip().lower() in _SHARE else None,
    )


def _figure(quantity: Decimal, where: str) -> Decimal:
    """Plain digits; the register's numbers have at most four places."""
    try:
        if not 0 <= quantity < 10**9:
            raise Unfit(f"{where}.quantity: {quantity} is out of range")
        return strengths.plain(quantity)
    except InvalidOperation:
        raise Unfit(f"{where}.quantity: is not a number to reckon with") from None


def _flags(item: Mapping[str, Any], actives: tuple[FiledIngredient, ...]) -> list[str]:
    flags = strength_flags(actives)
    if not item["status_active"]:
        flags.append(f"{LICENCE_INACTIVE}: the licence is no longer active")
    if not actives:
        flags.append(f"{NO_ACTIVES}: none filed")
    return flags
