"""Send planned calls to the provider: outside any transaction, and at most once in effect.

A call is leased, sent and recorded. The lease ends by itself, so a call whose sender died is sent
again by another under the same key, which the provider answers with what it did the first time. A
sender whose lease ran out records nothing: the fence tells. This module commits, because no call
may be made inside a transaction.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from random import SystemRandom

import sqlalchemy as sa
import structlog

from shop.core.clock import now
from shop.core.db import db, locked
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments import following, operations, planning, queries, refunding, settling
from shop.payments.gateway import (
    Declined,
    Gateway,
    GatewayError,
    Misconfigured,
    NotExecuted,
    NotThere,
    ProviderRefused,
    Remembered,
    Unknown,
)
from shop.payments.models import ProviderCall, Refund
from shop.payments.operations import Outcome
from shop.payments.planning import LEASE, PENDING, Lease, Operation
from shop.payments.states import CallStatus

LONGEST_PAUSE = timedelta(minutes=5)
HELD = timedelta(minutes=5)  # until it is looked whether a bank has decided
ROUND = 100

chance = SystemRandom()
log = structlog.get_logger()


def send(call_id: uuid.UUID, gateway: Gateway) -> CallStatus | None:
    """Send a call, unless somebody else is sending it or it is over, and record what came of it.

    Never raises for what the provider answers. Returns how the call stands now, None if it was
    not ours to send.
    """
    lease = _leased(call_id)
    db.session.commit()
    if lease is None:
        return None
    assert not db.session().in_transaction()
    outcome = _asked(lease, gateway)
    recorded = _recorded(lease, outcome)
    db.session.commit()
    return outcome.status if recorded else None


def send_for(order_id: uuid.UUID, gateway: Gateway) -> None:
    """Send every call about an order that waits, and what these calls lead to."""
    tried: set[uuid.UUID] = set()
    while waiting := [call for call in planning.pending(order_id) if call not in tried]:
        for call_id in waiting:
            tried.add(call_id)
            send(call_id, gateway)


def send_about(reference_id: uuid.UUID, gateway: Gateway) -> None:
    """Send every call about a card or its setup that waits."""
    for call_id in planning.pending_about(reference_id):
        send(call_id, gateway)


def send_due(gateway: Gateway) -> int:
    """Send what nobody sent in time or what is to be tried again; tells how many were tried.

    Stops at once when the provider takes no calls from us at all.
    """
    at = now()
    query = (
        sa.select(ProviderCall.id)
        .where(
            ProviderCall.status.in_(PENDING),
            sa.or_(
                ProviderCall.lease_until <= at,
                sa.and_(ProviderCall.lease_until.is_(None), ProviderCall.planned_at <= at - LEASE),
            ),
        )
        .order_by(ProviderCall.planned_at, ProviderCall.id)
        .limit(ROUND)
    )
    due = list(db.session.scalars(query))
    for tried, call_id in enumerate(due):
        if send(call_id, gateway) is CallStatus.PLANNED:
            return tried + 1
    return len(due)


def _leased(call_id: uuid.UUID) -> Lease | None:
    order = _locked_order_of(call_id)
    at = now()
    call = db.session.scalar(
        sa.select(ProviderCall)
        .where(
            ProviderCall.id == call_id,
            ProviderCall.status.in_(PENDING),
            sa.or_(ProviderCall.lease_until.is_(None), ProviderCall.lease_until <= at),
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if call is None:
        return None
    if order is not None and _waits(call, order):
        call.lease_until = at + HELD
        return None
    over = _over(call, order)
    if over is not None and call.first_sent_at is None:  # never sent, it never is
        call.status, call.answer = CallStatus.REJECTED, over
        _given_up(call, order, why=over)
        return None
    call.fence += 1
    call.status = CallStatus.IN_FLIGHT
    call.lease_until = at + LEASE
    call.first_sent_at = call.first_sent_at or at
    return Lease(
        call_id=call.id,
        fence=call.fence,
        operation=Operation(call.operation),
        reference_id=call.reference_id,
        key=call.idempotency_key,
        parameters=call.parameters,
        tries=call.tries,
        first_sent_at=call.first_sent_at,
        at=at,
        over=over,
    )


def _locked_order_of(call_id: uuid.UUID) -> Order | None:
    """The order that a call is about, locked; None where it is about a card alone."""
    order_id = db.session.scalar(sa.select(ProviderCall.order_id).where(ProviderCall.id == call_id))
    return None if order_id is None else queries.locked_order(order_id)


def _over(call: ProviderCall, order: Order | None) -> str | None:
    """Why money is not asked for any more: its order is over, or its card was removed."""
    if call.operation == Operation.REFUND:
        return _taken_by_a_dispute(call)
    if order is None or call.operation not in ASKING:
        return None
    if order.status is not OrderStatus.AWAITING_PAYMENT:
        return "order_over"
    card = queries.payment(call.reference_id).card
    return "card_removed" if card is not None and queries.is_removed(card) else None


def _waits(call: ProviderCall, order: Order) -> bool:
    """A refund that was never sent is not, while a bank is deciding about the order's money."""
    unsent = call.operation == Operation.REFUND and call.first_sent_at is None
    return unsent and queries.contested(order.id)


