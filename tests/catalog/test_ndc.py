"""NDC rows: the legal class as filed, and every trap of the real files."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from shop.catalog import lnhpd, ndc
from shop.catalog.filings import Unfit, brand_slug
from shop.catalog.models import LegalClass
from tests.catalog.rows import DATA, a_licence, a_package_row, an_ndc_row

CLASSES = {
    ("HUMAN PRESCRIPTION DRUG", "NDA"): (LegalClass.RX, True),
    ("HUMAN PRESCRIPTION DRUG", "ANDA"): (LegalClass.RX, True),
    ("HUMAN PRESCRIPTION DRUG", "BLA"): (LegalClass.RX, True),
    ("HUMAN PRESCRIPTION DRUG", "NDA AUTHORIZED GENERIC"): (LegalClass.RX, True),
    ("HUMAN PRESCRIPTION DRUG", "UNAPPROVED DRUG OTHER"): (LegalClass.RX_UNAPPROVED, True),
    ("HUMAN OTC DRUG", "OTC MONOGRAPH DRUG"): (LegalClass.OTC_DRUG, True),
    ("HUMAN OTC DRUG", "NDA"): (LegalClass.OTC_DRUG, True),
    ("human otc drug", "otc monograph final"): (LegalClass.OTC_DRUG, True),
    ("HUMAN OTC DRUG", "DRUG FOR FURTHER PROCESSING"): (LegalClass.CLINIC_USE, False),
    ("HUMAN PRESCRIPTION DRUG", "DRUG FOR FURTHER PROCESSING"): (LegalClass.CLINIC_USE, False),
    ("BULK INGREDIENT", "BULK INGREDIENT"): (LegalClass.CLINIC_USE, False),
    ("BULK INGREDIENT", "BULK INGREDIENT FOR HUMAN PRESCRIPTION COMPOUNDING"): (
        LegalClass.CLINIC_USE,
        False,
    ),
}
NO_CLASS = [
    ("HUMAN PRESCRIPTION DRUG", "OTC MONOGRAPH DRUG"),
    ("HUMAN PRESCRIPTION DRUG", "EXPORT ONLY"),
    ("HUMAN PRESCRIPTION DRUG", ""),
    ("VACCINE", "BLA"),
    ("", ""),
]


@pytest.mark.parametrize(("filed", "expected"), CLASSES.items())
def test_the_legal_class_is_as_filed(filed: tuple[str, str], expected: object) -> None:
    assert ndc.legal_class(*filed) == expected


@pytest.mark.parametrize("filed", NO_CLASS)
def test_an_unknown_pair_has_no_class(filed: tuple[str, str]) -> None:
    with pytest.raises(Unfit, match="product_type and marketing_category"):
        ndc.legal_class(*filed)


def test_a_name_decides_nothing() -> None:
    otc = an_ndc_row(
        brand_name="Prescription Strength Rx",
        product_type="HUMAN OTC DRUG",
        marketing_category="OTC MONOGRAPH DRUG",
        active_ingredients="SALICYLIC ACID 20 mg/mL",
    )

    assert ndc.product(otc).legal_class is LegalClass.OTC_DRUG


def _real(file: str, key: str) -> dict[str, str]:
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        return next(row for row in csv.DictReader(lines) if row["product_ndc"] == key)


RX, OTC, UNFINISHED = (
    "ndc_rx_topical_2026.csv",
    "ndc_otc_skin_2026.csv",
    "ndc_unfinished_derm_2018.csv",
)


def test_golden_a_plain_cream() -> None:
    filing = ndc.product(_real(RX, "0187-5160"))

    assert filing.name == "Retin-A Cream 0.025 %"
    assert filing.brand == "Bausch Health US, LLC"
    assert filing.legal_class is LegalClass.RX
    assert [pack.sku for pack in filing.packs] == ["0187-5160-20", "0187-5160-45"]
    assert filing.packs[0].package_ndc11 == "00187516020"
    assert filing.flags == ()


def test_golden_a_combination() -> None:
    filing = ndc.product(_real(RX, "0299-5950"))

    assert [(one.name, one.percent) for one in filing.ingredients] == [
        ("FLUOCINOLONE ACETONIDE", Decimal("0.01")),
        ("HYDROQUINONE", Decimal(4)),
        ("TRETINOIN", Decimal("0.05")),
    ]
    assert filing.name == "Tri-Luma Cream"


ODD = {
    "16714-246": "CLINDAMYCIN PHOSPHATE 10 ug/mL is 0.001 %, expected 1 to 1.2 %",
    "68682-202": "METRONIDAZOLE 10 mg/60g is 0.016667 %, expected 0.75 to 1 %",
    "16110-915": "TAZAROTENE .05 mg/g is 0.005 %, expected 0.045 to 0.1 %",
    "99207-276": "IMIQUIMOD 2.5 mg/g is 0.25 %, expected 2.5 to 5 %",
}


@pytest.mark.parametrize(("key", "odd"), ODD.items())
def test_golden_an_implausible_strength_is_flagged_not_corrected(key: str, odd: str) -> None:
    filing = ndc.product(_real(RX, key))

    assert filing.flags == (f"implausible_strength: {odd}",)
    assert "%" not in filing.name
    assert odd.startswith(filing.ingredients[0].raw)


def test_golden_no_other_prescription_listing_has_an_odd_strength() -> None:
    with (DATA / RX).open(encoding="utf-8", newline="") as lines:
        filings = [ndc.product(row) for row in csv.DictReader(lines)]

    flagged = {one.source_key for one in filings if any("implausible" in f for f in one.flags)}
    assert flagged == set(ODD)


def test_golden_a_product_without_packages() -> None:
    filing = ndc.product(_real(RX, "0187-5140"))

    assert filing.packs == ()
    assert filing.flags == ("no_packages: none filed",)


def test_golden_a_kit_without_actives() -> None:
    filing = ndc.product(_real(OTC, "10210-0090"))

    assert filing.flags == ("no_actives: none filed",)
    assert not any(one.active for one in filing.ingredients)


def test_golden_spoiled_label_text_is_flagged() -> None:
    assert (
        "label_text_unclear: inactive_ingredient_text" in ndc.product(_real(OTC, "49527-114")).flags
    )


def test_golden_label_text_becomes_ingredients() -> None:
    filing = ndc.product(_real(OTC, "49967-138"))

    inactives = [one.raw for one in filing.ingredients if not one.active]
    assert inactives[:3] == [
        "water",
        "sodium lauroyl sarcosinate",
        "cocamidopropyl hydroxysultaine",
    ]
    assert inactives[-1] == "ceramide EOP"
    assert len(inactives) == 26


def test_golden_an_unfinished_drug_filed_as_otc_is_unfinished() -> None:
    filing = ndc.unfinished(_real(UNFINISHED, "51150-584"))

    assert (filing.finished, filing.legal_class) == (False, LegalClass.CLINIC_USE)
    assert [one.percent for one in filing.ingredients] == [3, 5, 5, 7]
    assert filing.packs[0].name == "75 mL bottle"


def test_a_number_inside_a_name_is_no_separator() -> None:
    row = an_ndc_row(
        inactive_ingredient_text="Inactive ingredients Water, 1,2-Hexanediol, Wax (a, b), Talc."
    )

    names = [one.name for one in ndc.product(row).ingredients if not one.active]
    assert names == ["WATER", "1,2-HEXANEDIOL", "WAX (A, B)", "TALC"]


WRONG = {
    "product_ndc": ("187-5160", "product_ndc: '187-5160' is not a labeler-product number"),
    "package_ndcs": ("0187-5161-20", "package_ndc: '0187-5161-20' is not a ten-digit package"),
    "brand_name": (" ", "brand_name: is empty"),
    "listing_expiration_date": ("20261331", "listing_expiration_date: '20261331' is not a date"),
    "marketing_end_date": ("soon", "marketing_end_date: 'soon' is not a date"),
}


@pytest.mark.parametrize(("field", "wrong"), WRONG.items())
def test_a_wrong_field_is_named(field: str, wrong: tuple[str, str]) -> None:
    value, why = wrong
    with pytest.raises(Unfit) as refused:
        ndc.product(an_ndc_row(**{field: value}))

    assert refused.value.reasons[0].startswith(why)


def test_a_package_number_must_match_its_eleven_digits() -> None:
    with pytest.raises(Unfit, match="package_ndc11: '00187516021' is not 0187-5160-20"):
        ndc.package(a_package_row(package_ndc11="00187516021"))


def test_eleven_digits() -> None:
    assert ndc.ndc11("0187-5160-20") == "00187516020"
    assert ndc.ndc11("68462-486-27") == "68462048627"
    assert ndc.ndc11("50718-0032-1") == "50718003201"


def test_spellings_of_one_labeler_share_a_brand() -> None:
    spelled = ["NORTHSTAR RX LLC", "NorthStar RxLLC", "Northstar Rx LLC"]

    assert {brand_slug(one) for one in spelled} == {"northstar-rx-llc"}
    assert brand_slug("Mayne Pharma") != brand_slug("Mayne Pharma Inc.")


def test_a_canadian_licence_has_no_packs() -> None:
    filing = lnhpd.product(a_licence())

    assert (filing.legal_class, filing.packs, filing.category) == (
        LegalClass.OTC_DRUG,
        (),
        "sunscreen",
    )


def test_every_wrong_field_of_a_licence_is_named() -> None:
    item = a_licence(npn=80000001, status_active="yes")
    del item["company"]

    with pytest.raises(Unfit) as refused:
        lnhpd.product(item)

    assert refused.value.reasons == [
        "company: is missing",
        "npn: should be text, not a number",
        "status_active: should be true or false, not text",
    ]


def test_an_inactive_licence_is_flagged() -> None:
    assert lnhpd.product(a_licence(status_active=False)).flags == (
        "licence_inactive: the licence is no longer active",
    )
