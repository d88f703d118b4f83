"""The FDA's National Drug Code directory: products, their packages, and unfinished drugs.

A product is a product NDC, a variant a package NDC. The legal class comes from product type and
marketing category alone (21 CFR 207.33 for the numbers, FDA NDC directory definitions for the
rest); names decide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from shop.catalog import packages, strengths
from shop.catalog.filings import (
    LABEL_UNCLEAR,
    MOST_PACKS,
    NO_ACTIVES,
    NO_PACKAGES,
    UNAPPROVED,
    FiledIngredient,
    FiledPack,
    Filing,
    Unfit,
    day,
    display_name,
    normalised,
    strength_flags,
)
from shop.catalog.models import LegalClass

SOURCE = "ndc"
PRODUCT_COLUMNS = (
    "product_ndc",
    "product_type",
    "brand_name",
    "labeler_name",
    "active_ingredients",
    "dosage_form",
    "route",
    "marketing_category",
    "package_ndcs",
    "listing_expiration_date",
)
PACKAGE_COLUMNS = ("product_ndc", "package_ndc", "package_description", "package_ndc11")
UNFINISHED_COLUMNS = (
    "product_ndc",
    "product_type",
    "generic_name",
    "dosage_form",
    "marketing_category",
    "labeler_name",
    "substance_names",
    "strength",
    "strength_unit",
    "package_ndcs",
    "package_descriptions",
)

_PRODUCT_NDC = re.compile(r"[0-9]{4}-[0-9]{4}|[0-9]{5}-[0-9]{3,4}")
_PACKAGE_NDC = re.compile(
    r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]"
)

_APPROVED = {"NDA", "ANDA", "NDA AUTHORIZED GENERIC", "BLA"}
_MONOGRAPH = {"OTC MONOGRAPH DRUG", "OTC MONOGRAPH FINAL", "OTC MONOGRAPH NOT FINAL"}
_UNFINISHED = ("BULK INGREDIENT", "DRUG FOR FURTHER PROCESSING")


def legal_class(product_type: str, marketing_category: str) -> tuple[LegalClass, bool]:
    """The legal class as filed, and whether the product is finished. Raises Unfit."""
    kind, category = normalised(product_type), normalised(marketing_category)
    if kind.startswith(_UNFINISHED) or category.startswith(_UNFINISHED):
        return LegalClass.CLINIC_USE, False  # never sold, whatever else it says
    if kind == "HUMAN PRESCRIPTION DRUG" and category in _APPROVED:
        return LegalClass.RX, True
    if kind == "HUMAN PRESCRIPTION DRUG" and category.startswith("UNAPPROVED"):
        return LegalClass.RX_UNAPPROVED, True
    if kind == "HUMAN OTC DRUG" and (category in _APPROVED | _MONOGRAPH):
        return LegalClass.OTC_DRUG, True
    if kind == "HUMAN OTC DRUG" and category.startswith("UNAPPROVED"):
        return LegalClass.OTC_DRUG, True
    if kind == "COSMETIC" and category in ("", "COSMETIC"):
        return LegalClass.COSMETIC, True
    raise Unfit(
        f"product_type and marketing_category: {product_type[:60]!r} with "
        f"{marketing_category[:60]!r} has no legal class here; enter the product by hand"
    )


def product(row: Mapping[str, str]) -> Filing:
    """A row of the finished products, prescription or not. Raises Unfit with every reason."""
    key = product_ndc(row)
    in_law, finished = legal_class(row["product_type"], row["marketing_category"])
    ingredients = _actives(row["active_ingredients"]) + _label(
        row.get("inactive_ingredient_text", "")
    )
    packs = tuple(_bare_pack(key, code) for code in _codes(row["package_ndcs"]))
    return Filing(
        source=SOURCE,
        source_key=key,
        name=_name(row, ingredients),
        brand=required(row, "labeler_name"),
        legal_class=in_law,
        finished=finished,
        raw=dict(row),
        category=(row.get("derm_group") or row.get("otc_group") or "").strip(),
        dosage_form=row["dosage_form"],
        route=row["route"],
        marketing_category=row["marketing_category"],
        application_number=row.get("application_number", ""),
        description=row.get("generic_name", ""),
        strength_text=row["active_ingredients"],
        flags=tuple(_flags(row, ingredients, packs)),
        marketing_ends_on=day(row.get("marketing_end_date", ""), "marketing_end_date"),
        listing_expires_on=day(row["listing_expiration_date"], "listing_expiration_date"),
        ingredients=ingredients,
        packs=packs,
    )


def unfinished(row: Mapping[str, str]) -> Filing:
    """A row of the unfinished drugs: known, searchable by the manager, never sold."""
    key = product_ndc(row)
    in_law, finished = legal_class(row["product_type"], row["marketing_category"])
    if finished:
        raise Unfit("marketing_category: a finished product in the file of unfinished drugs")
    ingredients = _substances(row)
    packs = tuple(_described_packs(key, row))
    return Filing(
        source=SOURCE,
        source_key=key,
        name=display_name(required(row, "generic_name")),
        brand=required(row, "labeler_name"),
        legal_class=in_law,
        finished=finished,
        raw=dict(row),
        dosage_form=row["dosage_form"],
        marketing_category=row["marketing_category"],
        strength_text="; ".join(f"{item.raw} {item.strength_text}" for item in ingredients),
        ingredients=ingredients,
        packs=packs,
    )


def package(row: Mapping[str, str]) -> tuple[str, FiledPack]:
    """A row of the packages: the product NDC it belongs to, and the pack. Raises Unfit."""
    key, code = product_ndc(row), row["package_ndc"].strip()
    bare = _bare_pack(key, code)
    if row["package_ndc11"].strip() != bare.package_ndc11:
        raise Unfit(
            f"package_ndc11: {row['package_ndc11'][:40]!r} is not {code} in 5-4-2 digits "
            f"({bare.package_ndc11})"
        )
    return key, _described(bare, row["package_description"], dict(row))


def ndc11(package_ndc: str) -> str:
    """Ten digits with hyphens as eleven without: 5-4-2, filled with zeros (HIPAA's form)."""
    labeler, item, pack = package_ndc.split("-")
    return labeler.zfill(5) + item.zfill(4) + pack.zfill(2)


def product_ndc(row: Mapping[str, str]) -> str:
    """The row's labeler-product number. Raises Unfit."""
    key = row["product_ndc"].strip()
    if not _PRODUCT_NDC.fullmatch(key):
        raise Unfit(f"product_ndc: {key[:40]!r} is not a labeler-product number (4-4, 5-3 or 5-4)")
    return key


def required(row: Mapping[str, str], name: str) -> str:
    """The cell's text in single spaces. Raises Unfit where it is empty."""
    text = " ".join(row[name].split())
    if not text:
        raise Unfit(f"{name}: is empty")
    return text


def _codes(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(";") if code.strip()]
    if len(codes) > MOST_PACKS:
        raise Unfit(f"package_ndcs: more than {MOST_PACKS} packages")
    if len(set(codes)) < len(codes):
        raise Unfit("package_ndcs: a package stands there twice")
    return codes


def _bare_pack(product_ndc: str, code: str) -> FiledPack:
    if not _PACKAGE_NDC.fullmatch(code) or not code.startswith(f"{product_ndc}-"):
        raise Unfit(f"package_ndc: {code[:40]!r} is not a ten-digit package of {product_ndc}")
    return FiledPack(sku=code, name=f"Package {code}", package_ndc=code, package_ndc11=ndc11(code))


def _described(bare: FiledPack, description: str, raw: dict[str, str]) -> FiledPack:
    try:
        read = packages.read(description, bare.sku)
    except packages.Unreadable as error:
        raise Unfit(f"package_description: {error}") from None
    return replace(
        bare,
        name=read.name,
        net_content=read.net_content,
        net_unit=read.net_unit,
        described=True,
        raw=raw | {"inner_packages": list(read.inner_codes)},
    )


def _described_packs(key: str, row: Mapping[str, str]) -> list[FiledPack]:
    """Packages of an unfinished drug; one that cannot be read keeps its text and no content."""
    codes = _codes(row["package_ndcs"])
    texts = [text.strip() for text in row["package_descriptions"].split(" | ")]
    packs = []
    for place, code in enumerate(codes):
        bare, text = _bare_pack(key, code), texts[place] if place < len(texts) else ""
        raw = {"package_description": text}
        try:
            packs.append(_described(bare, text, raw))
        except Unfit:
            packs.append(replace(bare, described=True, raw=raw))
    return packs


def _actives(text: str) -> tuple[FiledIngredient, ...]:
    return tuple(
        FiledIngredient(
            normalised(item.name),
            f"{item.name} {item.strength_text}".strip(),
            active=True,
            strength_text=item.strength_text,
            percent=item.percent,
        )
        for item in strengths.actives(text)
    )


def _substances(row: Mapping[str, str]) -> tuple[FiledIngredient, ...]:
    names, amounts, units = (
        [part.strip() for part in row[column].split(";")]
        for column in ("substance_names", "strength", "strength_unit")
    )
    if not len(names) == len(amounts) == len(units):
        raise Unfit("substance_names, strength, strength_unit: not the same number of entries")
    return tuple(
        FiledIngredient(
            normalised(name),
            name,
            active=True,
            strength_text=f"{amount} {unit}",
            percent=strengths.percent(f"{amount} {unit}"),
        )
        for name, amount, unit in zip(names, amounts, units, strict=True)
        if name
    )


_HEADING = re.compile(r"^\s*(?:inactive|other)\s+ingredients?\s*:?\s*", re.IGNORECASE)
# A comma or dot between substances, not within brackets nor within a number ("1,2-hexanediol").
_SEPARATOR = re.compile(r"\s*(?:·|;|,(?!\d)(?![^()]*\)))\s*")


def _label(text: str) -> tuple[FiledIngredient, ...]:
    """The inactive ingredients of a label's text: heading off, then split."""
    names = _SEPARATOR.split(_HEADING.sub("", text))
    cleaned = (name.strip().rstrip(".").strip() for name in names)
    return tuple(FiledIngredient(normalised(name), name, active=False) for name in cleaned if name)


def _name(row: Mapping[str, str], ingredients: tuple[FiledIngredient, ...]) -> str:
    """The filed brand name; for a single active of a clear strength also form and strength.

    An odd strength is left out of the name: it would be read as a fact.
    """
    name = display_name(required(row, "brand_name"))
    actives = [item for item in ingredients if item.active]
    prescription = normalised(row["product_type"]) == "HUMAN PRESCRIPTION DRUG"
    if not prescription:
        return name
    form = row["dosage_form"].split(",")[-1].strip().capitalize()
    name = name if form.lower() in name.lower().split() else f"{name} {form}"
    if len(actives) == 1 and actives[0].percent and not strength_flags(ingredients):
        return f"{name} {actives[0].percent:f} %"
    return name


def _flags(
    row: Mapping[str, str], ingredients: tuple[FiledIngredient, ...], packs: tuple[FiledPack, ...]
) -> list[str]:
    flags = strength_flags(ingredients)
    if not any(item.active for item in ingredients):
        flags.append(f"{NO_ACTIVES}: none filed")
    if not packs:
        flags.append(f"{NO_PACKAGES}: none filed")
    in_law, _ = legal_class(row["product_type"], row["marketing_category"])
    if in_law is LegalClass.OTC_DRUG and normalised(row["marketing_category"]).startswith("UNAPP"):
        flags.append(f"{UNAPPROVED}: {row['marketing_category']}")
    if any(_unclear(item.raw) for item in ingredients if not item.active):
        flags.append(f"{LABEL_UNCLEAR}: inactive_ingredient_text")
    return flags


def _unclear(name: str) -> bool:
    """Not one substance: too long, brackets that do not match, or more than one colon or dot."""
    return len(name) > 100 or name.count("(") != name.count(")") or "[" in name or ". " in name
