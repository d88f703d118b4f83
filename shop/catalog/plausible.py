"""Which strengths of an active exist on the skin: outside them a filing is flagged, not corrected.

Ranges in percent: the weakest and the strongest topical product of each active among the approvals
in Drugs@FDA (prescription) or the limits of the OTC monograph named. They catch a wrong unit or
denominator (ten- or a thousandfold), not a wrong dose.

Keys are the dictionary's names of the substances (INCI, or the USAN of a drug that has none); a
reader that asks before names are matched may use the USAN of a UV filter.
"""

from __future__ import annotations

from decimal import Decimal

# Drugs@FDA, topical forms, as of 2019-07-02, newer approvals from their own labels.
_APPROVED = {
    "ADAPALENE": ("0.1", "0.3"),
    "AZELAIC ACID": ("10", "20"),
    "BRIMONIDINE TARTRATE": ("0.33", "0.5"),
    "CLASCOTERONE": ("1", "1"),
    "CLINDAMYCIN PHOSPHATE": ("1", "1.2"),
    "CRISABOROLE": ("2", "2"),
    "FLUOCINOLONE ACETONIDE": ("0.01", "0.2"),
    "FLUOROURACIL": ("0.5", "5"),
    "HALOBETASOL PROPIONATE": ("0.01", "0.05"),
    "HYDROQUINONE": ("2", "4"),  # never approved alone; the strengths in use
    "IMIQUIMOD": ("2.5", "5"),
    "IVERMECTIN": ("0.5", "1"),
    "METRONIDAZOLE": ("0.75", "1"),
    "MUPIROCIN": ("2", "2.15"),
    "MUPIROCIN CALCIUM": ("2", "2.15"),
    "OXYMETAZOLINE HYDROCHLORIDE": ("1", "1"),
    "PIMECROLIMUS": ("1", "1"),
    "ROFLUMILAST": ("0.05", "0.3"),
    "SULFACETAMIDE SODIUM": ("8", "10"),
    "TACROLIMUS": ("0.03", "0.1"),
    "TAZAROTENE": ("0.045", "0.1"),
    "TRETINOIN": ("0.01", "0.1"),
    "TRIAMCINOLONE ACETONIDE": ("0.01", "0.5"),
    "TRIFAROTENE": ("0.005", "0.005"),
}
# 21 CFR 333.310 (acne; salicylic acid up to 6 % by prescription); OTC monograph M020 (sunscreen:
# upper limits; a filter in a mixture or a tint may be as weak as 0.03 %).
_MONOGRAPH = {
    "BENZOYL PEROXIDE": ("2.5", "10"),
    "SALICYLIC ACID": ("0.5", "6"),
    "SULFUR": ("2", "10"),
    "BUTYL METHOXYDIBENZOYLMETHANE": ("0.03", "3"),
    "HOMOSALATE": ("0.03", "15"),
    "ETHYLHEXYL METHOXYCINNAMATE": ("0.03", "7.5"),
    "ETHYLHEXYL SALICYLATE": ("0.03", "5"),
    "OCTOCRYLENE": ("0.03", "10"),
    "BENZOPHENONE-3": ("0.03", "6"),
    "TITANIUM DIOXIDE": ("0.03", "25"),
    "ZINC OXIDE": ("0.03", "25"),
}
_USAN = {
    "AVOBENZONE": "BUTYL METHOXYDIBENZOYLMETHANE",
    "OCTINOXATE": "ETHYLHEXYL METHOXYCINNAMATE",
    "OCTISALATE": "ETHYLHEXYL SALICYLATE",
    "OXYBENZONE": "BENZOPHENONE-3",
}
# Actives no product may hold without being a prescription drug: never marketed over the counter in
# the US on the skin (Drugs@FDA; for hydroquinone the CARES Act of 2020, section 505G).
PRESCRIPTION_ONLY = frozenset(
    {
        "ALITRETINOIN",
        "BEXAROTENE",
        "BIMATOPROST",
        "CLASCOTERONE",
        "CLINDAMYCIN HYDROCHLORIDE",
        "CLINDAMYCIN PHOSPHATE",
        "FLUOROURACIL",
        "HALOBETASOL PROPIONATE",
        "HYDROQUINONE",
        "IMIQUIMOD",
        "ISOTRETINOIN",
        "METRONIDAZOLE",
        "MUPIROCIN",
        "MUPIROCIN CALCIUM",
        "PIMECROLIMUS",
        "ROFLUMILAST",
        "TACROLIMUS",
        "TAZAROTENE",
        "TRETINOIN",
        "TRIAMCINOLONE ACETONIDE",
        "TRIFAROTENE",
    }
)
_RANGES = {
    name: (Decimal(low), Decimal(high)) for name, (low, high) in (_APPROVED | _MONOGRAPH).items()
}


def implausible(active: str, percent: Decimal) -> str | None:
    """What is odd about this strength of `active` (its normalised name), or None."""
    low, high = _RANGES.get(_USAN.get(active, active), (Decimal(0), Decimal(100)))
    if percent > 0 and low <= percent <= high:
        return None
    expected = f"{low:f} %" if low == high else f"{low:f} to {high:f} %"
    return f"{percent:f} %, expected {expected}"
