"""A paper is printed from what was frozen: whatever changes later, it says the same."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.invoices import content, printing
from shop.invoices import queries as invoices
from shop.invoices.models import Paper, Series
from shop.orders import paying, queries
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments import saving, settling
from shop.payments.gateway import Card
from shop.payments.models import Payment, SavedCard
from shop.payments.saving import STATEMENT_VERSION, CardTold
from shop.payments.states import PaymentStatus
from shop.prescriptions.paper.sheet import TIMES
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.invoices.builders import a_paid_order, issued, line_off, sent_back
from tests.orders.things import CLINIC, HOME, paid, placed
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription


def text_of(made: bytes) -> str:
    pages = PdfReader(io.BytesIO(made)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def test_an_invoice_says_all_that_was_sold_taxed_and_paid(app: Flask) -> None:
    client, cream, soap = alice(), a_cream(), a_variant(cents=1999)
    a_lot(cream), a_lot(soap)
    a_prescription(client, cream, by=dr_chen())
    order = paid(client, {cream: 1, soap: 3})
    invoice, receipt = issued(order)
    text = text_of(printing.draw(invoice))

    for said in (
        f"Invoice {invoice.number}",
        CLINIC.name,
        CLINIC.address,
        client.name,
        HOME.line1,
        f"{HOME.city}, CA {HOME.postal_code}",
        f"order {order.number}",
        order.lines[0].name,
        order.lines[1].sku,
        "$19.99",
        "$59.97",
        "Sales tax CA, over-the-counter drugs, on $59.97",
        "Sales tax CA, prescription drugs, on $62.00 $0.00",
        "Subtotal $121.97",
        f"Total {printing.dollars(order.total_cents)}",
        f"Paid {printing.dollars(order.total_cents)}",
    ):
        assert said in text, (said, text)
    assert "Discount -" not in text
    assert f"Of invoice {invoice.number}" in text_of(printing.draw(receipt))


def test_the_same_paper_is_the_same_bytes_whatever_changed_since(app: Flask) -> None:
    order = a_paid_order(2)
    invoice = issued(order)[0]
    before = printing.draw(invoice)
    order.client.name = "Alice Other"
    order.lines[0].variant.product.name = "Another name"
    db.session.flush()
    db.session.expire_all()
    again = invoices.paper_for(sam(), invoice.number)
    assert printing.draw(again) == before


def test_a_receipt_tells_the_card_where_it_is_known(app: Flask) -> None:
    order = a_paid_order()
    assert "Card $" in text_of(printing.draw(issued(order)[1]))
    saved, card = a_paid_order_that_saved_its_card()
    receipt = issued(saved)[1]
    (tender,) = receipt.body["tenders"]
    assert (tender["brand"], tender["last4"]) == (card.brand, card.last4)
    assert f"ending in {card.last4}" in text_of(printing.draw(receipt))


def a_paid_order_that_saved_its_card() -> tuple[Order, SavedCard]:
    soap = a_variant()
    a_lot(soap)
    order = queries.locked_order(placed(alice(), {soap: 1}).id)
    terms = {"by": order.client, "at": now(), "base_url": "http://localhost"}
    payment = settling.begin(order, consent=STATEMENT_VERSION, **terms)
    db.session.flush()
    assert paying.mark_paid(order, at=now()) is paying.Outcome.PAID
    payment.captured_cents, payment.status = payment.amount_cents, PaymentStatus.SUCCEEDED
    events.record(events.Kind.PAYMENT_SUCCEEDED, payment, cents=payment.amount_cents)
    kept = Card(
        id=f"pm_{order.number}",
        customer_id=f"cus_{order.number}",
        brand="mastercard",
        last4="4444",
        exp_month=12,
        exp_year=2049,
    )
    saving.apply_card(CardTold(str(payment.setup_id), kept))
    db.session.commit()
    card = payments.card_of_setup(payment.setup_id)
    assert card is not None
    return order, card


def test_store_credit_is_told_on_invoice_and_receipt(app: Flask) -> None:
    """As it will be when credit pays a part: the words are those of the order's own sums."""
    order = a_paid_order(3)
    payment = db.session.scalars(sa.select(Payment)).one()
    due = order.total_cents - 1000
    with db.session.no_autoflush:
        order.credit_cents, order.due_cents, payment.captured_cents = 1000, due, due
        bodies = [
            content.invoice(order, order.client, clinic=CLINIC),
            content.receipt(
                order, order.client, payment, None, of="INV-2026-000001", clinic=CLINIC
            ),
        ]
        db.session.rollback()
    rest = printing.dollars(due)
    text = text_of(printing.draw(_drawn(Series.INVOICE, bodies[0])))
    assert f"Store credit used -$10.00 Due {rest} Paid {rest}" in text
    assert sum(each["cents"] for each in bodies[1]["tenders"]) == due + 1000
    assert "Store credit $10.00" in text_of(printing.draw(_drawn(Series.RECEIPT, bodies[1])))


