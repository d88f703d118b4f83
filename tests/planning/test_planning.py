"""What to order, what will not sell, what lies dead: read from the rows."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa

from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import stock
from shop.inventory.states import LotStatus
from shop.planning import forecasting, queries, setting
from shop.planning.forecasting import Demand, Policy
from shop.planning.queries import Outlook
from shop.prescriptions import requesting
from tests.builders import a_cream, a_variant
from tests.inventory.clinics import a_clinic, a_transfer
from tests.inventory.lots import a_lot, today
from tests.orders.things import leave
from tests.people import alice, bob, mona
from tests.prescriptions.builders import a_prescription, a_request
from tests.replenishment.builders import a_charged_refill, a_noticed_refill, handed_out

pytestmark = pytest.mark.usefixtures("app")


def outlook(variant: Variant) -> Outlook:
    found = queries.outlooks(today=today(), at=now())
    return next(one for one in found if one.variant is variant)


def test_what_left_what_is_promised_and_what_may_be_sold() -> None:
    soap = a_variant()
    a_lot(soap, 20)
    a_lot(soap, 5, days=6)  # too near its end
    a_lot(soap, 7, status=LotStatus.QUARANTINE)
    handed_out(alice(), soap, 3)
    stock.reserve([(soap.id, 4)], today=today())
    found = outlook(soap)
    assert (found.on_hand, found.reserved, found.need.free) == (29, 4, 13)
    assert found.demand == Demand(left=3)
    assert found.need.reorder_point == 1  # 3 in 90 days is 0.7 in 21
    assert found.days_left == 13 * 30


def test_a_refill_that_is_due_raises_the_reorder_point() -> None:
    refill = a_noticed_refill()  # one left today, the next is due in a week
    db.session.commit()
    found = outlook(refill.variant)
    assert (found.demand.left, found.demand.due) == (1, 1)
    assert found.need.reorder_point == 2


def test_a_refill_that_left_is_counted_as_one() -> None:
    refill = a_charged_refill()
    assert refill.cycles[0].order is not None
    leave(refill.cycles[0].order)
    found = outlook(refill.variant)
    assert (found.demand.left, found.demand.refilled) == (1, 1)


def test_an_open_request_counts_as_far_as_such_requests_are_approved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecasting, "FEWEST_DECIDED", 2)
    cream, client = a_cream(), alice()
    a_lot(cream, 1)
    a_request(bob(state="CA"), cream)
    assert outlook(cream).demand == Demand(asked=1)
    a_prescription(alice(), cream)
    assert outlook(cream).demand.approval == 1  # one says too little
    requesting.withdraw(a_request(client, cream), by=client, at=now())
    found = outlook(cream)
    assert found.demand == Demand(asked=1, approval=Fraction(1, 2))
    assert found.need.reorder_point == 1


def test_what_lies_in_another_clinic_or_on_the_way_there_is_not_free() -> None:
    soap, (site, _shelf) = a_variant(), a_clinic()
    a_transfer(a_lot(soap, 10), 6, site)
    found = outlook(soap)
    assert (found.on_hand, found.need.free) == (10, 4)


def test_the_manager_says_how_long_deliveries_take() -> None:
    soap = a_variant()
    a_lot(soap, 50)
    handed_out(alice(), soap, 9)
    for lead, safety in ((20, 10), (50, 40)):
        setting.set_policy(soap, lead_days=lead, safety_days=safety, by=mona(), at=now())
        db.session.commit()
        found = outlook(soap)
        assert found.policy == Policy(lead, safety)
        assert found.need.reorder_point == (lead + safety) // 10
    told = [event.facts for event in events.of(soap.id) if event.kind == "stock_policy_set"]
    assert told == [
        {"lead_days": 20, "safety_days": 10},
        {"lead_days": 50, "safety_days": 40},
    ]


def test_lots_near_their_end_say_what_will_be_left_of_them_and_what_that_is_worth() -> None:
    soap = a_variant(cents=1_500)
    handed_out_lot = a_lot(soap, 9, days=900)
    handed_out(alice(), soap, 9)  # one in ten days
    soon = a_lot(soap, 5, days=26)  # sold for 20 days from today
    expired = a_lot(soap, 2, days=-1)
    a_lot(soap, 8, days=700)
    found = {one.lot.id: one for one in queries.at_risk(days=60, today=today(), at=now())}
    assert list(found) == [expired.id, soon.id]
    assert (found[soon.id].unsold, found[expired.id].unsold) == (3, 2)
    assert found[soon.id].price_cents == 3 * 1_500
    assert found[soon.id].cost_cents is None
    assert handed_out_lot.on_hand == 0


def test_dead_is_what_neither_left_nor_came() -> None:
    soap, serum, gone = a_variant(), a_variant(), a_variant()
    for variant in (soap, serum):
        a_lot(variant, 5)
    a_lot(gone, 0)
    handed_out(alice(), soap)
    later = now() + timedelta(days=181)
    assert queries.dead(days=180, at=now()) == []
    assert {one.variant.sku for one in queries.dead(days=180, at=later)} == {soap.sku, serum.sku}
    fresh = now() + timedelta(days=179)
    assert queries.dead(days=180, at=fresh) == []


def test_however_many_variants_there_are_it_takes_as_many_statements() -> None:
    for _ in range(3):
        a_lot(a_variant(), 5)
    counted: list[str] = []

    def count(_c: object, _cur: object, statement: str, *_more: object) -> None:
        counted.append(statement)

    db.session.commit()
    day, at, engine = today(), now(), db.engine
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        queries.outlooks(today=day, at=at)
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert len(counted) == 9
