"""A licence lapses overnight: prescriptions are held, what was promised under them waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts import employing, licences
from shop.accounts.models import Licence, Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.orders import jobs, queries, revoking
from shop.orders.checkout import Address
from shop.orders.errors import LineBlocked
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import holding, lapsing
from shop.prescriptions.errors import NoPrescription
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import HeldFor, PrescriptionStatus
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, history, leave, paid, placed, shelf
from tests.people import a_licence, alice, dr_chen, mona
from tests.prescriptions.builders import a_prescription

ACTIVE, ON_HOLD = PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def today() -> date:
    return now().date()


def lapse(physician: Person, state: str = "CA") -> Licence:
    """Her licence there ends today."""
    held = sa.select(Licence).where(Licence.person_id == physician.id, Licence.state == state)
    licence = db.session.scalars(held.where(Licence.ended_on.is_(None))).one()
    licences.end(licence, on=today(), by=mona())
    db.session.commit()
    return licence


def renew(physician: Person, state: str = "CA") -> None:
    a_licence(physician, state=state, valid_from=today())
    db.session.commit()


def night() -> None:
    """The job runs."""
    jobs.follow_licences()


def again(order: Order) -> Order:
    return queries.locked_order(order.id)


def lines(order: Order) -> list[LineStatus]:
    return [line.status for line in again(order).lines]


def ship(order: Order) -> None:
    leave(again(order))


def test_a_prescription_is_held_while_the_licence_is_gone() -> None:
    chen = dr_chen()
    one = a_prescription(alice(), by=chen)
    db.session.commit()
    night()
    assert one.status is ACTIVE

    lapse(chen)
    night()

    db.session.refresh(one)
    assert (one.status, one.held_for, one.held_by_id) == (ON_HOLD, HeldFor.LICENCE_LAPSED, None)
    assert one.held_at is not None
    told = events.of(one.id)[-1]
    assert (told.kind, told.facts) == (
        "prescription_held",
        {"reason": "licence_lapsed", "state": "CA"},
    )

    renew(chen)
    night()

    db.session.refresh(one)
    assert (one.status, one.held_for, one.held_at) == (ACTIVE, None, None)
    assert history(one)[-2:] == ["prescription_held", "prescription_resumed"]


def test_the_job_twice_does_nothing_more() -> None:
    chen = dr_chen()
    one = a_prescription(alice(), by=chen)
    lapse(chen)
    night()
    told = history(one)

    night()

    assert history(one) == told
    assert lapsing.out_of_step(at=now()) == []


def test_a_licence_that_ran_out_by_itself_holds_too() -> None:
    chen = dr_chen(states=())
    a_licence(chen, state="CA", valid_until=today() + timedelta(days=2))
    one = a_prescription(alice(), by=chen)
    db.session.commit()

    assert lapsing.out_of_step(at=now() + timedelta(days=1)) == []
    assert lapsing.out_of_step(at=now() + timedelta(days=2)) == [one.id]


def test_what_a_person_held_stays_held_by_her() -> None:
    chen = dr_chen()
    one = a_prescription(alice(), by=chen)
    holding.hold(one, reason="Wait for the blood test.", by=chen, at=now())
    lapse(chen)
    night()
    renew(chen)
    night()

    db.session.refresh(one)
    assert (one.status, one.held_by_id, one.held_for) == (ON_HOLD, chen.id, None)


def test_nobody_resumes_what_waits_for_a_licence() -> None:
    chen = dr_chen()
    one = a_prescription(alice(), by=chen)
    lapse(chen)
    night()
    db.session.refresh(one)

    with pytest.raises(WrongState) as refused:
        holding.resume(one, by=chen, at=now())

    assert refused.value.facts["held_for"] == "licence_lapsed"
    assert one.status is ON_HOLD


def test_what_waits_for_a_licence_can_be_revoked() -> None:
    chen, client = dr_chen(), alice()
    one = a_prescription(client, by=chen)
    lapse(chen)
    night()

    revoking.revoke(one, reason="Enough.", by=client, at=now())
    db.session.commit()
    renew(chen)
    night()

    db.session.refresh(one)
    assert one.status is PrescriptionStatus.REVOKED


def test_the_others_prescriptions_go_on() -> None:
    chen, other = dr_chen(), dr_chen()
    kept = a_prescription(alice(), by=other)
    elsewhere = a_prescription(alice(state="NV"), by=chen)
    lapse(chen)
    night()

    for one in (kept, elsewhere):
        db.session.refresh(one)
        assert one.status is ACTIVE


def test_a_prescriber_who_left_holds_hers() -> None:
    chen = dr_chen()
    one = a_prescription(alice(), by=chen)
    employing.disable(chen, by=mona(), at=now())
    db.session.commit()
    night()

    db.session.refresh(one)
    assert one.held_for is HeldFor.LICENCE_LAPSED


def an_order(
    chen: Person, *, state: str = "CA", unpaid: bool = False
) -> tuple[Order, Prescription]:
    """A prescribed cream, to be sent there."""
    client, cream = alice(), a_cream()
    a_lot(cream, 5)
    one = a_prescription(client, cream, by=chen, ship_to_state=state)
    address = HOME if state == "CA" else _in(state)
    make = placed if unpaid else paid
    return make(client, {cream: 1}, address=address), one


def _in(state: str) -> Address:
    return replace(HOME, state=state, city="Reno", postal_code="89501")


def test_paid_lines_wait_and_go_on_with_the_licence() -> None:
    chen = dr_chen()
    order, _one = an_order(chen)
    lapse(chen)
    with pytest.raises(NoPrescription):  # the gate does not wait for the night
        ship(order)
    db.session.rollback()

    night()

    assert lines(order) == [LineStatus.ON_HOLD]
    line = again(order).lines[0]
    assert events.of(line.id)[-1].facts["reason"] == "licence_lapsed"
    assert shelf(line.reservation.parts[0].lot) == (5, 1)  # its unit stays promised
    assert line.fill is not None
    assert line.fill.status == "consumed"

    renew(chen)
    night()

    assert lines(order) == [LineStatus.READY]
    assert history(order)[-2:] == ["order_held", "order_resumed"]
    ship(order)
    db.session.commit()
    assert lines(order) == [LineStatus.SHIPPED]


def test_a_licence_lost_only_where_it_goes_stops_the_line_and_not_the_prescription() -> None:
    chen = dr_chen()
    order, one = an_order(chen, state="NV")
    lapse(chen, "NV")
    night()

    db.session.refresh(one)
    assert one.status is ACTIVE
    assert lines(order) == [LineStatus.ON_HOLD]
    renew(chen, "NV")
    night()
    assert lines(order) == [LineStatus.READY]


def test_an_unpaid_order_is_cancelled() -> None:
    chen = dr_chen()
    order, _one = an_order(chen, unpaid=True)
    lapse(chen)
    night()

    assert again(order).status is OrderStatus.CANCELLED
    assert events.of(order.id)[-1].facts["reason"] == "licence_lapsed"


def test_a_line_that_somebody_held_does_not_go_on_by_itself() -> None:
    chen = dr_chen()
    order, _one = an_order(chen)
    line = again(order).lines[0]
    line.status = LineStatus.ON_HOLD
    events.record(events.Kind.LINE_HELD, line, order=order.number)
    db.session.commit()
    lapse(chen)
    night()
    renew(chen)
    night()

    assert lines(order) == [LineStatus.ON_HOLD]


def test_a_line_waits_on_where_its_prescription_has_ended_meanwhile() -> None:
    chen = dr_chen()
    order, one = an_order(chen)
    lapse(chen)
    night()
    renew(chen)
    lapsing.follow(one.id, at=now())
    holding.hold(one, reason="Another reason.", by=chen, at=now())
    db.session.commit()
    night()

    assert lines(order) == [LineStatus.ON_HOLD]
    with pytest.raises((LineBlocked, NoPrescription, WrongState)):
        ship(order)


def test_the_client_is_told_that_part_of_it_waits() -> None:
    chen = dr_chen()
    order, _one = an_order(chen)
    lapse(chen)
    night()
    (held,) = (event for event in events.of(order.id) if event.kind == "order_held")

    reactions.react(subject_id=str(held.subject_id), seq=held.seq)

    letter = db.session.scalars(sa.select(Letter).where(Letter.subject_id == order.id)).one()
    assert letter.template == Template.ORDER_HELD
    said = letters.compose(letter, at=now()).as_string()
    assert "licen" not in said.lower()


@pytest.mark.parametrize("kind", ["licence_recorded", "licence_ended", "account_disabled"])
def test_whatever_happens_to_a_licence_starts_the_job(kind: str) -> None:
    assert reactions.follow_the_licence in reactions.REACTIONS[events.Kind(kind)]


def test_what_was_replaced_while_it_waited_ends_with_the_licence_that_is_back() -> None:
    chen, client, cream = dr_chen(), alice(), a_cream()
    a_lot(cream)
    earlier = a_prescription(client, cream, by=chen)
    order = placed(client, {cream: 1})
    later = a_prescription(client, cream, by=chen)
    lapse(chen)
    night()
    assert lines(order) == [LineStatus.CANCELLED]
    renew(chen)

    night()

    for one in (earlier, later):
        db.session.refresh(one)
    assert (earlier.status, later.status) == (PrescriptionStatus.SUPERSEDED, ACTIVE)
    assert history(earlier)[-2:] == ["prescription_resumed", "prescription_superseded"]
