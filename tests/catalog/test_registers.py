"""Every row of every register we have is created, or set aside with a reason people understand."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import beauty, drugsfda, editing, importing, listing, openfda, publishing, queries
from shop.catalog.errors import NotForSale, NotPublishable
from shop.catalog.filings import Filing, Unfit
from shop.catalog.models import BeautyFact, LegalClass, Product
from shop.catalog.report import Report
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from tests.catalog.rows import DATA, csv_of, take

TESTS = Path(__file__).parents[1] / "data"
# File → source, rows of the file, and what becomes of them the first time.
FILES = {
    DATA / "ndc_rx_topical_2026.csv": ("ndc", 216, {"created": 216}),
    DATA / "ndc_rx_packages_2026.csv": ("ndc", 388, {"changed": 388}),
    DATA / "ndc_otc_skin_2026.csv": ("ndc", 27, {"created": 27}),
    DATA / "openfda_topical_2018.csv": ("ndc", 100, {"created": 100}),
    DATA / "drugsfda_topical_2019.csv": ("ndc", 1118, {"created": 1118}),
    DATA / "ndc_unfinished_derm_2018.csv": ("ndc", 747, {"created": 740, "quarantined": 7}),
    DATA / "lnhpd_sunscreens_ca_2026.jsonl": ("lnhpd", 1265, {"created": 1265}),
    TESTS / "open_beauty_facts_2024.csv": ("obf", 569, {"created": 518, "quarantined": 51}),
}


def rows_in(path: Path) -> int:
    """The rows of a file, counted by other means than the shop's own reader."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            return sum(1 for line in file if json.loads(line))
        return sum(1 for _ in csv.DictReader(file))


def taken(path: Path, source: str) -> Report:
    with path.open("rb") as stream:
        return importing.run(stream, source, by=None, at=now(), name=path.name)


def test_every_report_adds_up_to_the_lines_of_its_file(app: Flask) -> None:
    for path, (source, rows, counts) in FILES.items():
        first, second = taken(path, source), taken(path, source)

        assert rows_in(path) == rows, path.name
        assert {name: count for name, count in first.counts.items() if count} == counts, path.name
        assert sum(first.counts.values()) == sum(second.counts.values()) == rows, path.name
        assert (second.counts["created"], second.counts["changed"]) == (0, 0), path.name
        assert len({row.row for row in first.rows}) == rows, path.name
        for row in first.rows:
            assert (row.outcome == "quarantined") == (row.raw is not None)
            if row.raw is not None:
                assert row.reasons
                assert all(": " in reason for reason in row.reasons), row.reasons


def an_approval(**given: str) -> dict[str, str]:
    row = {
        "appl_type": "NDA",
        "appl_no": "017579",
        "product_no": "002",
        "sponsor_name": "VALEANT INTL",
        "drug_name": "RETIN-A",
        "active_ingredient": "TRETINOIN",
        "dosage_form": "GEL",
        "route": "TOPICAL",
        "strength": "0.025%",
        "marketing_status": "Prescription",
    }
    return row | given


def _only_product() -> Product:
    db.session.flush()
    return db.session.scalars(sa.select(Product)).one()


def test_an_approval_is_kept_for_reference_and_never_sold(app: Flask) -> None:
    take(csv_of(an_approval()))

    product = _only_product()
    assert (product.source, product.source_key, product.legal_class) == (
        "drugsfda",
        "NDA017579-002",
        LegalClass.RX,
    )
    assert (product.finished, product.published_at, product.variants) == (False, None, [])
    assert [str(line.percent) for line in product.ingredients] == ["0.025"]
    with pytest.raises(NotPublishable, match="kept for reference"):
        publishing.publish(product, by=None, at=now())
    pack = editing.add_variant(product, sku="X-1", name="x", by=None, at=now())
    with pytest.raises(NotForSale, match="kept for reference"):
        editing.change_variant(pack, {"for_sale": True}, by=None, at=now())
    with pytest.raises(sa.exc.IntegrityError, match="is of an unfinished product"):
        with db.session.begin_nested():
            db.session.execute(sa.text("UPDATE variants SET for_sale = true"))
    product.publish(at=now())
    events.record(Kind.PRODUCT_PUBLISHED, product)
    with pytest.raises(sa.exc.IntegrityError, match="unfinished_is_never_published"):
        db.session.flush()


ODD_APPROVALS = {
    "marketing_status": ("Rumoured", "marketing_status: 'Rumoured' is not one of Prescription"),
    "appl_type": ("BTL", "appl_type: 'BTL' is not NDA, ANDA or BLA"),
    "appl_no": ("17579", "appl_no, product_no: should be six and three digits"),
    "active_ingredient": (" ; ", "active_ingredient: is empty"),
    "drug_name": ("", "drug_name: is empty"),
}


