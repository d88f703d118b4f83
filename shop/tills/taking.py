"""Take what is due of an order at the desk: cash, a card on the terminal, a cheque."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.money import dollars
from shop.orders.models import Order
from shop.payments import tendering
from shop.payments.states import Tender
from shop.tills import queries
from shop.tills.errors import AmountChanged, TenderRefused
from shop.tills.models import LONGEST_NUMBER, Drawer, DrawerMove, MoneyMove


@dataclass(frozen=True)
class Given:
    """What the client hands over: cash with its amount in cents, else what paper has a number."""

    tender: Tender
    tendered_cents: int | None = None
    reference: str | None = None


def take(order: Order, given: Given, *, expect_cents: int, by: Person, at: datetime) -> DrawerMove:
    """The (locked) order is paid at the desk, into the drawer that `by` has open.

    All or nothing: what is due is paid in full by one tender, and change is given for cash only.
    A double click finds a paid order. `expect_cents` is what the person at the desk saw was due.
    Raises NotPayable, TooLate, PaymentUnderWay, NoOpenDrawer, AmountChanged, TenderRefused, and
    what the gate refuses (orders.judging.insist).
    """
    if expect_cents != order.due_cents:
        raise AmountChanged(
            f"{dollars(order.due_cents)} is due. Look again before you take money.",
            due_cents=order.due_cents,
        )
    reference = _insist_covers(given, order.due_cents)
    payment = tendering.tender(order, given.tender, at=at)
    drawer = queries.drawer_to_use(by)
    if reference is not None and given.tender is Tender.TERMINAL:
        insist_new_slip(drawer, MoneyMove.TENDER, reference)
    move = DrawerMove(
        id=uuid.uuid4(),
        drawer_id=drawer.id,
        kind=MoneyMove.TENDER,
        tender=given.tender,
        cents=payment.amount_cents,
        payment_id=payment.id,
        reference=reference,
        tendered_cents=given.tendered_cents if given.tender is Tender.CASH else None,
        by_id=by.id,
    )
    db.session.add(move)
    db.session.flush()  # what the database refuses is refused here, with the verb on the stack
    db.session.refresh(move)
    return move


def insist_new_slip(drawer: Drawer, kind: MoneyMove, reference: str) -> None:
    """No slip stands for two payments. Raises TenderRefused."""
    known = sa.exists().where(
        DrawerMove.drawer_id == drawer.id,
        DrawerMove.kind == kind,
        DrawerMove.tender == Tender.TERMINAL,
        DrawerMove.reference == reference,
    )
    if db.session.scalar(sa.select(known)):
        raise _wrong("reference", f"Slip {reference} is of another payment of this drawer.")


def numbered(tender: Tender, reference: str | None) -> str | None:
    """The number that goes with a tender, tidied; none for cash. Raises TenderRefused."""
    words = " ".join((reference or "").split())
    if tender is Tender.CASH:
        if words:
            raise _wrong("reference", "Cash has no number.")
        return None
    if not 1 <= len(words) <= LONGEST_NUMBER:
        what = "slip" if tender is Tender.TERMINAL else "cheque"
        raise _wrong("reference", f"Type the number on the {what}.")
    return words


def _insist_covers(given: Given, due_cents: int) -> str | None:
    """The number of the paper, if it has one. Raises TenderRefused."""
    if given.tender is Tender.CASH:
        if given.tendered_cents is None or given.tendered_cents < due_cents:
            raise _wrong("tendered_cents", f"{dollars(due_cents)} is due, in full.")
    elif given.tendered_cents not in (None, due_cents):
        raise _wrong("tendered_cents", "Change is given for cash only.")
    return numbered(given.tender, given.reference)


def _wrong(field: str, text: str) -> TenderRefused:
    return TenderRefused(text, fields={field: [text]})
