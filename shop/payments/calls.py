"""Send planned calls to the provider: outside any transaction, and at most once in effect.

A call is leased, sent and recorded. The lease ends by itself, so a call whose sender died is sent
again by another under the same key, which the provider answers with what it did the first time. A
sender whose lease ran out records nothing: the fence tells. This module commits, because no call
may be made inside a transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

import sqlalchemy as sa
import structlog

from shop.core.clock import now
from shop.core.db import db, locked
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments import following, planning, queries, refunding, settling
from shop.payments.following import Fact
from shop.payments.gateway import (
    CheckoutSession,
    Declined,
    Gateway,
    GatewayError,
    Misconfigured,
    NotExecuted,
    NotThere,
    ProviderRefused,
    SessionState,
    Unknown,
)
from shop.payments.models import ProviderCall, Refund
from shop.payments.planning import PENDING, Operation
from shop.payments.states import CallStatus

LEASE = timedelta(seconds=60)
# The provider forgets a key after 24 hours: from then on it would do the thing once more.
KEY_LIFE = timedelta(hours=23)
# An error inside the provider is remembered under the key: after so many tries we look instead.
TRIES = 5
LONGEST_PAUSE = timedelta(minutes=5)
ROUND = 100

chance = SystemRandom()
log = structlog.get_logger()


@dataclass(frozen=True)
class Lease:
    """A call that is ours to send until the lease ends."""

    call_id: uuid.UUID
    fence: int
    operation: Operation
    reference_id: uuid.UUID
    key: str
    parameters: dict[str, Any]
    tries: int
    first_sent_at: datetime
    at: datetime

    @property
    def again(self) -> bool:
        """Sent before: the answer may be an old one, kept under the key."""
        return self.tries > 1

    @property
    def only_look(self) -> bool:
        """Sending once more could do it twice, or would bring the same error for ever."""
        return self.at - self.first_sent_at > KEY_LIFE or self.tries > TRIES


@dataclass(frozen=True)
class Outcome:
    """What became of a call, to be recorded. A pause means that it stays to be sent again."""

    status: CallStatus
    code: str = ""
    facts: tuple[Fact, ...] = ()
    pause: timedelta | None = None


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
    order_id = db.session.scalar(sa.select(ProviderCall.order_id).where(ProviderCall.id == call_id))
    if order_id is None:
        return None
    order = queries.locked_order(order_id)
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
    if call is None or _dropped(call, order):
        return None
    call.fence += 1
    call.tries += 1
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
    )


def _dropped(call: ProviderCall, order: Order) -> bool:
    """A page that was never asked for is not opened once its order is over."""
    wanted = order.status is OrderStatus.AWAITING_PAYMENT
    if call.operation != Operation.OPEN_SESSION or call.first_sent_at is not None or wanted:
        return False
    call.status, call.answer = CallStatus.REJECTED, "order_over"
    settling.cancel(queries.payment(call.reference_id), why="order_over")
    return True


def _asked(lease: Lease, gateway: Gateway) -> Outcome:
    try:
        if lease.only_look:
            return _looked(lease, gateway)
        return Outcome(CallStatus.DONE, "ok", tuple(_performed(lease, gateway)))
    except GatewayError as error:
        return _answered(lease, error)


def _performed(lease: Lease, gateway: Gateway) -> list[Fact]:
    """The call itself; an answer kept under the key may be old, so the object is read again."""
    terms = lease.parameters
    match lease.operation:
        case Operation.OPEN_SESSION:
            page = gateway.open_session(
                order_ref=terms["order_ref"],
                amount_cents=terms["amount_cents"],
                success_url=terms["success_url"],
                cancel_url=terms["cancel_url"],
                expires_at=datetime.fromisoformat(terms["expires_at"]),
                key=lease.key,
            )
            return following.read_session(page.id, gateway) if lease.again else [page]
        case Operation.EXPIRE_SESSION:
            gateway.expire_session(terms["session_id"], key=lease.key)
            return following.read_session(terms["session_id"], gateway)
        case Operation.REFUND:
            refund = gateway.refund(
                intent_id=terms["intent_id"],
                amount_cents=terms["amount_cents"],
                order_ref=terms["order_ref"],
                key=lease.key,
            )
            return [gateway.refund_state(refund.id) if lease.again else refund]


def _looked(lease: Lease, gateway: Gateway) -> Outcome:
    """Whether the thing was done after all. A new key is a person's decision."""
    terms = lease.parameters
    facts: list[Fact] = []
    match lease.operation:
        case Operation.OPEN_SESSION:
            ends = datetime.fromisoformat(terms["expires_at"])
            for page in gateway.sessions_since(lease.first_sent_at - LEASE):
                if page.order_ref == terms["order_ref"] and page.expires_at == ends:
                    facts = following.read_session(page.id, gateway)
        case Operation.EXPIRE_SESSION:
            facts = following.read_session(terms["session_id"], gateway)
            if any(
                isinstance(one, CheckoutSession) and one.state is SessionState.OPEN for one in facts
            ):
                # It closes by itself within the hour; money that comes before goes back.
                return Outcome(CallStatus.REJECTED, "page_still_open", tuple(facts))
        case Operation.REFUND:
            found = gateway.refunds_of(terms["intent_id"])
            facts += [one for one in found if one.amount_cents == terms["amount_cents"]][:1]
    if not facts:
        return Outcome(CallStatus.HUMAN, "not_found")
    return Outcome(CallStatus.DONE, "found", tuple(facts))


