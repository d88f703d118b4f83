"""The history of an order in plain words: everything that belongs to it, and who may read what."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.events import Event, Kind
from shop.invoices import wording
from shop.invoices.history import history
from shop.orders import cancelling, queries
from shop.orders.models import Order, OrderLine, Picked
from shop.payments.models import Payment, Refund
from shop.returns.models import Disposition, Return
from tests.accounts.test_api import Browser, somebody
from tests.invoices.builders import a_paid_order, bounced, issued, line_off, sent_back
from tests.orders.things import leave
from tests.people import alice, sam
from tests.prescriptions.test_pages import Reader
from tests.returns.builders import came_back, inspected

# The kinds that the rows of an order's history can have, by how they are named.
FAMILIES = (
    *("ORDER_", "LINE_", "UNITS_", "PAYMENT_", "REFUND_", "DISPUTE_", "EVIDENCE_", "FRAUD_"),
    *("RETURN_", "INVOICE_", "RECEIPT_"),
)
MORE = {Kind.CREDIT_NOTE_ISSUED, Kind.CREDIT_NOTE_REVERSED}
OF_ORDERS = {kind for kind in Kind if kind.name.startswith(FAMILIES)} | MORE


def test_every_kind_of_an_orders_history_has_its_words() -> None:
    assert set(wording.WORDS) == OF_ORDERS
    assert all(words.staff for words in wording.WORDS.values())


def test_a_kind_without_words_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted; and a page would still tell who works here that something happened."""
    monkeypatch.delitem(wording.WORDS, Kind.ORDER_REDUCED)
    assert set(wording.WORDS) != OF_ORDERS
    assert wording.told(Kind.ORDER_REDUCED, {}, inside=True) == "Order reduced"
    assert wording.told(Kind.ORDER_REDUCED, {}, inside=False) == ""


def test_every_reason_that_can_be_given_is_worded() -> None:
    given = {*cancelling.ClientReason, *cancelling.StaffReason, "not_deliverable"}
    assert {str(one) for one in given} <= set(wording.REASONS)


def a_full_story(client: object = None) -> Order:
    """Paid, a line off and paid back, one shipped and back again, one refund that bounced."""
    order = a_paid_order(1, 1, 1, client=client)
    issued(order)
    line_off(order, 1, by=sam(), reason="damaged")
    sent_back(order)
    issued(order)
    leave(order, skus=[order.lines[0].sku])
    db.session.commit()
    inspected(came_back(queries.locked_order(order.id)), Disposition.DESTROY)
    line_off(order, 2)
    bounced(order)
    issued(order)
    db.session.commit()
    return queries.locked_order(order.id)


def test_all_that_belongs_to_an_order_is_told_with_words(app: Flask) -> None:
    order, reader = a_full_story(), sam()
    told = history(order, reader)
    # whatever the database holds of this order's rows is in it
    rows = [order.id]
    for kind, of in (
        (OrderLine.id, OrderLine.order_id == order.id),
        (Picked.id, Picked.order_line_id.in_([line.id for line in order.lines])),
        (Return.id, Return.order_line_id.in_([line.id for line in order.lines])),
        (Payment.id, Payment.order_id == order.id),
        (Refund.id, Refund.payment_id.in_(sa.select(Payment.id))),
    ):
        rows += db.session.scalars(sa.select(kind).where(of))
    happened = db.session.scalars(sa.select(Event.kind).where(Event.subject_id.in_(rows))).all()
    papers = [one for one in told if one.kind in MORE or "_ISSUED" in one.kind.name]
    assert sorted(one.kind for one in told) == sorted(
        [Kind(kind) for kind in happened] + [one.kind for one in papers]
    )
    assert {one.kind for one in papers} == {
        Kind.INVOICE_ISSUED,
        Kind.RECEIPT_ISSUED,
        Kind.CREDIT_NOTE_ISSUED,
        Kind.CREDIT_NOTE_REVERSED,
    }
    assert [one.at for one in told] == sorted(one.at for one in told)
    assert not any("?" in one.what or "{" in one.what or not one.what for one in told)
    reduced = next(one for one in told if one.kind is Kind.ORDER_REDUCED)
    assert reduced.why == "it was damaged"


def test_the_client_reads_no_reason_no_name_and_nothing_of_the_clinics_own(app: Flask) -> None:
    order = a_full_story()
    names = [line.sku for line in order.lines]
    told = history(order, order.client)
    assert {one.why for one in told} == {""}
    assert {one.who for one in told} <= {"You", "The clinic", "The shop"}
    kinds = {one.kind for one in told}
    assert not kinds & {Kind.UNITS_PICKED, Kind.RETURN_INSPECTED, Kind.PAYMENT_BEGUN}
    assert kinds >= {Kind.REFUND_DONE, Kind.REFUND_FAILED, Kind.RETURN_RECEIVED, Kind.LINE_SHIPPED}
    failed = next(one for one in told if one.kind is Kind.REFUND_FAILED)
    assert "account" not in failed.what
    assert failed.facts == {}
    assert {one.sku for one in told if one.kind is Kind.LINE_SHIPPED} == {names[0]}


def test_who_did_it_is_told(app: Flask) -> None:
    client, staff = alice(), sam(name="Sam Okafor")
    order = queries.locked_order(a_paid_order(1, 1, client=client).id)
    act_as(staff.actor)
    cancelling.cancel_lines(
        order, [order.lines[0].sku], reason="cannot_be_delivered", by=staff, at=now()
    )
    db.session.commit()
    act_as(client.actor)
    cancelling.cancel(order, reason="takes_too_long", by=client, at=now())
    db.session.commit()

    def who(reader: object) -> list[tuple[str, str]]:
        wanted = (Kind.ORDER_REDUCED, Kind.ORDER_CANCELLED)
        return [
            (one.who, one.why)
            for one in history(order, reader)  # type: ignore[arg-type]
            if one.kind in wanted
        ]

    assert who(client) == [("The clinic", ""), ("You", "")]
    assert who(staff) == [
        ("Sam Okafor (staff)", "it cannot be delivered"),
        ("Alice Moreno", "it took too long"),
    ]
    assert events.of(order.id)


def test_page_and_api_tell_the_same(app: Flask) -> None:
    client, staff = somebody(alice), somebody(sam)
    order = a_full_story(client)
    number, papers = order.number, 5
    for who in (client, staff):
        shown = Browser(app, who).get(f"/orders/{number}").json
        assert shown["standing"] == "returned"
        page = Reader(app, who).get(f"/orders/{number}")
        assert page.count("<li><small>") == len(shown["history"])
        for one in shown["history"]:
            assert one["what"] in page, one
        assert page.count('href="/papers/') == papers - 1
        listed = Browser(app, who).get(f"/orders/{number}/papers").json["items"]
        assert [one["series"] for one in listed] == ["INV", "RCT", "CN", "RV"]
