"""Concerns and skin types: what the table says, what managers set, what PostgreSQL refuses."""

from __future__ import annotations

import io
import json

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import editing, importing
from shop.catalog.concerns import Concern, SkinType, derived
from shop.catalog.models import LegalClass, Product
from shop.core.clock import now
from shop.core.db import db
from shop.demo.story import DATA
from tests.builders import a_product
from tests.catalog.rows import an_ndc_row, csv_of

CASES = {
    "an active": ("Cream 4 %", "", ["HYDROQUINONE"], {"melasma", "hyperpigmentation"}),
    "a filed purpose": ("Day Fluid", "SPF 30. Helps prevent sunburn.", [], {"sun_protection"}),
    "a word of the name": ("Under Eye Concealer", "", [], {"dark_circles"}),
    "none of them": ("Powder", "", ["TALC"], set()),
    "only whole words": ("Spackle Unscarfed", "", [], set()),
}


@pytest.mark.parametrize(("name", "purposes", "actives", "expected"), CASES.values(), ids=CASES)
def test_uses_follow_from(name: str, purposes: str, actives: list[str], expected: set[str]) -> None:
    uses = derived(name=name, purposes=purposes, actives=actives)

    assert expected <= set(uses.concerns)
    assert bool(uses.concerns) == bool(expected)


def test_the_table_knows_only_words_of_the_vocabularies_and_uses_all() -> None:
    table = json.loads((DATA / "concerns.json").read_text())
    groups = table["actives"] + table["words"]

    assert {word for group in groups for word in group.get("concerns", [])} == set(Concern)
    assert {word for group in groups for word in group.get("skin_types", [])} == set(SkinType)


def test_an_import_begins_with_them_and_leaves_what_a_manager_set(app: Flask) -> None:
    file = csv_of(an_ndc_row(active_ingredients="TRETINOIN .25 mg/g"))
    importing.run(io.BytesIO(file), "ndc", by=None, at=now())
    product = db.session.scalars(sa.select(Product)).one()
    assert "acne" in product.concerns

    editing.change_product(product, {"concerns": ["scarring"]}, by=None, at=now())
    importing.run(io.BytesIO(file), "ndc", by=None, at=now())

    assert product.concerns == ["scarring"]


def test_what_is_entered_by_hand_has_what_was_said_or_what_follows(app: Flask) -> None:
    told = {"brand": "Luminescence", "legal_class": LegalClass.COSMETIC, "by": None, "at": now()}

    silent = editing.create(key="a", name="Calming Gel", **told)
    said = editing.create(key="b", name="Calming Gel", concerns=[], skin_types=["dry"], **told)

    assert silent.concerns == ["redness"]
    assert (said.concerns, said.skin_types) == ([], ["dry"])


@pytest.mark.parametrize("column", ["concerns", "skin_types"])
def test_no_other_word_can_be_kept(app: Flask, column: str) -> None:
    product = a_product()

    setattr(product, column, ["boredom"])

    with pytest.raises(sa.exc.IntegrityError) as refused:
        db.session.flush()

    assert isinstance(refused.value.orig, psycopg.errors.CheckViolation)
