"""Why a line of an order or a cart goes on, beside the rules it was placed under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.orders import cart as carts
from shop.orders import explaining, judging
from shop.orders.models import Order
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import QUESTIONS
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.catalog.rules import a_ruling, a_serum
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, leave, paid
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription

ACTIVE = "ZEPHYRINE"


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "bob": bob, "chen": dr_chen, "sam": sam, "mona": mona}
    return {name: somebody(make) for name, make in made.items()}


@contextmanager
def counted() -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def an_order(client: Person) -> Order:
    """A paid order of a cream under a prescription, and of a serum that is sold freely."""
    cream, serum = a_cream(), a_serum("2", ACTIVE)
    a_lot(cream, 9), a_lot(serum, 9)
    a_prescription(client, cream)
    order = paid(client, {cream: 1, serum: 1})
    db.session.commit()
    return order


def lines(told: Any) -> list[dict[str, Any]]:
    assert told.status_code == 200, told.json
    return list(told.json["lines"])


def test_each_line_says_what_was_asked_and_what_carried_it(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = an_order(cast["alice"]).number

    cream, serum = lines(Browser(app, cast["alice"]).get(f"/orders/{number}/explanation"))

    assert (cream["gate"]["decision"], serum["gate"]["decision"]) == ("open", "open")
    assert cream["placed_under"]["requires_prescription"] is True
    (carried,) = cream["gate"]["prescriptions"]
    assert carried["number"] == cream["placed_under"]["prescription"]
    assert carried["tests"][-1]["rule"] == "holds_no_live_fill"
    assert serum["placed_under"]["prescription"] is None
    assert serum["gate"]["prescriptions"] == []
    assert [one["outcome"] for one in serum["gate"]["questions"]] == ["passed"] * len(QUESTIONS)


def test_the_law_of_today_stands_beside_the_law_it_was_placed_under(
    app: Flask, cast: dict[str, Person]
) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    old = a_ruling(ACTIVE, LegalClass.OTC_DRUG, jurisdiction="US").number
    number = paid(cast["alice"], {pack: 1}).number
    new = a_ruling(ACTIVE, LegalClass.CLINIC_USE, jurisdiction="CA").number
    db.session.commit()

    (line,) = lines(Browser(app, cast["mona"]).get(f"/orders/{number}/explanation"))

    assert line["placed_under"]["law"]["rule"] == old
    assert line["placed_under"]["law"]["version"] == 1
    assert line["gate"]["law"]["rule"] == new
    assert (line["gate"]["decision"], line["gate"]["decided_by"]) == ("blocked", new)
    assert line["law_changed"] is True
    assert line["gate"]["law"]["source"] == "21 CFR 333.310"


def test_clients_and_staff_read_no_sources(app: Flask, cast: dict[str, Person]) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    a_ruling(ACTIVE, LegalClass.OTC_DRUG, jurisdiction="US")
    number = paid(cast["alice"], {pack: 1}).number

    for name in ("alice", "sam"):
        told = Browser(app, cast[name]).get(f"/orders/{number}/explanation")
        (line,) = lines(told)
        assert line["gate"]["law"]["jurisdiction"] == "US"
        assert "21 CFR" not in told.text
        assert "source" not in line["gate"]["questions"][0]


def test_who_reads_anothers_explanation_is_written_down(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = an_order(cast["alice"]).number
    Browser(app, cast["alice"]).get(f"/orders/{number}/explanation")
    assert db.session.scalars(sa.select(Access.record)).all() == []

    Browser(app, cast["mona"]).get(f"/orders/{number}/explanation")

    (access,) = db.session.scalars(sa.select(Access)).all()
    assert (access.record, access.purpose) == (f"explanation of order {number}", "operations")


def test_anothers_order_is_not_there(app: Flask, cast: dict[str, Person]) -> None:
    number = an_order(cast["alice"]).number

    assert Browser(app, cast["bob"]).get(f"/orders/{number}/explanation").status_code == 404
    assert Browser(app, cast["chen"]).get(f"/orders/{number}/explanation").status_code == 403
    assert db.session.scalars(sa.select(Access)).all() == []


def test_of_what_has_left_the_gate_is_not_asked_again(app: Flask) -> None:
    order = an_order(alice())
    leave(order)
    db.session.commit()

    told = explaining.of_order(order, at=now())

    assert [one.gate for one in told.lines] == [None, None]
    assert not any(one.law_changed for one in told.lines)


def test_a_cart_is_explained_as_it_is_answered(app: Flask, cast: dict[str, Person]) -> None:
    cream, soap = a_cream(), a_variant()
    a_lot(soap, 9), a_lot(cream, 9)
    a_cart(cast["alice"], {cream: 1, soap: 1})
    answered = {
        one.line.variant.sku: one.decision.answer.value
        for one in carts.answered(carts.cart_of(cast["alice"]), at=now())
    }
    db.session.commit()

    told = lines(Browser(app, cast["alice"]).get("/cart/explanation"))

    assert {one["sku"]: one["gate"]["decision"] for one in told} == answered
    assert set(answered.values()) == {"needs_request", "open"}
    assert lines(Browser(app, cast["bob"]).get("/cart/explanation")) == []


def test_nobody_who_does_not_ask_why_pays_for_it(app: Flask) -> None:
    """The plain answer and the explained one take the same statements, as before."""
    order = an_order(alice())
    wishes = judging.wishes(order.lines)
    given: dict[str, Any] = {"ship_to_state": "CA", "at": now(), "stage": Stage.SHIP}
    with counted() as plain:
        asking.ask(order.client, wishes, **given)
    with counted() as explained:
        asking.explain(order.client, wishes, **given)

    assert len(plain) == len(explained) == 8
