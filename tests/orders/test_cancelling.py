"""Cancel an order, or some lines of it: what goes back, what stays, and who may say why."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.notifications.models import Letter, Template
from shop.orders import cancelling, queries
from shop.orders.errors import AlreadyShipped, BadReason, LineNotReady, NotInOrder, NotPaid
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.payments import proposing, refunding, signing, splitting
from shop.payments import queries as payments
from shop.payments.models import Payment, Refund
from shop.payments.proposing import Wanted
from shop.payments.states import RefundReason
from shop.prescriptions.states import FillStatus
from shop.reactions import react
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.invoices.builders import a_paid_order, follow, line_off, refunds_of
from tests.orders.things import history, leave, packed, paid, placed, shelf
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_pages import Reader


def off(order: Order, *lines: int, **given: Any) -> Order:
    order = queries.locked_order(order.id)
    terms = {"reason": "changed_mind", "by": order.client, "at": now()} | given
    cancelling.cancel_lines(order, [order.lines[nth].sku for nth in lines], **terms)
    db.session.commit()
    return queries.locked_order(order.id)


def test_a_line_gives_back_its_units_and_its_fill_and_the_rest_goes_on(app: Flask) -> None:
    client, cream, soap = alice(), a_cream(), a_variant()
    lots = a_lot(cream), a_lot(soap)
    a_prescription(client, cream, by=dr_chen())
    order = paid(client, {cream: 1, soap: 2})
    packed(order)
    before = [shelf(lot) for lot in lots]

    order = off(order, 0)

    assert [line.status for line in order.lines] == [LineStatus.CANCELLED, LineStatus.READY]
    assert order.status is OrderStatus.PAID
    assert order.lines[0].fill.status is FillStatus.RELEASED  # type: ignore[union-attr]
    assert [shelf(lot) for lot in lots] == [(before[0][0], before[0][1] - 1), before[1]]
    assert [one.line.sku for one, _ in queries.to_put_back()] == [cream.sku]
    assert history(order) == ["order_placed", "order_paid", "order_reduced"]
    assert history(order.lines[0])[-1] == "line_cancelled"
    leave(order)
    db.session.commit()
    assert queries.locked_order(order.id).status is OrderStatus.CLOSED


def test_what_was_paid_for_it_goes_back_once_and_shipping_stays(app: Flask) -> None:
    order = a_paid_order(1, 2, 1)
    line_off(order, 1)
    follow(order)
    line_off(order, 0)
    refunds = refunds_of(order)
    assert order.shipping_cents > 0
    assert sorted((one.request_key, one.amount_cents) for one in refunds) == sorted(
        (refunding.of_line(line), line.paid_cents) for line in order.lines[:2]
    )
    assert {one.reason for one in refunds} == {"line_cancelled"}
    payment = payments.payment_that_paid(order.id)
    assert payment is not None
    kept = payment.captured_cents - payment.refunded_cents
    assert kept == order.lines[2].paid_cents + order.shipping_cents


def test_with_its_last_line_the_order_is_cancelled_as_a_whole_and_shipping_goes_back(
    app: Flask,
) -> None:
    order = a_paid_order(1, 1)
    line_off(order, 0)
    line_off(order, 1)
    assert db.session.get_one(Order, order.id).status is OrderStatus.CANCELLED
    keys = [(one.request_key, one.amount_cents) for one in refunds_of(order)]
    first = order.lines[0].paid_cents
    assert sorted(keys) == sorted(
        [
            (refunding.of_line(order.lines[0]), first),
            (refunding.ORDER_OVER, order.total_cents - first),
        ]
    )
    assert "order_closed" not in history(order)


def test_lines_that_were_off_when_the_order_ended_are_not_paid_back_twice(app: Flask) -> None:
    """The worker comes late: the whole order was cancelled before it looked at the line."""
    order = a_paid_order(1, 1)
    order = off(order, 0)
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    db.session.commit()
    for _ in range(2):
        follow(order)
    (refund,) = refunds_of(order)
    assert (refund.request_key, refund.amount_cents) == ("order_over", order.total_cents)


def test_the_rest_of_an_order_that_partly_left_is_cancelled_and_closes_it(app: Flask) -> None:
    order = a_paid_order(1, 1)
    leave(order, skus=[order.lines[0].sku])
    db.session.commit()
    line_off(order, 1, by=sam(), reason="cannot_be_delivered")
    order = queries.locked_order(order.id)
    assert order.status is OrderStatus.CLOSED
    assert [line.status for line in order.lines] == [LineStatus.SHIPPED, LineStatus.CANCELLED]
    (refund,) = refunds_of(order)
    assert refund.amount_cents == order.lines[1].paid_cents
    assert history(order)[-2:] == ["order_reduced", "order_closed"]


def test_no_more_goes_back_than_is_here(app: Flask) -> None:
    order = a_paid_order(1, 1)
    payment = payments.payment_that_paid(order.id)
    assert payment is not None
    most = order.total_cents - 100
    back = proposing.propose(
        order,
        Wanted(other_cents=most),
        reason=RefundReason.GOODWILL,
        request_key="by hand",
        by=somebody(sam),
        at=now(),
    )
    if back.large:
        signing.sign(back, by=somebody(mona), at=now())
    db.session.commit()
    line_off(order, 0)
    follow(order)
    assert sum(one.amount_cents for one in refunds_of(order)) == order.total_cents


REFUSED: dict[str, tuple[Any, dict[str, Any], type[Refusal]]] = {
    "nothing is named": (a_paid_order, {"skus": []}, NotInOrder),
    "another order's": (a_paid_order, {"skus": ["SKU-OTHER"]}, NotInOrder),
    "a reason of staff's": (a_paid_order, {"reason": "suspected_fraud"}, BadReason),
    "no reason there is": (a_paid_order, {"reason": "pregnant"}, BadReason),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_and_changes_nothing(app: Flask, case: str) -> None:
    make, given, refusal = REFUSED[case]
    order = queries.locked_order(make(1, 1).id)
    skus = given.get("skus", [order.lines[0].sku])
    reason = given.get("reason", "changed_mind")
    with pytest.raises(refusal) as refused:
        cancelling.cancel_lines(order, skus, reason=reason, by=order.client, at=now())
    assert refused.value.fields
    assert {line.status for line in order.lines} == {LineStatus.READY}
    assert db.session.scalars(sa.select(Refund)).all() == []


def test_what_has_left_is_off_already_or_is_not_paid_is_not_cancelled_by_line(app: Flask) -> None:
    order = a_paid_order(1, 1, 1)
    leave(order, skus=[order.lines[0].sku])
    with pytest.raises(AlreadyShipped):
        off(order, 0)
    with pytest.raises(AlreadyShipped):
        cancelling.cancel(order, reason="mistake", by=order.client, at=now())
    order = off(order, 1)
    with pytest.raises(LineNotReady):
        off(order, 1)
    soap = a_variant()
    a_lot(soap)
    with pytest.raises(NotPaid):
        off(placed(alice(), {soap: 1}), 0)


def test_each_has_reasons_of_their_own(app: Flask) -> None:
    client, staff, manager = alice(), sam(), mona()
    assert cancelling.reasons(client) == ["asked_for", "changed_mind", "mistake", "takes_too_long"]
    assert cancelling.reasons(staff) == cancelling.reasons(manager)
    assert set(cancelling.reasons(staff)) & set(cancelling.reasons(client)) == {"asked_for"}
    for reason in cancelling.reasons(staff):
        order = queries.locked_order(a_paid_order().id)
        cancelling.cancel(order, reason=reason, by=staff, at=now())
    with pytest.raises(BadReason):
        cancelling.cancel(a_paid_order(), reason="changed_mind", by=staff, at=now())


def test_the_client_is_written_to(app: Flask) -> None:
    order = off(a_paid_order(1, 1), 0)
    react(subject_id=str(order.id), seq=order.state_seq)
    letter = db.session.scalars(
        sa.select(Letter).where(Letter.template == Template.ORDER_REDUCED)
    ).one()
    assert letter.recipient_id == order.client_id


@given(st.integers(0, 50_000), st.integers(50, 100_000), st.integers(0, 100_000))
@settings(max_examples=200)
def test_what_goes_back_is_split_to_the_cent(cents: int, captured: int, refunded: int) -> None:
    """Money first, no more than is here; the rest as credit. Nothing is lost between the two."""
    refunded = min(captured, refunded)
    payment = Payment(captured_cents=captured, refunded_cents=refunded, disputed_cents=0)
    back = splitting.split(payment, cents)
    assert back.payment_cents + back.credit_cents == cents
    assert 0 <= back.payment_cents <= captured - refunded
    assert back.credit_cents == 0 or back.payment_cents == captured - refunded


def test_over_http(app: Flask) -> None:
    client, staff = somebody(alice), somebody(sam)
    order = a_paid_order(1, 1, client=client)
    number, skus = order.number, [line.sku for line in order.lines]
    path = f"/orders/{number}/line-cancellations"
    hers, his = Browser(app, client), Browser(app, staff)

    wrong = hers.post(path, {"lines": [skus[0]], "reason": "damaged"})
    assert (wrong.status_code, wrong.json["code"]) == (422, "bad_reason")
    assert list(wrong.json["errors"]) == ["reason"]
    assert hers.post(path, {"lines": []}).status_code == 422
    assert Browser(app, somebody(bob)).post(path, {"lines": skus}).status_code == 404
    done = his.post(path, {"lines": [skus[0]], "reason": "damaged"})
    assert [line["status"] for line in done.json["lines"]] == ["cancelled", "ready"]
    assert (done.json["status"], done.json["standing"]) == ("paid", "to_pack")
    assert done.json["history"][-1]["kind"] == "order_reduced"
    again = his.post(path, {"lines": [skus[0]], "reason": "damaged"})
    assert (again.status_code, again.json["code"]) == (409, "line_not_ready")
    whole = hers.post(path, {"lines": [skus[1]]})
    assert whole.json["status"] == "cancelled"


def test_on_the_orders_page(app: Flask) -> None:
    client = somebody(alice)
    order = a_paid_order(1, 1, client=client)
    path, sku = f"/orders/{order.number}", order.lines[0].sku
    reader = Reader(app, client)
    assert "Cancel the order, or a part of it" in reader.get(path)
    reader.send(f"{path}/line-cancellations", reason="mistake")
    assert reader.page.status_code == 404  # nothing was ticked
    assert "nothing is named" in reader.text
    reader.get(path)
    assert "What was paid for it is on its way back" in reader.send(
        f"{path}/line-cancellations", lines=sku, reason="mistake"
    )
    assert "Part of the order was cancelled" in reader.text
    assert "Not in your cart" not in reader.send(f"{path}/again")
    assert "Nothing is placed yet" in reader.text
    reader.get(path)
    assert "money is on its way back" in reader.send(f"{path}/cancellation", reason="mistake")
