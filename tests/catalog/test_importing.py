"""Imports: every row accounted for, twice is once, and what people decided stays."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import editing, importing, listing, publishing, queries
from shop.catalog.models import LegalClass, Product, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests.builders import a_variant
from tests.catalog.rows import (
    a_licence,
    a_package_row,
    an_ndc_row,
    csv_of,
    lines_of,
    take,
    take_file,
)

FILES = [
    ("ndc_rx_topical_2026.csv", "ndc", {"created": 216}),
    ("ndc_rx_packages_2026.csv", "ndc", {"changed": 388}),
    ("ndc_otc_skin_2026.csv", "ndc", {"created": 27}),
    ("ndc_unfinished_derm_2018.csv", "ndc", {"created": 740, "quarantined": 7}),
    ("lnhpd_sunscreens_ca_2026.jsonl", "lnhpd", {"created": 1265}),
]
NONE = {"created": 0, "changed": 0, "unchanged": 0, "quarantined": 0}


def test_the_real_registers_come_in_go_out_and_come_in_again(app: Flask) -> None:
    for name, source, counts in FILES:
        assert take_file(name, source).counts == NONE | counts, name
    db.session.commit()
    db.session.expire_all()
    by_class = dict(
        db.session.execute(
            sa.select(Product.legal_class, sa.func.count()).group_by(Product.legal_class)
        ).all()
    )
    assert by_class == {
        LegalClass.RX: 196,
        LegalClass.RX_UNAPPROVED: 20,
        LegalClass.OTC_DRUG: 27 + 1265,
        LegalClass.CLINIC_USE: 740,
    }
    assert db.session.scalar(sa.select(sa.func.count()).where(Variant.for_sale)) == 0
    described = sa.select(sa.func.count()).where(
        Variant.net_unit.in_(["g", "mL"]), Variant.legal_class.in_(["rx", "rx_unapproved"])
    )
    assert db.session.scalar(described) == 386  # two packs of swabs are counted in pieces

    for name, source, counts in FILES:
        again = sum(counts.values()) - counts.get("quarantined", 0)
        aside = counts.get("quarantined", 0)
        counted = take_file(name, source).counts
        assert counted == NONE | {"unchanged": again, "quarantined": aside}, name

    text = "".join(listing.written(queries.everything(), now()))
    report = importing.run(io.BytesIO(text.encode()), "csv", by=None, at=now())
    assert report.counts == NONE | {"unchanged": len(report.rows)}
    assert len(report.rows) > 2248


def _product(key: str = "0187-5160") -> Product:
    db.session.flush()
    db.session.expire_all()
    return db.session.scalars(sa.select(Product).where(Product.source_key == key)).one()


def test_a_product_and_its_package(app: Flask) -> None:
    take(csv_of(an_ndc_row()))
    take(csv_of(a_package_row()))

    product = _product()
    (variant,) = product.variants
    assert (product.legal_class, product.doctor_only, product.published_at) == ("rx", True, None)
    assert product.slug == "retin-a-cream-0-025-0187-5160"
    assert product.listing_expires_on == date(2026, 12, 31)
    assert product.filed["row"]["active_ingredients"] == "TRETINOIN .25 mg/g"
    assert (variant.sku, variant.name, variant.net_content) == ("0187-5160-20", "20 g tube", 20)
    assert (variant.package_ndc11, variant.for_sale) == ("00187516020", False)
    (line,) = product.ingredients
    assert (line.name, line.raw, line.percent) == (
        "TRETINOIN",
        "TRETINOIN .25 mg/g",
        Decimal("0.025"),
    )


def test_a_package_of_an_unknown_product_is_set_aside(app: Flask) -> None:
    (row,) = take(csv_of(a_package_row())).rows

    assert row.reasons == [
        "product_ndc: 0187-5160 is not in the catalogue; import its product first"
    ]


def test_a_package_that_cannot_be_read_is_set_aside(app: Flask) -> None:
    take(csv_of(an_ndc_row()))

    (row,) = take(csv_of(a_package_row(package_description="20 g in 1 TUBE"))).rows

    assert row.reasons == ["package_description: the outer pack is None, not 0187-5160-20"]
    assert _product().variants[0].net_content is None


def test_what_the_register_changes_changes(app: Flask) -> None:
    take(csv_of(an_ndc_row()))

    report = take(csv_of(an_ndc_row(active_ingredients="TRETINOIN .5 mg/g")))

    assert report.counts == NONE | {"changed": 1}
    product = _product()
    assert product.name == "Retin-A Cream 0.05 %"
    assert [line.percent for line in product.ingredients] == [Decimal("0.05")]
    assert [event.kind for event in events.of(product.id)] == ["product_created", "product_changed"]


def test_a_managers_own_words_outlive_the_next_import(app: Flask) -> None:
    take(csv_of(an_ndc_row()))
    product = _product()
    editing.change_product(product, {"name": "Retin-A, the gentle one"}, by=None, at=now())
    db.session.flush()

    again = take(csv_of(an_ndc_row()))
    other = take(csv_of(an_ndc_row(listing_expiration_date="20271231")))

    assert (again.counts["unchanged"], other.counts["changed"]) == (1, 1)
    assert _product().name == "Retin-A, the gentle one"


def test_a_weaker_class_is_set_aside(app: Flask) -> None:
    take(csv_of(an_ndc_row(active_ingredients="SALICYLIC ACID 20 mg/g")))

    (row,) = take(
        csv_of(
            an_ndc_row(
                active_ingredients="SALICYLIC ACID 20 mg/g",
                product_type="HUMAN OTC DRUG",
                marketing_category="OTC MONOGRAPH DRUG",
            )
        )
    ).rows

    assert row.outcome == "quarantined"
    assert row.reasons[0].startswith("legal_class: is rx in the catalogue, otc_drug in this row")
    assert _product().legal_class is LegalClass.RX


def test_a_stricter_class_takes_its_packs_along(app: Flask) -> None:
    row = an_ndc_row(active_ingredients="SALICYLIC ACID 20 mg/g")
    take(csv_of(row | {"product_type": "HUMAN OTC DRUG", "marketing_category": "NDA"}))

    take(csv_of(row))

    product = _product()
    assert (product.legal_class, product.doctor_only) == (LegalClass.RX, True)
    assert [(one.legal_class, one.doctor_only) for one in product.variants] == [("rx", True)]


def test_a_product_filed_as_unfinished_leaves_the_shop(app: Flask) -> None:
    row = an_ndc_row(active_ingredients="SALICYLIC ACID 20 mg/g")
    take(csv_of(row))
    product = _product()
    publishing.publish(product, by=None, at=now())
    editing.change_variant(product.variants[0], {"for_sale": True}, by=None, at=now())
    db.session.flush()

    take(csv_of(row | {"marketing_category": "DRUG FOR FURTHER PROCESSING"}))

    product = _product()
    assert (product.finished, product.published_at) == (False, None)
    assert [(one.for_sale, one.legal_class) for one in product.variants] == [(False, "clinic_use")]


def test_a_prescription_active_over_the_counter_is_set_aside(app: Flask) -> None:
    (row,) = take(
        csv_of(an_ndc_row(product_type="HUMAN OTC DRUG", marketing_category="OTC MONOGRAPH DRUG"))
    ).rows

    assert row.reasons == ["legal_class: TRETINOIN is sold by prescription only, not as otc_drug"]


def test_a_package_of_another_product_is_set_aside(app: Flask) -> None:
    a_variant(sku="0187-5160-20", package_ndc="0187-5160-20")

    (row,) = take(csv_of(an_ndc_row())).rows

    assert row.reasons == ["package_ndcs: 0187-5160-20 is a package of another product"]


def test_a_package_no_longer_filed_is_flagged_not_removed(app: Flask) -> None:
    take(csv_of(an_ndc_row()))

    take(csv_of(an_ndc_row(package_ndcs="0187-5160-45")))

    product = _product()
    assert [one.sku for one in product.variants] == ["0187-5160-20", "0187-5160-45"]
    assert product.flags == ["package_not_filed: 0187-5160-20"]


def test_canadian_licences_bring_ingredients_and_no_packs(app: Flask) -> None:
    report = take(lines_of(a_licence(), a_licence(npn="1")), "lnhpd")

    assert [row.outcome for row in report.rows] == ["created", "quarantined"]
    product = _product("80000001")
    assert product.variants == []
    assert [line.name for line in product.ingredients] == [
        "ZINC OXIDE",
        "WATER",
        "GLYCERIN",
    ]


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_report_is_the_same_dry_or_not(app: Flask, dry_run: bool) -> None:
    data = csv_of(an_ndc_row(), an_ndc_row(product_ndc="x"))

    report = take(data, dry_run=dry_run)

    assert report.counts == NONE | {"created": 1, "quarantined": 1}
    assert report.dry_run is dry_run
