"""Write the papers that an order is owed, each once.

A reaction, not part of the payment: the counter of a series is one row for the whole shop, and who
pays must not wait for it while she holds order, lots and payment. That none lacks in the end is the
net's business (`jobs.issue_owed_papers`); that none is there twice, PostgreSQL's.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.invoices import content, queries
from shop.invoices.content import Body
from shop.invoices.models import Paper, Series
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments.models import Payment, Refund
from shop.payments.states import RefundStatus
from shop.prescriptions.paper.clinic import Clinic

KINDS = {
    Series.INVOICE: Kind.INVOICE_ISSUED,
    Series.RECEIPT: Kind.RECEIPT_ISSUED,
    Series.CREDIT_NOTE: Kind.CREDIT_NOTE_ISSUED,
    Series.REVERSAL: Kind.CREDIT_NOTE_REVERSED,
}


def issue(order_id: uuid.UUID, *, clinic: Clinic, today: date, at: datetime) -> list[Paper]:
    """Write what the order is owed by now; tells what is new. Safe to repeat, at once, too.

    An order that was never paid is owed nothing. `today` is the clinic's day: the number's year.
    The order is locked first, the counters last (by the trigger).
    """
    order = orders.locked_order(order_id)
    if order.paid_at is None:
        return []
    return _Issue(order, clinic, today).all()


class _Issue:
    """The papers of one locked order."""

    def __init__(self, order: Order, clinic: Clinic, today: date) -> None:
        self.order, self.clinic, self.today = order, clinic, today
        self.client: Person = order.client
        self.known = queries.papers_of(order)
        self.new: list[Paper] = []

    def all(self) -> list[Paper]:
        invoice = self._invoice()
        payment = payments.payment_that_paid(self.order.id)
        if self._of(Series.RECEIPT) is None:
            self._receipt(invoice, payment)
        for refund in queries.refunds_to_tell(self.order):
            self._refund(refund, invoice)
        return self.new

    def _invoice(self) -> Paper:
        known = self._of(Series.INVOICE)
        if known is not None:
            return known
        said = content.invoice(self.order, self.client, clinic=self.clinic)
        return self._written(Series.INVOICE, said)

    def _receipt(self, invoice: Paper, payment: Payment | None) -> None:
        said = content.receipt(
            self.order,
            self.client,
            payment,
            queries.card_of(payment),
            of=invoice.number,
            clinic=self.clinic,
        )
        self._written(
            Series.RECEIPT,
            said,
            invoice_id=invoice.id,
            payment_id=None if payment is None else payment.id,
        )

    def _refund(self, refund: Refund, invoice: Paper) -> None:
        """A note for what went back, and its reversal where that came back."""
        note = self._of(Series.CREDIT_NOTE, refund)
        if refund.status is RefundStatus.DONE and note is None:
            said = self._credited(refund, invoice)
            self._written(Series.CREDIT_NOTE, said, invoice_id=invoice.id, refund_id=refund.id)
        undone = self._of(Series.REVERSAL, refund)
        if refund.status is RefundStatus.FAILED and note is not None and undone is None:
            said = self._credited(refund, invoice, undoes=note.number)
            self._written(Series.REVERSAL, said, invoice_id=invoice.id, refund_id=refund.id)

    def _credited(self, refund: Refund, invoice: Paper, *, undoes: str = "") -> Body:
        return content.credit_note(
            self.order,
            self.client,
            refund,
            queries.card_of(refund.payment),
            of=invoice.number,
            clinic=self.clinic,
            undoes=undoes,
        )

    def _of(self, series: Series, refund: Refund | None = None) -> Paper | None:
        wanted = None if refund is None else refund.id
        papers = (one for one in self.known if one.series is series)
        return next((one for one in papers if one.refund_id == wanted), None)

    def _written(self, series: Series, said: Body, **of: uuid.UUID | None) -> Paper:
        paper = Paper(
            id=uuid.uuid4(),
            series=series,
            issued_on=self.today,
            order_id=self.order.id,
            client_id=self.order.client_id,
            total_cents=said["total_cents"],
            body=said,
            **of,
        )
        db.session.add(paper)
        db.session.flush()  # the trigger gives it its number
        events.record(
            KINDS[series],
            paper,
            number=paper.number,
            order=self.order.number,
            cents=paper.total_cents,
        )
        self.known.append(paper)
        self.new.append(paper)
        return paper
