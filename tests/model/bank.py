"""A bank in memory: the provider behind the shop's gateway, with the model's clock and no network.

It answers as the Stripe sandbox does (tests/payments hold the two adapters to Stripe's own words);
the sandbox over its own database costs a model run more than the shop does. Pages close by
themselves, a closed page takes its untouched intent with it, and every change leaves an event that
is delivered when the model says so, or never.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shop.payments.gateway import (
    CURRENCY,
    CheckoutSession,
    Dispute,
    Evidence,
    FraudWarning,
    Intent,
    IntentState,
    NotThere,
    ProviderEvent,
    ProviderRefused,
    Refund,
    RefundState,
    SessionState,
    SetupPage,
)

Thing = TypeVar("Thing")
LEAST, MOST = timedelta(minutes=30), timedelta(hours=24)


@dataclass
class Bank:
    """Implements `Gateway`, but for the signatures of webhooks and saved cards, which the model
    leaves out: `page` knows pages to pay on only.
    """

    now: datetime
    sessions: dict[str, CheckoutSession] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)  # key → id of what it made
    events: list[ProviderEvent] = field(default_factory=list)

    def travel(self, now: datetime) -> None:
        """Let time pass: pages close."""
        self.now = now
        for page in list(self.sessions.values()):
            if page.state is SessionState.OPEN and page.expires_at <= now:
                self._close(page)

    def open_session(
        self,
        *,
        order_ref: str,
        amount_cents: int,
        success_url: str,
        cancel_url: str,
        expires_at: datetime,
        key: str,
        setup_ref: str | None = None,
    ) -> CheckoutSession:
        assert setup_ref is None, "the model saves no cards"
        if key in self.answered:
            return self.session(self.answered[key])
        if not self.now + LEAST <= expires_at <= self.now + MOST:
            raise ProviderRefused("The page would close too soon or too late.", code="bad_expiry")
        page = CheckoutSession(
            id=f"cs_{len(self.sessions)}_{order_ref}",
            url=f"http://bank/{order_ref}",
            state=SessionState.OPEN,
            paid=False,
            intent_id=None,
            amount_cents=amount_cents,
            currency=CURRENCY,
            order_ref=order_ref,
            livemode=False,
            expires_at=expires_at,
        )
        self.answered[key] = page.id
        self.sessions[page.id] = page
        return page

    def session(self, session_id: str) -> CheckoutSession:
        return _found(self.sessions, session_id)

    def page(self, session_id: str) -> CheckoutSession:
        return self.session(session_id)

    def setups_since(self, since: datetime) -> Iterator[SetupPage]:
        return iter(())

    def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        page = self.session(session_id)
        if page.state is SessionState.OPEN:
            self._close(page)
        return self.session(session_id)

    def intent(self, intent_id: str) -> Intent:
        return _found(self.intents, intent_id)

    def sessions_since(self, since: datetime) -> Iterator[CheckoutSession]:
        return iter(list(self.sessions.values()))

    def intents_since(self, since: datetime) -> Iterator[Intent]:
        return iter(list(self.intents.values()))

    def refunds_of(self, intent_id: str) -> list[Refund]:
        return [one for one in self.refunds.values() if one.intent_id == intent_id]

    def refund(
        self,
        *,
        intent_id: str,
        amount_cents: int,
        order_ref: str,
        key: str,
        refund_ref: str | None = None,
    ) -> Refund:
        if key in self.answered:
            return self.refund_state(self.answered[key])
        back = sum(
            one.amount_cents
            for one in self.refunds_of(intent_id)
            if one.state is not RefundState.FAILED
        )
        if back + amount_cents > self.intent(intent_id).received_cents:
            raise ProviderRefused("More than was received.", code="charge_already_refunded")
        made = Refund(
            id=f"re_{len(self.refunds)}_{order_ref}",
            intent_id=intent_id,
            amount_cents=amount_cents,
            state=RefundState.SUCCEEDED,
            failure_reason=None,
            order_ref=order_ref,
            refund_ref=refund_ref,
        )
        self.answered[key] = made.id
        self.refunds[made.id] = made
        self._tell("refund.updated", "refund", made.id)
        return made

    def refund_state(self, refund_id: str) -> Refund:
        return _found(self.refunds, refund_id)

    def dispute(self, dispute_id: str) -> Dispute:
        raise NotThere("Nobody disputes anything in the model.")

    def disputes_since(self, since: datetime) -> Iterator[Dispute]:
        return iter(())

    def submit_evidence(self, dispute_id: str, evidence: Evidence, *, key: str) -> Dispute:
        raise NotThere("Nobody disputes anything in the model.")

    def fraud_warning(self, warning_id: str) -> FraudWarning:
        raise NotThere("Nobody warns of anything in the model.")

    def fraud_warnings_since(self, since: datetime) -> Iterator[FraudWarning]:
        return iter(())

    def read_event(self, body: bytes, signature: str, *, at: datetime) -> ProviderEvent:
        raise NotThere("The model hands events over itself.")

    # What happens at the bank without the shop.

    def pay(self, session_id: str, *, declined: bool) -> None:
        """Somebody tries a card on an open page."""
        page = self.session(session_id)
        assert page.state is SessionState.OPEN
        intent = Intent(
            id=f"pi_{session_id}",
            state=IntentState.REQUIRES_PAYMENT_METHOD if declined else IntentState.SUCCEEDED,
            amount_cents=page.amount_cents,
            received_cents=0 if declined else page.amount_cents,
            currency=page.currency,
            order_ref=page.order_ref,
            livemode=page.livemode,
            failure_code="insufficient_funds" if declined else None,
        )
        self.intents[intent.id] = intent
        self.sessions[page.id] = replace(page, intent_id=intent.id)
        if declined:
            return self._tell("payment_intent.payment_failed", "payment_intent", intent.id)
        self.sessions[page.id] = replace(
            page, intent_id=intent.id, state=SessionState.COMPLETE, paid=True, url=None
        )
        self._tell("payment_intent.succeeded", "payment_intent", intent.id)
        return self._tell("checkout.session.completed", "checkout.session", page.id)

    def fail_refund(self, refund_id: str) -> None:
        """A receiving bank sends money back, days later."""
        self.refunds[refund_id] = replace(
            self.refunds[refund_id], state=RefundState.FAILED, failure_reason="expired_card"
        )
        self._tell("refund.failed", "refund", refund_id)

    def _close(self, page: CheckoutSession) -> None:
        self.sessions[page.id] = replace(page, state=SessionState.EXPIRED, url=None)
        if page.intent_id is not None:
            self.intents[page.intent_id] = replace(
                self.intents[page.intent_id], state=IntentState.CANCELED
            )
            self._tell("payment_intent.canceled", "payment_intent", page.intent_id)
        self._tell("checkout.session.expired", "checkout.session", page.id)

    def _tell(self, kind: str, of: str, object_id: str) -> None:
        self.events.append(
            ProviderEvent(
                id=f"evt_{len(self.events)}",
                type=kind,
                object_type=of,
                object_id=object_id,
                created=self.now,
                livemode=False,
            )
        )


def _found(known: dict[str, Thing], name: str) -> Thing:
    if name not in known:
        raise NotThere(f"No such object: {name}.")
    return known[name]
