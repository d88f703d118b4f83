"""A subject in every state of every life cycle, truthfully built: by the shop's verbs as far as there
are any, and by direct SQL with its event where there is none yet.

`STAGES[machine][state]` builds one; the caller commits. `moved` is the SQL of the states
that no verb leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import expiring as lots_expiring
from shop.inventory import releasing
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.orders import cancelling, checkout, expiring, queries, revoking
from shop.orders.models import Order, OrderLine
from shop.payments import refunding, settling
from shop.payments import signing as refund_signing
from shop.payments.gateway import CheckoutSession, Intent, IntentState, RefundState, SessionState
from shop.payments.gateway import Refund as ToldRefund
from shop.payments.models import Payment, Refund
from shop.payments.proposing import Wanted
from shop.prescriptions import (
    erring,
    filling,
    holding,
    inquiring,
    referring,
    requesting,
    reviewing,
    signing,
)
from shop.prescriptions import (
    expiring as requests_expiring,
)
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart, leave
from tests.payments.money_back import on_the_shelf, propose, sent
from tests.people import a_fresh_sign_in, alice, mona
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
    the_terms,
)

TABLES = {
    "approval_request": "approval_requests",
    "prescription": "prescriptions",
    "fill": "fills",
    "lot": "lots",
    "order": "orders",
    "order_line": "order_lines",
    "payment": "payments",
    "refund": "refunds",
}


def moved(subject: Any, to: str, **columns: Any) -> Any:
    """Direct SQL: the event, and the row with it. The subject, read afresh."""
    db.session.flush()
    seq = db.session.execute(
        sa.text(
            "INSERT INTO events (subject_id, machine, kind, to_state)"
            " VALUES (:id, :machine, 'by_sql', :to) RETURNING seq"
        ),
        {"id": subject.id, "machine": subject.machine, "to": to},
    ).scalar_one()
    sets = ", ".join(
        ["status = :to", "state_seq = :seq", *(f"{name} = :{name}" for name in columns)]
    )
    db.session.execute(
        sa.text(f"UPDATE {TABLES[subject.machine]} SET {sets} WHERE id = :id"),
        {"id": subject.id, "to": to, "seq": seq, **columns},
    )
    db.session.refresh(subject)
    return subject


# Approval requests


def an_answered_draft() -> ApprovalRequest:
    draft = a_draft()
    requesting.answer(draft, ANSWERS, by=draft.client, at=now())
    return draft


def withdrawn() -> ApprovalRequest:
    asked = a_request()
    requesting.withdraw(asked, by=asked.client, at=now())
    return asked


def refused(asked: ApprovalRequest | None = None) -> ApprovalRequest:
    asked = asked or a_claimed_request()
    assert asked.claimed_by is not None
    reviewing.refuse(
        asked,
        reason=reviewing.RefusalReason.EXAM_REQUIRED,
        message="Come and see us.",
        by=asked.claimed_by,
        at=now(),
    )
    return asked


def approved() -> ApprovalRequest:
    return a_prescription().request


def approved_with_changes(asked: ApprovalRequest | None = None) -> ApprovalRequest:
    """One tube more in each fill than was asked for."""
    asked = asked or a_claimed_request()
    by = asked.claimed_by
    assert by is not None
    terms = the_terms(quantity_per_fill=asked.quantity + 1)
    signing.sign(asked, terms, by=by, proof=a_fresh_sign_in(by), at=now())
    return asked


def expired_draft(draft: ApprovalRequest | None = None) -> ApprovalRequest:
    draft = draft or a_draft()
    requests_expiring.expire(at=now() + timedelta(days=31))
    return draft


def asked_back(asked: ApprovalRequest | None = None) -> ApprovalRequest:
    asked = asked or a_claimed_request()
    assert asked.claimed_by is not None
    inquiring.inquire(asked, "Since when?", by=asked.claimed_by, at=now())
    return asked


def referred(asked: ApprovalRequest | None = None, *, by: Any = None) -> ApprovalRequest:
    asked = asked or a_claimed_request()
    reason = referring.ReferralReason.EXAM_REQUIRED
    referring.refer(asked, reason=reason, message="Come.", by=by or asked.claimed_by, at=now())
    return asked


UNCLAIMED = {"claimed_by_id": None, "claimed_until": None}


# Prescriptions and fills


def held() -> Prescription:
    signed = a_prescription()
    holding.hold(signed, reason="wait", by=prescriber(signed), at=now())
    return signed


def prescriber(signed: Prescription) -> Any:
    from shop.accounts.models import Person

    return db.session.get_one(Person, signed.prescriber_id)


def revoked() -> Prescription:
    signed = a_prescription()
    revoking.revoke(signed, reason="no longer", by=prescriber(signed), at=now())
    return signed


def superseded() -> Any:
    signed = a_prescription()
    a_prescription(signed.client, signed.variant, by=prescriber(signed))
    return signed


def an_error() -> Any:
    signed = a_prescription()
    said = erring.report(signed, reason="wrong", by=prescriber(signed), at=now())
    return erring.confirm(said, by=mona(), at=now())


def a_fill() -> Fill:
    """Of a prescription, for no order: its order judges a fill elsewhere."""
    signed = a_prescription()
    return filling.reserve(signed.id, state="CA", quantity=1, at=now())


def after(fill: Fill, *verbs: Callable[..., None]) -> Fill:
    for verb in verbs:
        verb(fill, at=now())
    return fill


# Orders, their lines, and the money


def an_order(**given: Any) -> Order:
    """A cream and a soap, waiting for their money."""
    client, cream, soap = alice(), a_cream(), a_variant()
    a_lot(cream), a_lot(soap)
    a_prescription(client, cream)
    order = checkout.place(
        a_cart(client, {cream: 1, soap: 1}),
        skus=None,
        address=HOME,
        shipping_method="standard",
        expect_total_cents=None,
        by=client,
        at=now(),
    )
    for name, value in given.items():
        setattr(order, name, value)
    db.session.flush()
    return order


def a_paid_order() -> Order:
    return a_payment("succeeded").order


def a_closed_order() -> Order:
    order = a_paid_order()
    shipped(order)
    return order


def shipped(order: Order, *, skus: list[str] | None = None) -> None:
    leave(order, skus=skus, by=mona())


def a_cancelled_order() -> Order:
    order = an_order()
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    return order


def an_expired_order() -> Order:
    order = an_order(pay_by=now() - timedelta(minutes=1))
    expiring.expire(order, at=now())
    return order


def the_cream(order: Order) -> OrderLine:
    return next(line for line in order.lines if line.fill is not None)


def a_line(state: str) -> OrderLine:
    """A doctor-only line; the soap beside it stays where it is."""
    if state == "placed":
        return the_cream(an_order())
    if state == "cancelled":
        return the_cream(a_cancelled_order())
    order = a_paid_order()
    line = the_cream(order)
    if state == "on_hold":
        db.session.commit()  # what a transaction makes ready has to stand at its end
        signed = db.session.get_one(Prescription, line.fill.prescription_id)
        revoking.revoke(signed, reason="no longer", by=prescriber(signed), at=now())
    elif state == "packed":
        moved(line, "packed")
    elif state != "ready":
        shipped(order, skus=[line.sku])
        if state != "shipped":
            moved(line, state)
    return line


def a_page(
    payment: Payment, state: SessionState = SessionState.OPEN, **given: Any
) -> CheckoutSession:
    """The bank's page of a payment, as the gateway tells of it."""
    fields: dict[str, Any] = {
        "id": payment.provider_session_id or f"cs_{payment.id.hex}",
        "url": "http://bank/page" if state is SessionState.OPEN else None,
        "state": state,
        "paid": state is SessionState.COMPLETE,
        "intent_id": None,
        "amount_cents": payment.amount_cents,
        "currency": "usd",
        "order_ref": payment.order.number,
        "livemode": False,
        "expires_at": payment.page_ends_at,
    }
    return CheckoutSession(**(fields | given))