def _drawn(series: Series, body: dict[str, Any]) -> Paper:
    """A paper needs no database to be drawn."""
    return Paper(series=series, year=2026, n=1, issued_on=date(2026, 11, 27), body=body)


def test_a_credit_note_names_the_line_it_is_for(app: Flask) -> None:
    order = a_paid_order(1, 2)
    invoice = issued(order)[0]
    line_off(order, 1)
    sent_back(order)
    (note,) = issued(order)
    text = text_of(printing.draw(note))
    assert f"Of invoice {invoice.number}" in text
    assert f"2 {TIMES} {order.lines[1].name}" in text
    assert order.lines[0].name not in text
    assert f"Total {printing.dollars(order.lines[1].paid_cents)}" in text


def test_who_may_open_a_paper_and_that_it_is_written_down(app: Flask) -> None:
    client, other, staff, manager = (somebody(make) for make in (alice, bob, sam, mona))
    order = a_paid_order(client=client)
    invoice, receipt = issued(order)
    db.session.commit()
    number, name = invoice.number, order.lines[0].name
    accesses = sa.select(Access.record, Access.purpose, Access.reader_id)

    mine = Browser(app, client).get(f"/papers/{number}")
    assert (mine.status_code, mine.mimetype) == (200, "application/pdf")
    assert mine.headers["Content-Disposition"] == f'inline; filename="{number}.pdf"'
    assert mine.headers["Cache-Control"] == "no-store"
    assert name in text_of(mine.data)
    assert name not in str(mine.headers)
    assert db.session.execute(accesses).all() == []
    assert Browser(app, other).get(f"/papers/{number}").status_code == 404
    staff_id, manager_id = staff.id, manager.id
    for reader in (staff, manager):
        assert Browser(app, reader).get(f"/papers/{receipt.number}").status_code == 200
    assert db.session.execute(accesses.order_by(Access.at)).all() == [
        (f"paper {receipt.number}", "payment", staff_id),
        (f"paper {receipt.number}", "payment", manager_id),
    ]
    for wrong in ("INV-2026-999999", "INV-2026-1", "XXX-2026-000001", "INV-2026-999999999"):
        assert Browser(app, manager).get(f"/papers/{wrong}").status_code == 404


def test_the_managers_list_and_table_add_up(app: Flask) -> None:
    client, manager, staff = somebody(alice, name="=Alice"), somebody(mona), somebody(sam)
    order = a_paid_order(1, 1, client=client)
    issued(order)
    line_off(order)
    sent_back(order)
    issued(order)
    db.session.commit()
    back, total = order.lines[0].paid_cents, order.total_cents
    names = [line.name for line in order.lines]
    browser = Browser(app, manager)

    listed = browser.get("/papers").json["items"]
    assert [(one["series"], one["total_cents"]) for one in listed] == [
        ("INV", total),
        ("RCT", total),
        ("CN", back),
    ]
    assert [one["number"] for one in browser.get("/papers?series=CN").json["items"]] == [
        listed[2]["number"]
    ]
    table = browser.get("/papers/table.csv")
    assert table.mimetype == "text/csv"
    rows = [row.split(",") for row in table.text.split("\r\n")[1:-1]]
    assert sum(int(row[8]) for row in rows) == total - back
    assert {row[5] for row in rows} == {"'=Alice"}  # no spreadsheet runs it
    assert not any(name in table.text + str(table.headers) for name in names)
    assert browser.get("/papers?since=2020-01-01&until=2020-01-31").json["items"] == []
    refused = browser.get("/papers?since=2026-02-01&until=2026-01-01")
    assert (refused.status_code, refused.json["code"]) == (422, "bad_period")
    assert Browser(app, staff).get("/papers").status_code == 403
