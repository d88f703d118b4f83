"""The dictionary in the database: loading, matching what is filed, and what people resolve."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog import dictionary, editing, publishing, queries, resolving
from shop.catalog.dictionary import Files, Substance
from shop.catalog.editing import BadProduct
from shop.catalog.errors import NotFiled
from shop.catalog.models import (
    ActiveClass,
    Ingredient,
    IngredientName,
    LegalClass,
    Pregnancy,
    Product,
    ProductIngredient,
    Way,
)
from shop.catalog.plausible import _RANGES, PRESCRIPTION_ONLY
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.storefront import index, searching
from shop.storefront.searching import Wanted
from tests import people
from tests.builders import a_variant
from tests.catalog.dictionaries import SMALL, said
from tests.catalog.rows import a_licence, an_ndc_row, csv_of, lines_of, take
from tests.storefront.test_shop import Caller, somebody


def a_name(name: str) -> IngredientName:
    return db.session.scalars(sa.select(IngredientName).where(IngredientName.name == name)).one()


def meant(name: str) -> tuple[str | None, Way]:
    found = a_name(name)
    return found.ingredient.inci_name if found.ingredient else None, found.way


@pytest.fixture
def sam(app: Flask) -> Person:
    return people.sam()


def as_themselves(person: Person) -> Person:
    db.session.flush()
    act_as(f"person:{person.id}")
    return person


# --- the shipped files ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Files:
    return dictionary.files()


def test_the_shipped_files_give_what_they_hold(shipped: Files) -> None:
    assert sum(one.source == "cosing" for one in shipped.substances.values()) > 20_800
    assert sum(one.unii is not None for one in shipped.substances.values()) > 140
    assert all(name in shipped.names for name in shipped.substances)
    assert {inci for inci, _ in shipped.names.values()} == set(shipped.substances)


FACTS = {
    "a drug by its acid's names": (
        "TRETINOIN",
        ActiveClass.RETINOID,
        Pregnancy.AVOID,
        ["302-79-4"],
    ),
    "a filter by FDA's name": (
        "BUTYL METHOXYDIBENZOYLMETHANE",
        ActiveClass.UV_FILTER,
        Pregnancy.CAUTION,
        ["70356-09-1"],
    ),
    "an acid": ("GLYCOLIC ACID", ActiveClass.AHA, Pregnancy.SAFE, ["79-14-1"]),
    "a bleach": ("HYDROQUINONE", ActiveClass.HYDROQUINONE, Pregnancy.AVOID, ["123-31-9"]),
    "nothing known": ("PALMITOYL HEXAPEPTIDE-12", None, None, None),
}


@pytest.mark.parametrize(
    ("inci_name", "active_class", "pregnancy", "cas"), FACTS.values(), ids=FACTS
)
def test_facts_come_together(
    shipped: Files,
    inci_name: str,
    active_class: ActiveClass | None,
    pregnancy: Pregnancy | None,
    cas: list[str] | None,
) -> None:
    found = shipped.substances[inci_name]

    assert (found.active_class, found.pregnancy) == (active_class, pregnancy)
    if cas is not None:
        assert set(cas) <= set(found.cas_numbers)


def test_where_an_acid_works_is_known(shipped: Files) -> None:
    found = shipped.substances["GLYCOLIC ACID"]
    assert (found.ph_low, found.ph_high) == (Decimal("3.0"), Decimal("4.0"))


def test_every_rule_about_an_active_names_a_substance_of_the_dictionary(shipped: Files) -> None:
    assert shipped.substances.keys() >= PRESCRIPTION_ONLY
    assert _RANGES.keys() <= shipped.substances.keys()


# --- loading and matching ------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_an_import_matches_the_names_it_brings() -> None:
    take(lines_of(a_licence(inactives=["Purified Aqua", "Glycerol*", "Aqua", "Foo wax"])), "lnhpd")

    assert meant("GLYCEROL*") == ("GLYCERIN", Way.SYNONYM)
    assert meant("ZINC OXIDE") == ("ZINC OXIDE", Way.INCI)
    assert meant("FOO WAX") == (None, Way.NONE)
    assert a_name("GLYCEROL*").confidence == 1
    line = db.session.scalars(
        sa.select(ProductIngredient).where(ProductIngredient.raw == "Glycerol*")
    ).one()
    assert line.ingredient is not None
    assert line.ingredient.inci_name == "GLYCERIN"


@pytest.mark.usefixtures("small")
def test_names_are_matched_when_the_dictionary_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    take(lines_of(a_licence(inactives=["Foo wax", "Fooo-wax"])), "lnhpd")
    monkeypatch.setattr(dictionary, "files", lambda: said(**{"FOO WAX": []}))

    counts = dictionary.load()

    assert counts == {"substances": 1, "names": 1, "matched": 0}
    assert meant("FOO WAX") == ("FOO WAX", Way.INCI)
    assert a_name("FOO WAX").source == "cosing"
    assert dictionary.load() == {"substances": 0, "names": 0, "matched": 0}


@pytest.mark.usefixtures("small")
def test_a_substance_that_is_known_better_is_brought_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    better = said()
    better.substances["GLYCERIN"] = Substance("GLYCERIN", "cosing", unii="PDC6A3C0OX")
    monkeypatch.setattr(dictionary, "files", lambda: better)

    assert dictionary.load() == {"substances": 1, "names": 0, "matched": 0}
    assert queries.ingredient("glycerol").unii == "PDC6A3C0OX"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["Tretinoin", "Vitamin A acid", "retinoic acid (0.05 %)"])
def test_a_drug_is_no_cosmetic_whatever_it_is_called(name: str) -> None:
    with pytest.raises(BadProduct) as refused:
        editing.create(
            key="night",
            name="Night Cream",
            brand="Spa",
            legal_class=LegalClass.COSMETIC,
            ingredients=[(name, True, "")],
            by=None,
            at=now(),
        )

    assert "prescription only" in str(refused.value.fields)
    assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 0


@pytest.mark.usefixtures("small")
def test_an_odd_strength_is_seen_under_another_name_too() -> None:
    row = an_ndc_row(active_ingredients="RETINOIC ACID 50 mg/g")

    take(csv_of(row))
    again = take(csv_of(row))

    product = db.session.scalars(sa.select(Product)).one()
    assert product.flags[0] == (
        "implausible_strength: RETINOIC ACID 50 mg/g is 5 %, expected 0.01 to 0.1 %"
    )
    assert again.counts["unchanged"] == 1


# --- resolving -----------------------------------------------------------------------------------


def _found(q: str) -> list[str]:
    db.session.commit()  # what is searched is written when a transaction commits
    at, version = index.opened()
    found = searching.search(Wanted(q=q), version=version, at=at, today=at.date())
    return [db.session.get_one(Product, product).name for _, product in searching.hits(found, None)]


@pytest.mark.usefixtures("small")
def test_a_resolution_is_remembered_and_found(sam: Person) -> None:
    take(lines_of(a_licence(inactives=["Foo wax"])), "lnhpd")
    product = db.session.scalars(sa.select(Product)).one()
    a_variant(product)
    publishing.publish(product, by=None, at=now())
    assert _found("glycerin") == []
    name = a_name("FOO WAX")

    resolving.resolve(name, queries.ingredient("glycerol"), by=as_themselves(sam), at=now())

    assert _found("glycerin") == [product.name]
    assert (name.way, name.resolved_by_id) == (Way.RESOLVED, sam.id)
    assert name.resolved_at is not None
    (event,) = events.of(name.id)
    assert (event.kind, event.facts["ingredient"]) == ("name_resolved", "GLYCERIN")
    take(lines_of(a_licence(npn="80000002", inactives=["FOO  WAX", "Foo wax*"])), "lnhpd")
    assert meant("FOO WAX") == ("GLYCERIN", Way.RESOLVED)
    assert meant("FOO WAX*")[0] == "GLYCERIN"


@pytest.mark.usefixtures("small")
def test_no_dictionary_takes_a_resolution_back(
    sam: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(lines_of(a_licence(inactives=["Foo wax", "Scribble"])), "lnhpd")
    by = as_themselves(sam)
    resolving.resolve(a_name("FOO WAX"), queries.ingredient("WATER"), by=by, at=now())
    resolving.resolve(a_name("SCRIBBLE"), None, by=by, at=now())
    act_as("system:test")
    monkeypatch.setattr(dictionary, "files", lambda: said(**{"FOO WAX": ["SCRIBBLE"]}))

    dictionary.load()

    assert meant("FOO WAX") == ("WATER", Way.RESOLVED)
    assert meant("SCRIBBLE") == (None, Way.RESOLVED)


@pytest.mark.usefixtures("small")
def test_what_the_dictionary_says_is_not_resolved(sam: Person) -> None:
    by = as_themselves(sam)

    with pytest.raises(NotFiled):
        resolving.resolve(a_name("GLYCEROL"), queries.ingredient("WATER"), by=by, at=now())

    assert meant("GLYCEROL") == ("GLYCERIN", Way.SYNONYM)
    assert events.of(a_name("GLYCEROL").id) == []


@pytest.fixture
def filed(small: None) -> None:
    """Two products; both have foo wax, one has bar gum and salicylic acid misspelt."""
    take(
        lines_of(
            a_licence(inactives=["Foo wax", "Bar gum", "Salicilic acids of willow"]),
            a_licence(npn="80000002", inactives=["Foo wax", "Glycerol*"]),
        ),
        "lnhpd",
    )
    db.session.commit()


@pytest.mark.usefixtures("filed")
def test_staff_see_what_is_not_matched_the_most_frequent_first(app: Flask) -> None:
    staff = Caller(app, somebody(people.sam))

    first = staff.get("/ingredient-names?matched=false&limit=1").json
    rest = staff.get(f"/ingredient-names?matched=false&after={first['next']}").json

    assert [(one["name"], one["products"]) for one in first["items"]] == [("FOO WAX", 2)]
    assert {(one["name"], one["products"]) for one in rest["items"]} == {
        ("BAR GUM", 1),
        ("SALICILIC ACIDS OF WILLOW", 1),
    }
    assert rest["next"] is None
    (willow,) = (one for one in rest["items"] if "WILLOW" in one["name"])
    assert willow["nearest"][0] == "SALICYLIC ACID"
    assert {one["name"] for one in staff.get("/ingredient-names?matched=true").json["items"]} == {
        "GLYCEROL*"
    }


@pytest.mark.usefixtures("filed")
def test_staff_resolve_a_name_over_http(app: Flask) -> None:
    staff = Caller(app, somebody(people.sam))
    name_id = a_name("FOO WAX").id

    answer = staff.call(
        "PUT", f"/ingredient-names/{name_id}/resolution", {"ingredient": "glycerol"}
    )

    assert answer.status_code == 200, answer.json
    assert (answer.json["ingredient"], answer.json["way"]) == ("GLYCERIN", "resolved")
    assert answer.json["products"] == 2
    assert "FOO WAX" not in json.dumps(staff.get("/ingredient-names?matched=false").json)


WRONG = {
    "no such substance": ({"ingredient": "unobtainium"}, 422),
    "nothing said": ({}, 422),
    "a number": ({"ingredient": 7}, 422),
}


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize(("body", "status"), WRONG.values(), ids=WRONG.keys())
def test_a_resolution_that_cannot_be_changes_nothing(
    app: Flask, body: dict[str, object], status: int
) -> None:
    staff = Caller(app, somebody(people.sam))
    name_id = a_name("FOO WAX").id

    answer = staff.call("PUT", f"/ingredient-names/{name_id}/resolution", body)

    assert answer.status_code == status
    assert "ingredient" in answer.json["errors"]
    assert meant("FOO WAX") == (None, Way.NONE)


@pytest.mark.usefixtures("filed")
def test_a_name_that_is_not_there(app: Flask) -> None:
    staff = Caller(app, somebody(people.sam))
    path = f"/ingredient-names/{uuid.uuid4()}/resolution"
    assert staff.call("PUT", path, {"ingredient": None}).status_code == 404


@pytest.mark.usefixtures("filed")
def test_an_ingredient_that_is_no_name_of_the_dictionary_is_not_found_by_a_filed_one() -> None:
    assert db.session.scalar(sa.select(sa.func.count(Ingredient.id))) == len(SMALL)
    with pytest.raises(Exception, match="no such substance"):
        queries.ingredient("GLYCEROL*")