def some_money(payment: Payment, state: IntentState = IntentState.SUCCEEDED) -> Intent:
    """The money of a payment; the shop has its name from the page."""
    if payment.provider_intent_id is None:
        payment.provider_intent_id = f"pi_{payment.id.hex}"
    payment.livemode = False
    db.session.flush()
    return Intent(
        id=payment.provider_intent_id,
        state=state,
        amount_cents=payment.amount_cents,
        received_cents=payment.amount_cents if state is IntentState.SUCCEEDED else 0,
        currency="usd",
        order_ref=payment.order.number,
        livemode=False,
        failure_code=None,
    )


def a_payment(state: str) -> Payment:
    order = an_order()
    payment = settling.begin(order, by=order.client, at=now(), base_url="http://localhost")
    if state == "created":
        return payment
    told: dict[str, dict[str, Any]] = {
        "cancelled": {"state": SessionState.EXPIRED},
        "questioned": {"amount_cents": 1},
    }
    settling.apply_session(a_page(payment, **told.get(state, {})), at=now(), payment_id=payment.id)
    if state == "succeeded":
        settling.apply_intent(some_money(payment), at=now())
    db.session.flush()
    return payment


def a_refund(state: str) -> Refund:
    if state in {"proposed", "declined"}:
        refund = propose(sent({on_the_shelf(20_000): 1}), Wanted(other_cents=15_000))
        if state == "declined":
            refund_signing.decline(refund, by=mona(), at=now())
        return refund
    payment = a_payment("succeeded")
    cancelling.cancel(payment.order, reason="changed_mind", by=payment.order.client, at=now())
    settling.wind_up(queries.locked_order(payment.order_id), at=now())
    refund = db.session.scalars(sa.select(Refund).where(Refund.payment_id == payment.id)).one()
    if state == "done":
        refund_told(refund, RefundState.SUCCEEDED)
    if state == "failed":
        refund_told(refund, RefundState.FAILED)
    db.session.flush()
    return refund


