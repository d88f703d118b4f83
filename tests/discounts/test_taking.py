"""An order at a discount: what it takes off, who may have it how often, and when it goes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.discounts import barring, ending, queries
from shop.discounts.models import Discount, DiscountUse
from shop.orders import cancelling, expiring
from shop.orders.errors import PriceChanged
from shop.orders.models import Order
from tests.builders import a_cream, a_product, a_variant
from tests.discounts.builders import AMOUNT, a_discount, a_serum
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, paid, placed
from tests.people import alice, bob, dr_chen, mona
from tests.prescriptions.builders import a_prescription


def uses_of(discount: Discount) -> list[tuple[int, int, int, bool]]:
    """Number, the client's number, cents, given back: in the order they were taken."""
    query = queries.uses(discount).order_by(DiscountUse.taken_at)
    rows = db.session.scalars(query.execution_options(populate_existing=True))
    return [(use.number, use.client_number, use.cents, use.returned) for use in rows]


def test_an_order_takes_a_use_and_its_lines_bear_the_discount(app: Flask) -> None:
    client, discount = alice(), a_discount(value=15)
    serum, tint = a_serum(cents=2400), a_serum(cents=999)

    order = placed(client, {serum: 2, tint: 1}, discount_code=discount.code.lower())

    # 15 % of 57.99 is 8.6985; the tax is 7.25 % of 49.29
    assert (order.subtotal_cents, order.discount_cents, order.tax_cents) == (5799, 870, 357)
    assert order.total_cents == 5799 - 870 + 695 + 357
    assert [line.discount_cents for line in order.lines] == [720, 150]
    assert sum(line.paid_cents for line in order.lines) == 5799 - 870 + 357
    assert uses_of(discount) == [(1, 1, 870, False)]
    assert order.discount_code == discount.code


def test_an_amount_takes_no_more_than_the_goods_cost(app: Flask) -> None:
    client, discount = alice(), a_discount(kind=AMOUNT, value=50_00)

    order = placed(client, {a_serum(cents=2400): 1}, discount_code=discount.code)

    assert (order.discount_cents, order.tax_cents, order.total_cents) == (2400, 0, 695)
    assert uses_of(discount) == [(1, 1, 2400, False)]


def test_free_shipping_looks_at_what_is_paid_for_the_goods(app: Flask) -> None:
    discount = a_discount(value=10)
    serum = a_serum(cents=105_00)

    assert placed(alice(), {serum: 1}).shipping_cents == 0
    assert placed(bob(), {serum: 1}, discount_code=discount.code).shipping_cents == 695


def test_what_a_physician_approved_is_not_discounted_and_counts_for_no_minimum(app: Flask) -> None:
    client, cream, serum = alice(), a_cream(), a_serum(cents=2400)
    a_lot(cream)
    a_prescription(client, cream, by=dr_chen())
    for lawful in (LegalClass.COSMETIC, LegalClass.OTC_DRUG):
        barring_free(lawful)
    discount = a_discount(value=50, least_cents=2400, classes=["cosmetic", "otc_drug"])

    order = placed(client, {cream: 1, serum: 1}, discount_code=discount.code)

    assert {line.sku: line.discount_cents for line in order.lines} == {
        cream.sku: 0,
        serum.sku: 1200,
    }
    assert order.discount_cents == 1200


def test_a_cosmetic_that_a_physician_must_approve_is_not_discounted(app: Flask) -> None:
    client = alice()
    peel = a_variant(a_product(LegalClass.COSMETIC, doctor_only=True))
    a_lot(peel)
    a_prescription(client, peel, by=dr_chen())
    discount = a_discount()

    refused(client, {peel: 1}, discount.code, "discount_applies_to_nothing")


def test_drugs_are_discounted_where_nobody_bars_it(app: Flask) -> None:
    """As it is shipped: barred everywhere, by a rule of the house."""
    client, sunscreen = alice(), a_variant(cents=2000)
    a_lot(sunscreen)
    discount = a_discount(classes=["otc_drug"], value=10)
    refused(client, {sunscreen: 1}, discount.code, "discount_applies_to_nothing")

    barring_free(LegalClass.OTC_DRUG)
    barring.bar(LegalClass.OTC_DRUG, "NV", source="House rule.", by=mona(), at=now())

    assert placed(client, {sunscreen: 1}, discount_code=discount.code).discount_cents == 200


def barring_free(kind: LegalClass) -> None:
    for bar in queries.bars():
        if bar.legal_class is kind:
            barring.lift(bar, by=mona(), at=now())
    db.session.commit()


def a_used_up(client: Any) -> Discount:
    discount = a_discount(most_uses=1)
    placed(bob(), {a_serum(): 1}, discount_code=discount.code)
    return discount


def used_by_her(client: Any) -> Discount:
    discount = a_discount()
    placed(client, {a_serum(): 1}, discount_code=discount.code)
    return discount


def withdrawn(client: Any) -> Discount:
    discount = a_discount()
    ending.end(discount, by=mona(), at=now())
    return discount


