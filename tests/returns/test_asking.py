"""What clients ask to send back: asked in time, decided by staff, paid exactly as it came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.notifications.models import Letter, Template
from shop.payments import queries as payments
from shop.payments import refunding, signing
from shop.payments.models import Refund
from shop.payments.states import RefundStatus
from shop.reactions import react
from shop.returns import asking, deciding, disposing, policy, queries
from shop.returns.errors import NothingCameBack, NotRestocked, ReturnRefused, TooLateToReturn
from shop.returns.models import Disposition, ReturnReason, ReturnRequest
from shop.returns.states import RequestStatus
from tests.builders import a_cream
from tests.inventory.lots import a_lot, today
from tests.payments.money_back import on_the_shelf, sent
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.returns.asked import (
    arrived,
    asked,
    authorised,
    done,
    locked,
    looked_at,
    refused,
    repaid,
)


def kinds(request: ReturnRequest) -> list[str]:
    return [event.kind for event in events.of(request.id)]


def test_the_whole_way_from_asking_to_the_money(app: Flask) -> None:
    order = sent({on_the_shelf(999): 3})
    request = authorised(order, 2)
    assert request.send_by == today() + timedelta(days=21)
    found = looked_at(arrived(request, 2), Disposition.RESTOCK)

    refund = repaid(request)
    done(found)

    request = locked(request)
    assert (request.status, request.refund_id) == (RequestStatus.DISPOSED, refund.id)
    assert [(one.line.sku, one.units) for one in refund.lines] == [(order.lines[0].sku, 2)]
    assert refund.amount_cents == sum(one.cents for one in refund.units)
    assert (refund.status, refund.reason) == (RefundStatus.PLANNED, "returned")
    assert kinds(request) == [
        "return_asked",
        "return_authorised",
        "return_arrived",
        "return_looked_at",
        "return_refunded",
        "return_settled",
    ]


def test_only_what_came_is_refunded(app: Flask) -> None:
    request = authorised(sent({on_the_shelf(): 3}), 3)
    looked_at(arrived(request, 1))
    assert [one.units for one in repaid(request).lines] == [1]
    with pytest.raises(NothingCameBack):
        repaid(request)
    with pytest.raises(ReturnRefused):
        arrived(request, 1)


def test_shipping_goes_back_where_staff_say_so(app: Flask) -> None:
    order = sent({on_the_shelf(): 2})
    request = authorised(order, 1, reason=ReturnReason.WRONG_ITEM)
    looked_at(arrived(request))
    refund = repaid(request, with_shipping=True)
    assert (refund.shipping_cents, refund.reason) == (order.shipping_cents, "wrong_item")


def test_nothing_is_refunded_before_it_was_looked_at(app: Flask) -> None:
    request = authorised(sent())
    for _ in range(2):
        with pytest.raises(NothingCameBack):
            repaid(request)
        db.session.rollback()
        if not request.returns:
            arrived(request)


def test_a_refund_that_failed_is_proposed_again(app: Flask) -> None:
    request = authorised(sent())
    looked_at(arrived(request))
    first = repaid(request)
    refunding.fail(first, why="a test")
    db.session.commit()
    second = repaid(request)
    assert (first.id != second.id, second.amount_cents) == (True, first.amount_cents)


def test_a_large_one_waits_for_a_second_person(app: Flask) -> None:
    request = authorised(sent({on_the_shelf(20_000): 1}))
    looked_at(arrived(request))
    refund = repaid(request)
    assert refund.status is RefundStatus.PROPOSED
    signing.decline(payments.refund_to_see_to(refund.id, lock=True), by=mona(), at=now())
    db.session.commit()
    assert repaid(request).id != refund.id


def test_what_needs_a_prescription_is_refunded_and_never_restocked(app: Flask) -> None:
    client, cream = alice(), a_cream()
    a_lot(cream)
    a_prescription(client, cream, by=dr_chen())
    request = authorised(sent({cream: 1}, client))
    found = arrived(request)
    with pytest.raises(NotRestocked):
        looked_at(found, Disposition.RESTOCK)
    db.session.rollback()
    looked_at(found, Disposition.DESTROY)
    assert repaid(request).amount_cents == request.order.lines[0].paid_cents


def test_a_second_look_takes_the_request_back(app: Flask) -> None:
    request = authorised(sent())
    found = looked_at(arrived(request))
    disposing.send_back(found, reason="Look at the seal.", by=mona(), at=now())
    db.session.commit()
    assert locked(request).status is RequestStatus.RECEIVED
    assert kinds(request)[-1] == "return_looked_at_again"
    looked_at(found)
    assert locked(request).status is RequestStatus.INSPECTED


REFUSED: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "more than left": ({"units": 4}, ReturnRefused),
    "by somebody else": ({"by": bob}, NotAllowed),
    "too many words": ({"words": "x" * 501}, ReturnRefused),
    "too late": ({"at": lambda: now() + timedelta(days=36)}, TooLateToReturn),
    "too late even for damage": (
        {"at": lambda: now() + timedelta(days=371), "reason": ReturnReason.DAMAGED},
        TooLateToReturn,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_taken_changes_nothing(app: Flask, case: str) -> None:
    order = sent()
    given, refusal = REFUSED[case]
    filled = {name: value() if callable(value) else value for name, value in given.items()}
    with pytest.raises(refusal):
        asked(order, **filled)
    db.session.rollback()
    assert queries.requests_of(order.client, order) == []


def test_the_last_day_is_in_time_and_damage_has_a_year(app: Flask) -> None:
    order = sent()
    (line,) = order.lines
    assert policy.current().delivered_on(line, zone="UTC") == today() + timedelta(days=5)
    asked(order, at=now() + timedelta(days=35))
    asked(order, at=now() + timedelta(days=300), reason=ReturnReason.DAMAGED)


def test_no_unit_is_asked_back_twice_and_what_was_refused_is_free(app: Flask) -> None:
    order = sent({on_the_shelf(): 2})
    refused(order, 2)
    first = asked(order, 2)
    with pytest.raises(ReturnRefused):
        asked(order, 1)
    db.session.rollback()
    asking.withdraw(locked(first), by=order.client, at=now())
    db.session.commit()
    asked(order, 2)


def test_what_was_decided_is_decided(app: Flask) -> None:
    request = refused(sent())
    with pytest.raises(WrongState):
        deciding.authorise(locked(request), today=today(), by=sam(), at=now())
    with pytest.raises(WrongState):
        asking.withdraw(locked(request), by=request.order.client, at=now())


def test_what_nobody_sends_expires_after_its_last_day(app: Flask) -> None:
    request = authorised(sent())
    assert request.send_by is not None
    last = request.send_by
    assert request.id not in deciding.overdue(today=last + timedelta(days=1))
    assert request.id in deciding.overdue(today=last + timedelta(days=2))
    with pytest.raises(sa.exc.IntegrityError, match="return_expires_after_its_last_day"):
        deciding.expire(locked(request), today=last + timedelta(days=2), at=now())


def test_her_words_are_sealed(app: Flask) -> None:
    request = asked(sent(), words="A canary's words.")
    raw = db.session.execute(
        sa.text("SELECT words_sealed FROM return_requests WHERE id = :id"), {"id": request.id}
    ).scalar_one()
    assert b"canary" not in bytes(raw)
    db.session.expire_all()
    assert request.words == "A canary's words."


def test_a_letter_at_each_step_and_nothing_in_it(app: Flask) -> None:
    """Its number, its order's, and a link: no product, no reason, no words of hers."""
    request = authorised(sent({on_the_shelf(): 2}), 1, words="Canary words.")
    looked_at(arrived(request))
    repaid(request)
    told = [one for one in events.of(request.id) if one.kind != "return_withdrawn"]
    for event in told:
        react(subject_id=str(event.subject_id), seq=event.seq)
    letters = db.session.scalars(
        sa.select(Letter).where(Letter.subject_id == request.id).order_by(Letter.version)
    ).all()
    assert [one.version for one in letters] == [event.seq for event in told]
    assert {one.template for one in letters} == {Template.RETURN_NEWS}
    assert {one.recipient_id for one in letters} == {request.client_id}
    from shop.notifications import letters as writing

    for letter in letters:
        text = str(writing.compose(letter, at=now()))
        for word in ("Canary", request.order.lines[0].name, request.order.lines[0].sku):
            assert word not in text
        assert request.number in text


def test_the_refund_of_a_return_is_one_of_the_orders(app: Flask) -> None:
    request = authorised(sent())
    looked_at(arrived(request))
    refund = repaid(request)
    assert [one.id for one in payments.refunds_of(request.order)] == [refund.id]
    assert db.session.get_one(Refund, refund.id).proposed_by is not None
