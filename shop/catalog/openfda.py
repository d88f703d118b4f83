"""openFDA's label records of 2018, harmonised: product numbers, substances, no strengths.

Old, and without strength or marketing category: no ground to sell anything on. A row comes in for
reference, filed as unfinished and without packs (the file names those of the whole label); the
product itself, if it is still marketed, comes with the NDC directory.
"""

from __future__ import annotations

from collections.abc import Mapping

from shop.catalog.filings import (
    NO_ACTIVES,
    REFERENCE,
    FiledIngredient,
    Filing,
    Unfit,
    display_name,
    normalised,
)
from shop.catalog.models import LegalClass
from shop.catalog.ndc import product_ndc, required

SOURCE = "openfda"
COLUMNS = (
    "product_ndc",
    "product_type",
    "brand_name",
    "generic_name",
    "manufacturer_name",
    "substance_names",
    "unii",
    "dosage_form",
    "route",
    "application_number",
    "package_ndcs_of_label",
)
_TYPES = {
    "HUMAN OTC DRUG": LegalClass.OTC_DRUG,
    "HUMAN PRESCRIPTION DRUG": LegalClass.RX,
}


def product(row: Mapping[str, str]) -> Filing:
    """A row as a filing that is never sold. Raises Unfit."""
    kind = normalised(row["product_type"])
    if kind not in _TYPES:
        raise Unfit(f"product_type: {row['product_type'][:60]!r} is not one of {', '.join(_TYPES)}")
    substances = [name.strip() for name in row["substance_names"].split(";") if name.strip()]
    flags = [f"{REFERENCE}: a label of 2018, not a listing"]
    if not substances:
        flags.append(f"{NO_ACTIVES}: none filed")
    return Filing(
        source=SOURCE,
        source_key=product_ndc(row),
        name=display_name(required(row, "brand_name")),
        brand=required(row, "manufacturer_name"),
        legal_class=_TYPES[kind],
        finished=False,
        raw=dict(row),
        dosage_form=row["dosage_form"],
        route=row["route"],
        application_number=row["application_number"],
        description=row["generic_name"],
        flags=tuple(flags),
        ingredients=tuple(
            FiledIngredient(normalised(name), name, active=True) for name in substances
        ),
    )