def _taken_by_a_dispute(call: ProviderCall) -> str | None:
    """Why a refund is not sent any more: a bank took the same money."""
    payment = db.session.get_one(Refund, call.reference_id, populate_existing=True).payment
    db.session.refresh(payment)
    together = payment.refunded_cents + max(0, payment.disputed_cents)
    return "dispute_took_it" if together > payment.captured_cents else None


# The calls that ask for money.
ASKING = {Operation.OPEN_SESSION, Operation.CHARGE_CARD}


def _asked(lease: Lease, gateway: Gateway) -> Outcome:
    try:
        if lease.only_look:
            return operations.look(lease, gateway)
        return Outcome(CallStatus.DONE, "ok", tuple(operations.perform(lease, gateway)))
    except GatewayError as error:
        return _answered(lease, error)


def _answered(lease: Lease, error: GatewayError) -> Outcome:
    """What an answer other than the thing asked for means."""
    match error:
        case Misconfigured():
            log.critical("provider_misconfigured", code=error.code)
            return Outcome(CallStatus.PLANNED, error.code, pause=LEASE)
        case NotExecuted() | Unknown():
            kept = isinstance(error, Remembered)
            return Outcome(CallStatus.IN_FLIGHT, error.code, pause=_pause(lease.fence), kept=kept)
        case Declined():
            return Outcome(CallStatus.REJECTED, error.code, (error.intent,) if error.intent else ())
        case ProviderRefused() if error.code != "idempotency_error":
            return Outcome(CallStatus.REJECTED, error.code)
        case NotThere() | _:
            return Outcome(CallStatus.HUMAN, error.code)


def _pause(leases: int) -> timedelta:
    """Longer each time, and never in step with others."""
    longest = min(LONGEST_PAUSE, timedelta(seconds=2 ** min(leases, 10)))
    return longest * chance.uniform(0.5, 1.0)


def _recorded(lease: Lease, outcome: Outcome) -> bool:
    """Write down what came of a call, unless somebody else has taken it over."""
    order = _locked_order_of(lease.call_id)
    call = db.session.execute(
        locked(sa.select(ProviderCall).where(ProviderCall.id == lease.call_id))
    ).scalar_one()
    if call.fence != lease.fence or call.status is not CallStatus.IN_FLIGHT:
        log.warning("call_taken_over", call=str(call.id), operation=call.operation)
        return False
    call.status, call.answer = outcome.status, outcome.code
    call.lease_until = None if outcome.pause is None else now() + outcome.pause
    call.tries += outcome.kept
    following.apply(outcome.facts, of=lease.reference_id)
    if outcome.status is CallStatus.REJECTED:
        _given_up(call, order, why=outcome.code)
    if outcome.status is CallStatus.HUMAN:
        log.error("call_needs_a_person", call=str(call.id), operation=call.operation)
    return True


def _given_up(call: ProviderCall, order: Order | None, *, why: str) -> None:
    """The provider did not do it and will not, or is not asked."""
    if call.operation == Operation.OPEN_SESSION:
        settling.cancel(queries.payment(call.reference_id), why=why)
    elif call.operation == Operation.CHARGE_CARD and order is not None:
        settling.declined(queries.payment(call.reference_id), order, why=why, at=now())
    elif call.operation == Operation.REFUND:
        refund = db.session.get_one(Refund, call.reference_id)
        refunding.fail(refund, why=why)
