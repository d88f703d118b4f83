"""The pages that say why, to each in her words."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import gate, holding
from tests.accounts.test_api import somebody
from tests.builders import a_cream
from tests.catalog.rules import a_ruling, a_serum
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, paid
from tests.people import a_browser, alice, bob, dr_chen, mona
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import asked
from tests.prescriptions.test_explaining import USES, a_signature, retinoid


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "bob": bob, "chen": dr_chen, "mona": mona}
    return {name: somebody(make) for name, make in made.items()}


def shown(app: Flask, person: Person, path: str) -> str:
    answer = a_browser(app, person).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def records() -> list[str]:
    return list(db.session.scalars(sa.select(Access.record).order_by(Access.at)))


def test_a_prescription_says_why_to_both(app: Flask, cast: dict[str, Person]) -> None:
    number = a_signature(cast["alice"], cast["chen"], retinoid()).number
    path = f"/prescriptions/{number}/why"

    hers = shown(app, cast["alice"], path)
    assert "Is a fill left?" in hers
    assert "In force today" in hers
    assert "SC-" not in hers
    assert "She stops on Sunday." not in hers
    assert records() == []

    theirs = shown(app, cast["chen"], path)
    assert "Signed all the same: She stops on Sunday." in theirs
    assert "SC-RETINOID-TWICE" in theirs or "SC-RETINOID-ELSEWHERE" in theirs
    assert f"edition {gate.EDITION}" in theirs
    assert records() == [f"explanation of prescription {number}"]
    assert f'href="{path}"' in shown(app, cast["alice"], f"/prescriptions/{number}")


def test_what_stops_it_is_said(app: Flask, cast: dict[str, Person]) -> None:
    one = a_prescription(cast["alice"], by=cast["chen"])
    holding.hold(one, reason="A rash.", by=cast["chen"], at=now())
    number = one.number
    db.session.commit()

    page = shown(app, cast["alice"], f"/prescriptions/{number}/why")

    assert "Does not cover it" in page
    assert "has put this on hold" in page


def test_a_request_says_how_it_stands(app: Flask, cast: dict[str, Person]) -> None:
    number = asked(cast["alice"], retinoid(), **USES).number
    db.session.commit()

    hers = shown(app, cast["alice"], f"/requests/{number}/why")
    theirs = shown(app, cast["chen"], f"/review/{number}/why")

    assert "It waits for a physician." in hers
    assert "SC-" not in hers
    assert "SC-RETINOID" in theirs
    assert records() == [f"explanation of approval_request {number}"]
    assert f'href="/requests/{number}/why"' in shown(app, cast["alice"], f"/requests/{number}")
    assert f'href="/review/{number}/why"' in shown(app, cast["chen"], f"/review/{number}")


def test_an_order_shows_the_law_of_then_and_of_now(app: Flask, cast: dict[str, Person]) -> None:
    pack = a_serum("2", "ZEPHYRINE")
    a_lot(pack, 9)
    old = a_ruling("ZEPHYRINE", LegalClass.OTC_DRUG, jurisdiction="US").number
    number = paid(cast["alice"], {pack: 1}).number
    new = a_ruling("ZEPHYRINE", LegalClass.CLINIC_USE, jurisdiction="CA").number
    db.session.commit()

    hers = shown(app, cast["alice"], f"/orders/{number}/why")
    theirs = shown(app, cast["mona"], f"/orders/{number}/why")

    for page in (hers, theirs):
        assert old in page
        assert new in page
        assert "The law over it is another one since" in page
    assert "21 CFR 333.310" in theirs
    assert "21 CFR 333.310" not in hers
    assert records() == [f"explanation of order {number}"]
    assert f'href="/orders/{number}/why"' in shown(app, cast["alice"], f"/orders/{number}")


def test_a_cart_says_why(app: Flask, cast: dict[str, Person]) -> None:
    cream = a_cream()
    a_lot(cream, 9)
    a_cart(cast["alice"], {cream: 1})
    db.session.commit()

    page = shown(app, cast["alice"], "/cart/why")

    assert "Tretinoin Cream 0.025 %" in page
    assert "A physician approves this first." in page
    assert 'href="/cart/why"' in shown(app, cast["alice"], "/cart")
    assert "Nothing is in your cart yet." in shown(app, cast["bob"], "/cart/why")


def test_what_is_not_yours_is_not_there(app: Flask, cast: dict[str, Person]) -> None:
    signed = a_prescription(cast["alice"], by=cast["chen"])
    number, request = signed.number, signed.request.number
    pack = a_serum()
    a_lot(pack, 9)
    order = paid(cast["alice"], {pack: 1}).number
    db.session.commit()
    browser = a_browser(app, cast["bob"])

    for path in (f"/prescriptions/{number}", f"/requests/{request}", f"/orders/{order}"):
        assert browser.get(f"{path}/why").status_code == 404
    assert records() == []
