"""Pay a refund of what was taken at the desk out of a drawer: the way the money came."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.money import dollars
from shop.payments import refunding
from shop.payments.models import Refund
from shop.payments.states import RefundStatus, Tender
from shop.tills import queries, taking
from shop.tills.errors import NotEnoughCash, NotPaidOut
from shop.tills.models import DrawerMove, MoneyMove


def pay_out(refund: Refund, *, reference: str | None, by: Person, at: datetime) -> DrawerMove:
    """The client has her money: a (locked) refund of a (locked) order is done.

    Cash for cash, the terminal's refund slip for a card, a cheque of the clinic's for a cheque;
    `reference` is the number on these two. Raises NotPaidOut, NoOpenDrawer, NotEnoughCash,
    TenderRefused.
    """
    tender = refund.payment.tender
    if tender is None or refund.status is not RefundStatus.PLANNED:
        raise NotPaidOut(
            "This does not wait to be paid out here.", status=refund.status, tender=tender
        )
    number = taking.numbered(tender, reference)
    drawer = queries.drawer_to_use(by)
    if tender is Tender.CASH and queries.balances(drawer).cash < refund.amount_cents:
        raise NotEnoughCash(
            f"There is less than {dollars(refund.amount_cents)} in your drawer. Another drawer"
            " may have it.",
            wanted_cents=refund.amount_cents,
        )
    if number is not None and tender is Tender.TERMINAL:
        taking.insist_new_slip(drawer, MoneyMove.PAY_OUT, number)
    move = DrawerMove(
        id=uuid.uuid4(),
        drawer_id=drawer.id,
        kind=MoneyMove.PAY_OUT,
        tender=tender,
        cents=-refund.amount_cents,
        refund_id=refund.id,
        reference=number,
        by_id=by.id,
    )
    db.session.add(move)
    db.session.flush()  # judged by the refund as it was planned
    refunding.done(refund)
    db.session.flush()
    db.session.refresh(move)
    return move