def refund_told(refund: Refund, state: RefundState) -> None:
    """The bank's word about a refund."""
    payment = db.session.get_one(Payment, refund.payment_id)
    told = ToldRefund(
        id=refund.provider_refund_id or f"re_{refund.id.hex}",
        intent_id=payment.provider_intent_id,
        amount_cents=refund.amount_cents,
        state=state,
        failure_reason=None,
        order_ref=payment.order.number,
    )
    refunding.apply(told, at=now(), refund_id=refund.id)


# Lots


def a_stage_lot(state: str) -> Lot:
    """A lot of three units; where no verb leads, from what comes before it."""
    if state in ("quarantine", "available"):
        return a_lot(a_variant(), 3, status=LotStatus(state))
    lot = a_lot(a_variant(), 3, days=1 if state == "expired" else 365)
    if state == "on_hold":
        releasing.hold(lot, reason="looks odd", by=mona(), at=now())
    elif state == "expired":
        expire_lot(lot)
    else:
        moved(lot, "recalled")
        if state != "recalled":
            moved(lot, state)
    return lot


def expire_lot(lot: Lot) -> None:
    lots_expiring.expire(today=lot.expires_on + timedelta(days=1))


def _each(build: Callable[[str], Any], states: str) -> dict[str, Callable[[], Any]]:
    return {state: (lambda state=state: build(state)) for state in states.split()}


STAGES: dict[str, dict[str, Callable[[], Any]]] = {
    "approval_request": {
        "draft": an_answered_draft,
        "queued": a_request,
        "in_review": a_claimed_request,
        "info_requested": asked_back,
        "referred": referred,
        "pending_client": approved_with_changes,
        "approved": approved,
        "declined": refused,
        "withdrawn": withdrawn,
        "expired": expired_draft,
    },
    "prescription": {
        "active": a_prescription,
        "on_hold": held,
        "revoked": revoked,
        "superseded": superseded,
        "entered_in_error": an_error,
    },
    "fill": {
        "reserved": a_fill,
        "consumed": lambda: after(a_fill(), filling.consume),
        "dispensed": lambda: after(a_fill(), filling.consume, filling.dispense),
        "released": lambda: after(a_fill(), filling.release),
    },
    "lot": _each(a_stage_lot, "quarantine available on_hold recalled returned expired destroyed"),
    "order": {
        "awaiting_payment": an_order,
        "paid": a_paid_order,
        "closed": a_closed_order,
        "cancelled": a_cancelled_order,
        "expired": an_expired_order,
    },
    "order_line": _each(a_line, "placed ready on_hold packed shipped delivered cancelled returned"),
    "payment": _each(a_payment, "created open succeeded cancelled questioned"),
    "refund": _each(a_refund, "proposed planned done failed declined"),
}
