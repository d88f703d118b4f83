"""Each paid order gets one invoice and one receipt, each refund that is done one credit note."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.invoices import queries
from shop.invoices.jobs import issue_owed_papers, issue_papers
from shop.invoices.models import Paper, PaperCounter, Series
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments.models import Payment
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.invoices.builders import (
    a_paid_order,
    bounced,
    follow,
    issued,
    line_off,
    refunds_of,
    sent_back,
    told,
)
from tests.orders.things import history, placed
from tests.people import alice

INV, RCT, CN, RV = Series


def test_a_paid_order_gets_an_invoice_and_a_receipt_once(app: Flask) -> None:
    order = a_paid_order(2, 1)
    invoice, receipt = issued(order)
    db.session.commit()

    assert told([invoice, receipt]) == [(INV, order.total_cents), (RCT, order.total_cents)]
    assert (invoice.n, receipt.n) == (1, 1)
    assert invoice.number == f"INV-{invoice.issued_on.year}-000001"
    assert receipt.invoice_id == invoice.id
    assert history(invoice) == ["invoice_issued"]
    assert issued(order) == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Paper)) == 2


def test_what_was_never_paid_is_owed_nothing(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap)
    order = placed(alice(), {soap: 1})
    assert issued(order) == []
    cancelling.cancel(order, reason="mistake", by=order.client, at=now())
    db.session.commit()
    assert issued(order) == []
    assert queries.owed(10) == []


def test_the_next_takes_the_next_number_and_another_series_counts_for_itself(app: Flask) -> None:
    numbers = []
    for _ in range(3):
        numbers += [one.number[:3] + one.number[-1] for one in issued(a_paid_order())]
    assert numbers == ["INV1", "RCT1", "INV2", "RCT2", "INV3", "RCT3"]
    counters = db.session.scalars(sa.select(PaperCounter.last)).all()
    assert list(counters) == [3, 3]


def test_what_is_rolled_back_leaves_no_gap(app: Flask) -> None:
    first, second = a_paid_order(), a_paid_order()
    nested = db.session.begin_nested()
    assert issued(first)[0].n == 1
    nested.rollback()
    db.session.expire_all()
    assert [one.n for one in issued(second)] == [1, 1]
    assert [one.n for one in issued(first)] == [2, 2]


def test_each_refund_that_is_done_gets_one_credit_note(app: Flask) -> None:
    order = a_paid_order(2, 1)
    invoice, _ = issued(order)
    line_off(order, 1)
    assert issued(order) == []  # planned is not done
    sent_back(order)
    (note,) = issued(order)
    assert told([note]) == [(CN, order.lines[1].paid_cents)]
    assert note.body["items"][0]["sku"] == order.lines[1].sku
    assert note.body["invoice"] == invoice.number
    assert issued(order) == []

    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    db.session.commit()
    follow(order)
    sent_back(order)
    (rest,) = issued(order)
    db.session.commit()
    assert rest.n == note.n + 1
    assert note.total_cents + rest.total_cents == order.total_cents
    assert rest.body["items"] == []
    payment = db.session.scalars(sa.select(Payment)).one()
    assert payment.refunded_cents == payment.captured_cents == order.total_cents


def test_a_credit_note_whose_money_the_bank_sent_back_is_reversed(app: Flask) -> None:
    order = a_paid_order(1, 1)
    issued(order)
    line_off(order)
    sent_back(order)
    (note,) = issued(order)
    bounced(order)
    (reversal,) = issued(order)
    db.session.commit()
    assert told([reversal]) == [(RV, note.total_cents)]
    assert reversal.body["undoes"] == note.number
    assert issued(order) == []
    months = queries.sums(note.issued_on, note.issued_on)
    assert queries.sales(months) == order.total_cents


def test_a_refund_that_fails_before_it_was_done_is_on_no_paper(app: Flask) -> None:
    order = a_paid_order(1, 1)
    issued(order)
    line_off(order)
    bounced(order)
    assert issued(order) == []
    assert queries.owed(10) == []


def test_an_order_that_was_cancelled_before_its_papers_were_written_gets_them_all(
    app: Flask,
) -> None:
    order = a_paid_order()
    cancelling.cancel(order, reason="mistake", by=order.client, at=now())
    db.session.commit()
    follow(order)
    sent_back(order)
    assert db.session.get_one(Order, order.id).status is OrderStatus.CANCELLED
    total = order.total_cents
    assert told(issued(order)) == [(INV, total), (RCT, total), (CN, total)]


@pytest.mark.parametrize("how", ["reaction", "net"])
def test_the_worker_writes_what_is_owed(app: Flask, how: str) -> None:
    orders = [a_paid_order(), a_paid_order()]
    line = a_paid_order(1, 1)
    line_off(line)
    sent_back(line)
    assert len(queries.owed(10)) == 3
    if how == "net":
        issue_owed_papers()
    else:
        for order in [*orders, line]:
            issue_papers(order_id=str(order.id))
            issue_papers(order_id=str(order.id))
    assert queries.owed(10) == []
    assert len(queries.papers_of(line)) == 3
    assert [len(queries.papers_of(order)) for order in orders] == [2, 2]
    assert len(refunds_of(line)) == 1