@pytest.mark.parametrize(("field", "odd"), ODD_APPROVALS.items())
def test_an_odd_approval_is_set_aside(field: str, odd: tuple[str, str]) -> None:
    with pytest.raises(Unfit) as unfit:
        drugsfda.approval(an_approval(**{field: odd[0]}))
    assert unfit.value.reasons[0].startswith(odd[1])


def test_what_is_discontinued_counts_as_prescription() -> None:
    filing = drugsfda.approval(an_approval(marketing_status="Discontinued"))
    assert (filing.legal_class, filing.finished) == (LegalClass.RX, False)


def test_strengths_that_cannot_be_told_apart_are_left_out() -> None:
    filing = drugsfda.approval(an_approval(active_ingredient="A; B", strength="1%"))
    assert [item.percent for item in filing.ingredients] == [None, None]
    assert "strength_not_told_apart: 1%" in filing.flags


def a_label(**given: str) -> dict[str, str]:
    row = dict.fromkeys(openfda.COLUMNS, "") | {
        "product_ndc": "67860-845",
        "product_type": "HUMAN OTC DRUG",
        "brand_name": "Isopropyl Alcohol",
        "manufacturer_name": "Cariba",
        "substance_names": "ISOPROPYL ALCOHOL; WATER",
        "package_ndcs_of_label": "67860-845-43;67860-846-43",
    }
    return row | given


def test_an_old_label_is_kept_for_reference_without_packs(app: Flask) -> None:
    take(csv_of(a_label()))

    product = _only_product()
    assert (product.source, product.finished, product.variants) == ("openfda", False, [])
    assert [line.name for line in product.ingredients] == ["ISOPROPYL ALCOHOL", "WATER"]


@pytest.mark.parametrize("kind", ["", "COSMETIC", "VACCINE"])
def test_a_label_of_another_kind_is_set_aside(kind: str) -> None:
    with pytest.raises(Unfit, match="product_type: "):
        openfda.product(a_label(product_type=kind))


def a_fact(**given: str) -> dict[str, str]:
    row = {
        "code": "4005808001231",
        "product_name": "Crème",
        "ingredients_text": "Aqua, Glycerin (plant, organic), 1,2-Hexanediol and Parfum.",
        "looks_like_skin_care": "yes",
    }
    return row | given


def test_a_fact_of_beauty_stays_in_its_own_table(app: Flask) -> None:
    report = take(csv_of(a_fact()), "obf")

    assert report.counts["created"] == 1
    fact = db.session.scalars(sa.select(BeautyFact)).one()
    assert fact.ingredients == ["Aqua", "Glycerin (plant, organic)", "1,2-Hexanediol", "Parfum"]
    assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 0
    assert "Crème" not in "".join(listing.written(queries.everything(), now()))


def test_a_changed_fact_is_changed(app: Flask) -> None:
    take(csv_of(a_fact()), "obf")

    assert take(csv_of(a_fact(product_name="Baume")), "obf").counts["changed"] == 1
    db.session.expire_all()
    assert db.session.scalars(sa.select(BeautyFact.name)).all() == ["Baume"]


CODES = {
    "4005808001231": "4005808001231",
    " 96385074 ": "96385074",
    "36000291452": "036000291452",  # a spreadsheet took the zero
    "4005808001232": "",
    "12": "",
    "x": "",
    "\uff14005808001231": "",  # a digit, but not one of ours
}


@pytest.mark.parametrize(("code", "kept"), CODES.items())
def test_a_bar_code_has_its_check_digit(code: str, kept: str) -> None:
    if kept:
        assert beauty.read(a_fact(code=code)).code == kept
    else:
        with pytest.raises(Unfit, match="is not a bar code"):
            beauty.read(a_fact(code=code))


def test_what_is_kept_for_reference_goes_out_and_comes_in_unchanged(app: Flask) -> None:
    take(csv_of(an_approval()))
    take(csv_of(a_label()))
    db.session.expire_all()

    text = "".join(listing.written(queries.everything(), now()))

    assert take(text.encode(), "csv").counts["unchanged"] == 2


def test_a_file_is_known_by_its_columns(app: Flask) -> None:
    assert take(csv_of(a_fact()), "csv").counts["created"] == 1


def test_no_reader_lets_a_reference_be_finished() -> None:
    filings: list[Filing] = [openfda.product(a_label()), drugsfda.approval(an_approval())]
    assert Counter(filing.finished for filing in filings) == {False: 2}
