"""Something new is known of a client's health after a prescription was signed: nothing leaves."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Allergy, Fact, Fitzpatrick, Phototype
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.notifications.models import Letter, Template
from shop.orders import jobs, queries, rechecking, revoking, shipping
from shop.orders.errors import NothingToShip
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import holding
from shop.prescriptions.errors import NewsNotReviewed, TermsRefused
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import HeldFor, PrescriptionStatus
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.orders.things import history, paid, placed, shelf
from tests.people import alice, dr_chen, sam
from tests.prescriptions.builders import a_prescription

ACTIVE, ON_HOLD = PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD
NEWS = Allergy("the blue plaster of my aunt")  # a soft stop for every product: SC-ALLERGY-TEXT


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def say(client: Person, fact: Fact = NEWS) -> None:
    with rechecking.following(client, at=now()):
        charting.state(client, fact, by=client, at=now())
    db.session.commit()


def resume(one: Prescription, by: Person, reason: str = "She uses it on her legs only.") -> None:
    rechecking.resume(one, reason=reason, by=by, at=now())
    db.session.commit()


def ship(order: Order) -> None:
    again = queries.locked_order(order.id)
    shipping.ship(again, skus=None, carrier="UPS", tracking="1", by=sam(), at=now())


def status(order: Order) -> LineStatus:
    return queries.locked_order(order.id).lines[0].status


def test_news_holds_a_paid_order_until_a_physician_has_looked() -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    lot = a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})

    say(client)

    assert (one.status, one.held_for, one.held_by_id) == (ON_HOLD, HeldFor.HEALTH_NEWS, None)
    assert status(order) is LineStatus.ON_HOLD
    assert history(order)[-1] == "order_held"
    with pytest.raises(NothingToShip):
        ship(order)
    assert shelf(lot) == (5, 1)
    with pytest.raises(NewsNotReviewed):
        holding.resume(one, by=chen, at=now())
    with pytest.raises(TermsRefused):
        resume(one, chen, "ok")
    with pytest.raises(NotAllowed):
        resume(one, dr_chen())
    assert (one.status, status(order)) == (ON_HOLD, LineStatus.ON_HOLD)

    resume(one, chen)

    assert (one.status, one.held_for) == (ACTIVE, None)
    assert status(order) is LineStatus.READY
    ship(order)
    assert shelf(lot) == (4, 0)


def test_what_was_looked_at_does_not_hold_it_again_and_other_news_does() -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    one = a_prescription(client, cream, by=chen)
    say(client)
    resume(one, chen)

    say(client)
    say(client, Fitzpatrick(Phototype.III))
    assert one.status is ACTIVE

    say(client, Allergy("something else nobody has read"))
    assert one.status is ON_HOLD


def test_what_does_not_speak_against_it_holds_nothing() -> None:
    client, cream = alice(), a_cream()
    a_lot(cream, 5)
    one = a_prescription(client, cream)
    order = paid(client, {cream: 1})

    say(client, Fitzpatrick(Phototype.III))

    assert (one.status, status(order)) == (ACTIVE, LineStatus.READY)
    ship(order)


def test_an_unpaid_order_is_cancelled() -> None:
    client, cream = alice(), a_cream()
    lot = a_lot(cream, 5)
    a_prescription(client, cream)
    order = placed(client, {cream: 1})

    say(client)

    assert queries.locked_order(order.id).status is OrderStatus.CANCELLED
    assert shelf(lot) == (5, 0)


def test_a_held_one_may_be_taken_back() -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})
    say(client)

    revoking.revoke(one, reason="No.", by=chen, at=now())
    db.session.commit()

    assert (one.status, one.held_for) == (PrescriptionStatus.REVOKED, None)
    assert status(order) is LineStatus.ON_HOLD


def test_a_hold_of_hers_is_not_lifted_past_the_news() -> None:
    client, chen = alice(), dr_chen()
    one = a_prescription(client, by=chen)
    holding.hold(one, reason="Wait.", by=chen, at=now())
    say(client)

    with pytest.raises(NewsNotReviewed):
        holding.resume(one, by=chen, at=now())

    resume(one, chen)
    assert one.status is ACTIVE


def test_both_are_told_and_the_job_is_a_net_under_other_writes() -> None:
    client, chen = alice(), dr_chen()
    one = a_prescription(client, by=chen)
    entry = charting.state(client, NEWS, by=client, at=now())  # past the edges
    db.session.commit()
    assert one.status is ACTIVE
    reactions.react(subject_id=str(entry.id), seq=1)

    jobs.recheck_client(client_id=str(client.id))
    jobs.recheck_client(client_id=str(client.id))

    db.session.refresh(one)
    assert one.held_for is HeldFor.HEALTH_NEWS
    assert history(one).count("prescription_held") == 1
    reactions.react(subject_id=str(one.id), seq=one.state_seq)
    told = sa.select(Letter.recipient_id).where(Letter.template == Template.PRESCRIPTION_NEWS)
    assert set(db.session.scalars(told)) == {client.id, chen.id}