def _answered(lease: Lease, error: GatewayError) -> Outcome:
    """What an answer other than the thing asked for means."""
    match error:
        case Misconfigured():
            log.critical("provider_misconfigured", code=error.code)
            return Outcome(CallStatus.PLANNED, error.code, pause=LEASE)
        case NotExecuted() | Unknown():
            return Outcome(CallStatus.IN_FLIGHT, error.code, pause=_pause(lease.tries))
        case Declined():
            return Outcome(CallStatus.REJECTED, error.code, (error.intent,) if error.intent else ())
        case ProviderRefused() if error.code != "idempotency_error":
            return Outcome(CallStatus.REJECTED, error.code)
        case NotThere() | _:
            return Outcome(CallStatus.HUMAN, error.code)


def _pause(tries: int) -> timedelta:
    """Longer each time, and never in step with others."""
    longest = min(LONGEST_PAUSE, timedelta(seconds=2**tries))
    return longest * chance.uniform(0.5, 1.0)


def _recorded(lease: Lease, outcome: Outcome) -> bool:
    """Write down what came of a call, unless somebody else has taken it over."""
    order_id = db.session.scalar(
        sa.select(ProviderCall.order_id).where(ProviderCall.id == lease.call_id)
    )
    assert order_id is not None
    queries.locked_order(order_id)
    call = db.session.execute(
        locked(sa.select(ProviderCall).where(ProviderCall.id == lease.call_id))
    ).scalar_one()
    if call.fence != lease.fence or call.status is not CallStatus.IN_FLIGHT:
        log.warning("call_taken_over", call=str(call.id), operation=call.operation)
        return False
    call.status, call.answer = outcome.status, outcome.code
    call.lease_until = None if outcome.pause is None else now() + outcome.pause
    following.apply(outcome.facts, of=lease.reference_id)
    if outcome.status is CallStatus.REJECTED:
        _given_up(lease, why=outcome.code)
    if outcome.status is CallStatus.HUMAN:
        log.error("call_needs_a_person", call=str(call.id), operation=call.operation)
    return True


def _given_up(lease: Lease, *, why: str) -> None:
    """The provider will not do it, and nothing happened there."""
    if lease.operation is Operation.OPEN_SESSION:
        settling.cancel(queries.payment(lease.reference_id), why=why)
    elif lease.operation is Operation.REFUND:
        refund = db.session.get_one(Refund, lease.reference_id)
        refunding.fail(refund, why=why)
