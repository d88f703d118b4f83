"""How each verb of the tables is called, on a subject that is in some state.

`BY_SQL` walks the arrows that no verb walks yet; `NOT_YET` are arrows that PostgreSQL still refuses,
because the rows that they would need have no verb that writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.inventory import expiring as lots_expiring
from shop.inventory import releasing
from shop.inventory.states import LOT_ARROWS
from shop.orders import cancelling, expiring, paying, revoking
from shop.orders.models import Order
from shop.orders.states import LINE_ARROWS, ORDER_ARROWS
from shop.payments import refunding, settling
from shop.payments import signing as refund_signing
from shop.payments.gateway import IntentState, RefundState, SessionState
from shop.payments.states import PAYMENT_ARROWS, REFUND_ARROWS
from shop.prescriptions import (
    changing,
    erring,
    filling,
    holding,
    inquiring,
    requesting,
    reviewing,
    signing,
)
from shop.prescriptions import (
    expiring as requests_expiring,
)
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import FILL_ARROWS, PRESCRIPTION_ARROWS, REQUEST_ARROWS
from tests.model import stages
from tests.model.stages import UNCLAIMED, a_page, moved, prescriber, some_money
from tests.orders.things import leave, pay
from tests.people import a_fresh_sign_in, dr_chen, mona
from tests.prescriptions.builders import ANSWERS, a_prescription, an_examination, the_terms

ARROWS: dict[str, dict[Any, Any]] = {
    "approval_request": REQUEST_ARROWS,
    "prescription": PRESCRIPTION_ARROWS,
    "fill": FILL_ARROWS,
    "lot": LOT_ARROWS,
    "order": ORDER_ARROWS,
    "order_line": LINE_ARROWS,
    "payment": PAYMENT_ARROWS,
    "refund": REFUND_ARROWS,
}

# How each verb is called


def _claimer(asked: Any) -> Any:
    return asked.claimed_by or dr_chen()


def _sign(asked: Any) -> None:
    by = _claimer(asked)
    signing.sign(asked, the_terms(), by=by, proof=a_fresh_sign_in(by), at=now())


def _change(asked: Any) -> None:
    by = _claimer(asked)
    terms = the_terms(quantity_per_fill=asked.quantity + 1)
    signing.sign(asked, terms, by=by, proof=a_fresh_sign_in(by), at=now())


def _accept(asked: Any) -> None:
    act_as(f"person:{asked.client_id}")
    cents = asked.variant.price_at(now()).cents
    changing.accept(asked, expect_unit_cents=cents, by=asked.client, at=now())


def _refuse(asked: Any) -> None:
    reason = reviewing.RefusalReason.EXAM_REQUIRED
    reviewing.refuse(asked, reason=reason, message="Come in.", by=_claimer(asked), at=now())


def _revoke(signed: Prescription) -> None:
    revoking.revoke(signed, reason="no longer", by=prescriber(signed), at=now())


def _err(signed: Prescription) -> None:
    said = erring.report(signed, reason="wrong", by=prescriber(signed), at=now())
    revoking.enter_in_error(said, by=mona(), at=now())


def _under(line: Any) -> Prescription:
    return db.session.get_one(Prescription, line.fill.prescription_id)


def _order(line: Any) -> Order:
    return db.session.get_one(Order, line.order_id)


def _begin(order: Any) -> None:
    settling.begin(order, by=order.client, at=now(), base_url="http://localhost")


def _pay(order: Any) -> None:
    """Its money comes; where it does not wait for any, the order is asked what becomes of it."""
    if order.status == "awaiting_payment":
        pay(order)
    else:
        assert paying.mark_paid(order, at=now()) is not paying.Outcome.PAID


def _cancel(order: Any) -> None:
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())


def _overdue(order: Any) -> None:
    order.pay_by = now() - timedelta(days=1)
    db.session.flush()
    expiring.expire(order, at=now())


def _ship(order: Any, skus: list[str] | None = None) -> None:
    leave(order, skus=skus, by=mona())


def _page(payment: Any, state: SessionState, **given: Any) -> None:
    settling.apply_session(a_page(payment, state, **given), at=now(), payment_id=payment.id)


def _money(payment: Any, state: IntentState) -> None:
    settling.apply_intent(some_money(payment, state), at=now())


Verb = Callable[[Any], object]
VERBS: dict[str, dict[str, Verb]] = {
    "approval_request": {
        "answer": lambda r: requesting.answer(r, ANSWERS, by=r.client, at=now()),
        "submit": lambda r: requesting.submit(r, consent=True, by=r.client, at=now()),
        "withdraw": lambda r: requesting.withdraw(r, by=r.client, at=now()),
        "claim": lambda r: reviewing.claim(r, by=_claimer(r), at=now()),
        "release": lambda r: reviewing.release(r, by=_claimer(r), at=now()),
        "refuse": _refuse,
        "sign": _sign,
        "change": _change,
        "accept": _accept,
        "inquire": lambda r: inquiring.inquire(r, "Since when?", by=_claimer(r), at=now()),
        "reply": lambda r: inquiring.reply(r, "Since May.", answers={}, by=r.client, at=now()),
        "refer": lambda r: stages.referred(r, by=_claimer(r)),
        "examine": lambda r: an_examination(r.client),
        "expire": lambda r: requests_expiring.expire(at=now() + timedelta(days=61)),
    },
    "prescription": {
        "hold": lambda p: holding.hold(p, reason="wait", by=prescriber(p), at=now()),
        "resume": lambda p: holding.resume(p, by=prescriber(p), at=now()),
        "revoke": _revoke,
        "replace": lambda p: a_prescription(p.client, p.variant, by=prescriber(p)),
        "err": _err,
        "fill": lambda p: filling.reserve(p.id, state="CA", quantity=1, at=now()),
    },
    "fill": {
        "consume": lambda f: filling.consume(f, at=now()),
        "dispense": lambda f: filling.dispense(f, at=now()),
        "release": lambda f: filling.release(f, at=now()),
    },
    "lot": {
        "release": lambda lot: releasing.release(lot, by=mona(), at=now()),
        "quarantine": lambda lot: releasing.quarantine(lot, reason="odd", by=mona(), at=now()),
        "hold": lambda lot: releasing.hold(lot, reason="odd", by=mona(), at=now()),
        "expire": lambda lot: lots_expiring.expire(today=lot.expires_on + timedelta(days=1)),
    },
    "order": {
        "begin": _begin,
        "pay": _pay,
        "cancel": _cancel,
        "expire": lambda o: expiring.expire(o, at=now()),
        "overdue": _overdue,
        "ship": _ship,
    },
    "order_line": {
        "pay": lambda line: _pay(_order(line)),
        "ship": lambda line: _ship(_order(line), [line.sku]),
        "revoke": lambda line: _revoke(_under(line)),
        "cancel": lambda line: _cancel(_order(line)),
    },
    "payment": {
        "page_open": lambda p: _page(p, SessionState.OPEN),
        "page_expired": lambda p: _page(p, SessionState.EXPIRED),
        "other_amount": lambda p: _page(p, SessionState.OPEN, amount_cents=1),
        "money": lambda p: _money(p, IntentState.SUCCEEDED),
        "money_cancelled": lambda p: _money(p, IntentState.CANCELED),
        "to_capture": lambda p: _money(p, IntentState.REQUIRES_CAPTURE),
        "card_refused": lambda p: _money(p, IntentState.REQUIRES_PAYMENT_METHOD),
    },
    "refund": {
        "pending": lambda r: stages.refund_told(r, RefundState.PENDING),
        "action_needed": lambda r: stages.refund_told(r, RefundState.REQUIRES_ACTION),
        "succeeded": lambda r: stages.refund_told(r, RefundState.SUCCEEDED),
        "failed": lambda r: stages.refund_told(r, RefundState.FAILED),
        "cancelled": lambda r: stages.refund_told(r, RefundState.CANCELED),
        "given_up": lambda r: refunding.fail(r, why="rejected"),
        "sign": lambda r: refund_signing.sign(r, by=mona(), at=now()),
        "decline": lambda r: refund_signing.decline(r, by=mona(), at=now()),
    },
}

# Arrows that no verb walks yet


def _referred_unread(draft: Any) -> None:
    """Straight from the draft, with what a hand-over needs."""
    moved(draft, "referred", answers_hash=bytes(32), consented_at=now())


def _back_on_its_way(line: Any) -> None:
    """Held without giving its units back, and let go again."""
    moved(line, "ready")


def _to(state: str, **columns: Any) -> Verb:
    return lambda subject: moved(subject, state, **columns)


BY_SQL: dict[tuple[str, str, str], Verb] = {
    ("approval_request", "draft", "referred"): _referred_unread,
    ("lot", "quarantine", "recalled"): _to("recalled"),
    ("lot", "quarantine", "destroyed"): _to("destroyed"),
    ("lot", "available", "recalled"): _to("recalled"),
    ("lot", "on_hold", "recalled"): _to("recalled"),
    ("lot", "recalled", "returned"): _to("returned"),
    ("lot", "recalled", "destroyed"): _to("destroyed"),
    ("lot", "expired", "destroyed"): _to("destroyed"),
    ("lot", "expired", "recalled"): _to("recalled"),
    ("order_line", "ready", "packed"): _to("packed"),
    ("order_line", "shipped", "delivered"): _to("delivered"),
    ("order_line", "shipped", "returned"): _to("returned"),
    ("order_line", "delivered", "returned"): _to("returned"),
    ("payment", "questioned", "cancelled"): _to("cancelled"),
}
# arrow → how it is tried, and what still refuses it
NOT_YET: dict[tuple[str, str, str], tuple[Verb, str]] = {
    # A hard stop would decline by itself; today only a physician's refusal declines.
    ("approval_request", "draft", "declined"): (
        _to("declined", answers_hash=bytes(32), consented_at=None),
        "submitted_with_consent_and_answers",
    ),
    # A line held by a revocation has given its units back, and its prescription never stands again.
    ("order_line", "on_hold", "ready"): (
        _back_on_its_way,
        "line_goes_on_under_a_standing_prescription",
    ),
}
# Arrows walked inside a verb that goes further.
PASSED_THROUGH = {("order_line", "packed", "shipped"): ("ready", "ship")}
__all__ = ["ARROWS", "BY_SQL", "NOT_YET", "PASSED_THROUGH", "UNCLAIMED", "VERBS"]
