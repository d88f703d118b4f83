"""The shipped dictionary in a database of its own, committed, and a register matched against it."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from flask import Flask

from shop.catalog import dictionary
from shop.catalog.models import FILED, Ingredient, IngredientName, ProductIngredient, Way
from shop.core.db import act_as, db
from tests.catalog.rows import take_file

NOTHING_NEW = {"substances": 0, "names": 0, "matched": 0}


def test_it_is_loaded_once_and_a_whole_register_is_matched(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        first = dictionary.load()
        db.session.commit()
        second = dictionary.load()
        report = take_file("lnhpd_sunscreens_ca_2026.jsonl", "lnhpd")
        db.session.commit()
        third = dictionary.load()
        lines = _lines()
        tretinoin = _meant("VITAMIN A ACID")

    assert first["substances"] > 24_000
    assert first["names"] > 25_000
    assert second == third == NOTHING_NEW
    assert report.counts["created"] == 1265
    assert tretinoin == ("TRETINOIN", Way.SYNONYM)
    assert lines[Way.NONE] / lines.total() <= 0.03
    assert lines.total() > 37_000


def _lines() -> Counter[Way]:
    """How many lines of products were matched each way."""
    query = (
        sa.select(IngredientName.way, sa.func.count())
        .join(ProductIngredient, ProductIngredient.name_id == IngredientName.id)
        .group_by(IngredientName.way)
    )
    return Counter(dict(db.session.execute(query).all()))


def _meant(name: str) -> tuple[str, Way]:
    query = (
        sa.select(Ingredient.inci_name, IngredientName.way)
        .join(IngredientName.ingredient)
        .where(IngredientName.name == name, IngredientName.source != FILED)
    )
    inci_name, way = db.session.execute(query).one()
    return inci_name, way