REFUSALS: dict[str, tuple[Callable[[Any], Discount], str]] = {
    "not yet": (
        lambda client: a_discount(valid_from=now() + timedelta(days=1)),
        "discount_not_yet",
    ),
    "withdrawn": (withdrawn, "discount_unknown"),
    "over": (lambda client: a_discount(valid_until=now() + timedelta(days=1)), "discount_over"),
    "used up": (a_used_up, "discount_used_up"),
    "used by her": (used_by_her, "discount_used_by_client"),
    "below its minimum": (
        lambda client: a_discount(least_cents=2401),
        "discount_below_minimum",
    ),
    "for other goods": (
        lambda client: a_discount(classes=[LegalClass.OTC_DRUG]),
        "discount_applies_to_nothing",
    ),
    "worth less than half a cent here": (
        lambda client: a_discount(value=1),
        "discount_applies_to_nothing",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_code_that_does_not_hold_is_refused_and_nothing_is_placed(app: Flask, case: str) -> None:
    make, code = REFUSALS[case]
    client = alice()
    discount = make(client)
    cents = 49 if case.startswith("worth") else 2400
    before = len(uses_of(discount))

    days = 2 if case == "over" else 0
    refused(client, {a_serum(cents=cents): 1}, discount.code, code, days=days)

    assert len(uses_of(discount)) == before


def refused(client: Any, wishes: Any, discount_code: str, code: str, *, days: int = 0) -> Refusal:
    """Placing is refused with this code, names the field, says a remedy, and does nothing."""
    placed_before = db.session.scalar(sa.select(sa.func.count()).select_from(Order))
    cart = a_cart(client, wishes)
    db.session.commit()
    with pytest.raises(Refusal) as met:
        placed(client, {}, cart=cart, discount_code=discount_code, days=days)
    db.session.rollback()
    assert met.value.code == code
    (said,) = met.value.fields["discount_code"]
    assert said.endswith("Leave it out, or use another.")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == placed_before
    return met.value


def test_a_withdrawn_code_and_one_that_never_was_are_told_alike(app: Flask) -> None:
    client, serum = alice(), a_serum()
    asked: list[list[str]] = []
    answers = []
    engine = db.session.get_bind()
    for code in (withdrawn(client).code, "NOBODY-HAS-THIS"):
        seen: list[str] = []
        cart = a_cart(client, {serum: 1})
        db.session.commit()

        def listen(_c: Any, _cu: Any, statement: str, *_: Any, seen: list[str] = seen) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", listen)
        try:
            with pytest.raises(Refusal) as met:
                placed(client, {}, cart=cart, discount_code=code)
        finally:
            sa.event.remove(engine, "before_cursor_execute", listen)
        db.session.rollback()
        answers.append((met.value.code, met.value.text, met.value.fields, met.value.facts))
        asked.append([text for text in seen if "discount" in text])

    assert answers[0] == answers[1]
    assert answers[0][0] == "discount_unknown"
    assert asked[0] == asked[1] != []


@pytest.mark.parametrize("end", ["cancelled", "expired", "cancelled when paid"])
def test_an_order_that_ends_gives_its_use_back_and_another_takes_its_number(
    app: Flask, end: str
) -> None:
    discount, serum = a_discount(most_uses=2), a_serum()
    first = (paid if end == "cancelled when paid" else placed)(
        alice(), {serum: 1}, discount_code=discount.code
    )
    second = placed(bob(), {serum: 1}, discount_code=discount.code)
    assert [use[:2] for use in uses_of(discount)] == [(1, 1), (2, 1)]
    refused(alice(), {serum: 1}, discount.code, "discount_used_up")

    if end == "expired":
        first.pay_by = now()
        expiring.expire(first, at=now())
    else:
        cancelling.cancel(first, reason="changed_mind", by=first.client, at=now())
    db.session.commit()
    placed(alice(), {serum: 1}, discount_code=discount.code)

    assert uses_of(discount) == [(1, 1, 240, True), (2, 1, 240, False), (1, 1, 240, False)]
    assert queries.given([discount.id])[discount.id] == (2, 480, 1)
    assert second.discount_cents == 240


def test_a_client_may_use_it_as_often_as_it_says(app: Flask) -> None:
    client, discount, serum = alice(), a_discount(most_per_client=2), a_serum()
    for _ in range(2):
        placed(client, {serum: 1}, discount_code=discount.code)

    met = refused(client, {serum: 1}, discount.code, "discount_used_by_client")

    assert met.facts == {"most": 2}
    assert [use[:2] for use in uses_of(discount)] == [(1, 1), (2, 2)]


def test_the_total_that_was_shown_protects_from_a_discount_that_changed(app: Flask) -> None:
    """The first code was ended and its words given to another discount, which takes off less."""
    client, serum, manager = alice(), a_serum(), mona()
    old = a_discount(value=50)
    shown = 1200 + 695 + 87
    ending.end(old, by=manager, at=now())
    a_discount(code=old.code, value=10)
    cart = a_cart(client, {serum: 1})
    db.session.commit()

    with pytest.raises(PriceChanged) as met:
        placed(client, {}, cart=cart, discount_code=old.code, expect_total_cents=shown)
    db.session.rollback()

    assert met.value.facts == {"expected_cents": shown, "total_cents": 2160 + 695 + 157}
    assert uses_of(old) == []
