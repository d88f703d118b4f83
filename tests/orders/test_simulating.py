"""What a rule would change is known before anybody activates it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import LegalClass, LegalClassRule
from shop.core.clock import now
from shop.core.db import db
from shop.orders import simulating
from shop.orders.simulating import Change, Simulation, Sold
from tests.benchmarks.test_statements import a_token
from tests.catalog.rules import a_ruling, a_serum, today
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, paid, placed
from tests.people import alice, bob, mona

ACTIVE = "ZEPHYRINE"


def simulated(*, jurisdiction: str = "CA", number: str | None = None, **says: Any) -> Simulation:
    told = {"active": ACTIVE, "legal_class": LegalClass.RX} | says
    return simulating.simulate(
        told, jurisdiction=jurisdiction, valid_from=today(), number=number, at=now()
    )


def test_it_names_products_carts_and_open_orders_of_the_state(app: Flask) -> None:
    pack, other = a_serum("2", ACTIVE), a_serum("9", ACTIVE)
    a_lot(pack, 9), a_lot(other, 9)
    order = placed(alice(), {pack: 1})
    paid(alice(), {other: 1})  # of another strength
    a_cart(alice(), {pack: 1})
    a_cart(bob(), {pack: 1})  # in another state

    found = simulated(percents="[1,3]")

    def change(about: str) -> Change:
        return Change(about, "CA", Sold.FREELY, Sold.BY_PRESCRIPTION)

    assert found.products == [change(pack.product.slug)]
    assert found.carts == [change(pack.sku)]
    assert found.orders == [change(order.number)]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LegalClassRule)) == 0


def test_the_country_is_told_of_with_the_states_that_have_rules_of_their_own(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_ruling(ACTIVE, LegalClass.CLINIC_USE, jurisdiction="TX")
    a_ruling(ACTIVE, LegalClass.OTC_DRUG, jurisdiction="NV")

    found = simulated(jurisdiction="US")

    assert {(one.state, one.after) for one in found.products} == {
        ("US", Sold.BY_PRESCRIPTION),
        ("NV", Sold.BY_PRESCRIPTION),
    }
    assert pack.product.slug == found.products[0].about


def test_a_version_is_compared_with_the_one_it_would_replace(app: Flask) -> None:
    narrow, wide = a_serum("2", ACTIVE), a_serum("9", ACTIVE)
    rule = a_ruling(ACTIVE, jurisdiction="CA")

    found = simulated(number=rule.number, percents="[1,3]")

    assert found.products == [Change(wide.product.slug, "CA", Sold.BY_PRESCRIPTION, Sold.FREELY)]
    assert narrow.product.slug != wide.product.slug


def test_it_agrees_with_the_gate(app: Flask) -> None:
    """What was foreseen is what the view says once the rule holds."""
    packs = [a_serum(percent, ACTIVE, dosage_form=form) for percent, form in CASES]
    foreseen = {one.about for one in simulated(percents="(2,)", dosage_form="gel").products}

    a_ruling(ACTIVE, jurisdiction="CA", percents="(2,)", dosage_form="gel")

    ruled = db.session.execute(sa.text("SELECT product_id FROM rulings")).scalars().all()
    assert foreseen == {pack.product.slug for pack in packs if pack.product_id in ruled}
    assert len(foreseen) == 3


CASES = (("3", "GEL"), ("2", "GEL"), ("3", "CREAM"), (None, "GEL, METERED"), ("3", ""), ("1", ""))


def test_over_http(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    token, slug = a_token(mona()), pack.product.slug
    db.session.commit()
    body = {
        "kind": "legal_class",
        "jurisdiction": "CA",
        "valid_from": today().isoformat(),
        "source": "x",
        "grade": "U",
        "review_by": today().isoformat(),
        "active": ACTIVE,
        "legal_class": "clinic_use",
    }
    headers = {"Authorization": f"Bearer {token}"}

    answer = app.test_client().post("/api/v1/rules/simulation", json=body, headers=headers)

    assert answer.status_code == 200, answer.json
    assert answer.json["products"] == {
        "count": 1,
        "first": [{"about": slug, "state": "CA", "before": "freely", "after": "not"}],
    }
    policy = {name: body[name] for name in body if name != "active"}
    policy |= {"kind": "visibility", "visibility": "open"}
    refused = app.test_client().post("/api/v1/rules/simulation", json=policy, headers=headers)
    assert refused.status_code == 422
