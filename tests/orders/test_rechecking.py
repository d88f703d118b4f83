"""Something new is known of a client's health after a prescription was signed: nothing leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts import delegating, licences
from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import (
    Allergy,
    Fact,
    FactKind,
    Fitzpatrick,
    Phototype,
    Pregnancy,
    PregnancyStatus,
)
from shop.charts.models import ChartEntry, Ending
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.rules import Severity
from shop.notifications.models import Letter, Template
from shop.orders import cancelling, jobs, queries, rechecking, revoking
from shop.orders.errors import NothingToShip
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import holding, signing
from shop.prescriptions.errors import HardStopStands, NewsNotReviewed, TermsRefused
from shop.prescriptions.models import HealthReview, Prescription
from shop.prescriptions.rechecking import how_many_wait, news_of, waiting
from shop.prescriptions.screening import checking
from shop.prescriptions.states import HeldFor, PrescriptionStatus
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.orders.things import history, leave, paid, placed, shelf
from tests.people import a_fresh_sign_in, alice, bob, dr_chen, mona
from tests.prescriptions.builders import a_claimed_request, a_prescription, the_terms
from tests.prescriptions.test_checking import a_formula, hydroquinone, tretinoin

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
    leave(again)


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
    lot = a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})
    say(client)

    foretold = revoking.consequences(one)
    done = revoking.revoke(one, reason="No.", by=chen, at=now())
    db.session.commit()

    assert (one.status, one.held_for) == (PrescriptionStatus.REVOKED, None)
    assert status(order) is LineStatus.ON_HOLD
    assert shelf(lot) == (5, 0)  # its units are for others now
    assert revoking.done(done) == foretold
    assert history(order).count("order_held") == 1  # the client was told when it was held
    cancelling.cancel(queries.locked_order(order.id), reason="changed_mind", by=client, at=now())
    db.session.commit()
    assert shelf(lot) == (5, 0)


def test_units_of_what_a_lapsed_licence_holds_are_given_back_at_a_revocation() -> None:
    client, chen, cream = alice(), dr_chen(states=("CA",)), a_cream()
    lot = a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})
    licences.end(chen.licences[0], on=now().date(), by=mona())
    db.session.commit()
    jobs.follow_licences()
    assert (status(order), shelf(lot)) == (LineStatus.ON_HOLD, (5, 1))

    revoking.revoke(one, reason="No.", by=client, at=now())
    db.session.commit()

    assert (status(order), shelf(lot)) == (LineStatus.ON_HOLD, (5, 0))


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


def test_what_nobody_knows_any_more_holds_nothing() -> None:
    """A "not pregnant" that is too old is asked anew with the next request; it is no news."""
    client, cream = alice(), a_formula(tretinoin(), name="Nightly")
    one = a_prescription(client, cream)
    later = now() + timedelta(days=100)

    rechecking.recheck(client, at=later)

    hits = checking.check(one.request, at=later)
    (unknown,) = [hit for hit in hits if hit.rule == "SC-RETINOID-PREGNANCY"]
    assert (unknown.unknown, unknown.severity) == ("pregnancy", Severity.SOFT_STOP)
    assert one.status is ACTIVE


def test_a_word_that_is_taken_back_leaves_it_on_hold() -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})
    say(client)
    with rechecking.following(client, at=now()):
        said = ChartEntry.client_id == client.id, ChartEntry.ended_at.is_(None)
        query = sa.select(ChartEntry).where(*said, ChartEntry.kind == FactKind.ALLERGY)
        entry = db.session.scalars(query).one()
        charting.end(entry, ending=Ending.ENTERED_IN_ERROR, by=client, at=now())
    db.session.commit()
    rechecking.recheck(client, at=now())

    assert (one.status, status(order)) == (ON_HOLD, LineStatus.ON_HOLD)
    assert news_of([one], at=now()) == {one.id: ()}
    with pytest.raises(NewsNotReviewed):
        holding.resume(one, by=chen, at=now())
    resume(one, chen)
    assert (one.status, status(order)) == (ACTIVE, LineStatus.READY)


def test_who_stands_in_lets_it_go_and_nobody_else() -> None:
    client, chen, lee, ruiz = alice(), dr_chen(), dr_chen(), dr_chen()
    one = a_prescription(client, by=chen)
    today = now().date()
    named = delegating.delegate(chen, lee, starts_on=today, ends_on=today, today=today)
    say(client)

    assert list(db.session.scalars(waiting(lee, at=now()))) == [one]
    assert list(db.session.scalars(waiting(ruiz, at=now()))) == []
    assert (how_many_wait(chen, at=now()), how_many_wait(ruiz, at=now())) == (1, 0)
    with pytest.raises(NotAllowed):
        resume(one, ruiz)
    db.session.rollback()
    resume(one, lee)
    assert one.status is ACTIVE
    (review,) = db.session.scalars(sa.select(HealthReview))
    assert (review.reviewed_by_id, review.seen[0]["rule"]) == (lee.id, "SC-ALLERGY-TEXT")
    delegating.withdraw(named, at=now())
    say(client, Allergy("a red berry from the garden"))
    with pytest.raises(NotAllowed):
        resume(one, lee)


def test_a_hard_stop_is_not_let_go() -> None:
    client, chen = alice(), dr_chen()
    one = a_prescription(client, a_formula(hydroquinone(), name="Fade"), by=chen, fills=1)
    say(client, Pregnancy(PregnancyStatus.BREASTFEEDING))
    resume(one, chen)  # a soft stop
    say(client, Pregnancy(PregnancyStatus.PREGNANT))

    with pytest.raises(HardStopStands) as refused:
        resume(one, chen)

    assert refused.value.facts["rules"] == ["SC-HYDROQUINONE-PREGNANCY"]
    assert one.status is ON_HOLD
    assert len(db.session.scalars(sa.select(HealthReview)).all()) == 1


def test_other_clients_are_left_alone() -> None:
    hers, his = a_prescription(alice()), a_prescription(bob(state="CA"))
    say(hers.client)
    assert (hers.status, his.status) == (ON_HOLD, ACTIVE)


def test_what_was_said_while_a_physician_reads_is_in_what_she_signs() -> None:
    """She read the clock and the case before; the chart's lock is what she waits for."""
    chen = dr_chen()
    request = a_claimed_request(by=chen)
    read = now()
    charting.state(request.client, NEWS, by=request.client, at=now())

    with pytest.raises(TermsRefused) as refused:
        signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=read)

    assert "overrides.SC-ALLERGY-TEXT" in refused.value.fields
