"""What the shop wants from a payment provider, in the shop's own words.

The rest of the shop knows this file and nothing of the provider behind it. Whoever implements
`Gateway` maps every answer to one of these dataclasses or one of these errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

CURRENCY = "usd"

# How far the time in a webhook's signature may lie from ours, before and after.
EVENT_TOLERANCE = timedelta(seconds=300)


class SessionState(StrEnum):
    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class IntentState(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class RefundState(StrEnum):
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession:
    """A hosted page on which one attempt to pay one order is made.

    `url` is there only while the session is open. `intent_id` is learnt from the session: there
    may be none before a card was tried. `order_ref` is None for a session the shop did not open.
    """

    id: str
    url: str | None
    state: SessionState
    paid: bool
    intent_id: str | None
    amount_cents: int
    currency: str
    order_ref: str | None
    livemode: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The provider's record of the money of one payment; `failure_code` tells of the last try.

    `payment_ref` is there for a charge of a saved card, `setup_ref` where the card it was paid
    with (`method_id`) is saved for later.
    """

    id: str
    state: IntentState
    amount_cents: int
    received_cents: int
    currency: str
    order_ref: str | None
    livemode: bool
    failure_code: str | None
    payment_ref: str | None = None
    setup_ref: str | None = None
    method_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPage:
    """A hosted page on which a card is saved and nothing is paid.

    `saved_by` is the provider's record of the saving, there from the beginning.
    """

    id: str
    url: str | None
    state: SessionState
    saved_by: str | None
    setup_ref: str | None
    livemode: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as the provider keeps it. Once detached it has no customer, and is of no use."""

    id: str
    customer_id: str | None
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back. A refund that succeeded can still fail days later.

    `refund_ref` is ours; one that somebody made at the provider by hand has none.
    """

    id: str
    intent_id: str | None
    amount_cents: int
    state: RefundState
    failure_reason: str | None
    order_ref: str | None
    refund_ref: str | None = None  # ours; refunds of earlier days have none


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Cents that came to the clinic's account at the provider, or left it (below zero).

    `kind` is the provider's word for what moved them, `category` its word in reports; `net_cents`
    is what the account gained. `source_id` names what it is about, `intent_id` the payment behind
    that; neither is there for what the provider does by itself.
    """

    id: str
    kind: str
    category: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    source_id: str | None
    intent_id: str | None
    created: datetime
    available_on: datetime


class PayoutState(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Money on its way from the account at the provider to the clinic's bank."""

    id: str
    amount_cents: int
    state: PayoutState
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeMoney:
    """What a dispute moved: below nought where it was taken from the shop, and what it costs."""

    id: str
    cents: int
    fee_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A client's bank takes a payment back, or asks about it; `reason` is the bank's word."""

    id: str
    intent_id: str | None
    state: DisputeState
    reason: str
    amount_cents: int
    evidence_due_at: datetime | None
    opened_at: datetime
    evidence_sent: bool
    moved: tuple[DisputeMoney, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudWarning:
    """A bank thinks that a payment was not its client's; a dispute may follow."""

    id: str
    intent_id: str | None
    fraud_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is told of an order that is disputed. Never what was in it, nothing medical."""

    text: str
    carrier: str = ""
    tracking: str = ""
    shipped_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """A hint that an object changed. It is never the truth: re-read the object it names.

    `object_id` is None for the few objects that have no id (an account's balance).
    """

    id: str
    type: str
    object_type: str
    object_id: str | None
    created: datetime
    livemode: bool


class Gateway(Protocol):
    """Every call may raise any `GatewayError`; `key` makes a repeated call have one effect.

    No call may be made inside a database transaction: each can take as long as the network does.
    """

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
        """Open a hosted page that asks for this amount under one line, "Order A-…".

        The provider learns the order's number and the amount, and nothing of client or goods.
        `expires_at` must lie between 30 minutes and 24 hours ahead of the provider's clock. With
        `setup_ref` the card is kept for later charges, with a customer of its own.
        """

    def open_setup(
        self, *, setup_ref: str, success_url: str, cancel_url: str, expires_at: datetime, key: str
    ) -> SetupPage:
        """Open a hosted page on which a card is kept for later charges, and nothing is paid."""

    def session(self, session_id: str) -> CheckoutSession: ...

    def page(self, session_id: str) -> CheckoutSession | SetupPage:
        """A page of either kind: a webhook does not say which it is about."""

    def setups_since(self, since: datetime) -> Iterator[SetupPage]:
        """All pages to save a card on, created at or after that moment, newest first."""

    def method_saved(self, saved_by: str) -> str | None:
        """The card that a page's record of saving names; None while there is none."""

    def card(self, method_id: str) -> Card: ...

    def detach(self, method_id: str, *, key: str) -> Card:
        """Let the provider forget whose card it is: it can never be charged again."""

    def charge_card(
        self,
        *,
        order_ref: str,
        payment_ref: str,
        amount_cents: int,
        customer_id: str,
        method_id: str,
        key: str,
    ) -> Intent:
        """Charge a card that was kept, while its owner is away.

        Raises Declined where the bank refuses or wants to see her, with the intent it left.
        """

    def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        """Close the page. One that is complete or expired already is answered as it stands."""

    def intent(self, intent_id: str) -> Intent: ...

    def sessions_since(self, since: datetime) -> Iterator[CheckoutSession]:
        """All payment sessions created at or after that moment, newest first."""

    def intents_since(self, since: datetime) -> Iterator[Intent]:
        """All intents created at or after that moment, newest first."""

    def refunds_of(self, intent_id: str) -> list[Refund]:
        """All refunds of an intent, newest first."""

    def refund(
        self,
        *,
        intent_id: str,
        amount_cents: int,
        order_ref: str,
        key: str,
        refund_ref: str | None = None,
    ) -> Refund:
        """Send money back the way it came. The provider refuses more than was received."""

    def refund_state(self, refund_id: str) -> Refund: ...

    def movements_since(self, since: datetime) -> Iterator[Movement]:
        """All movements of the account's money made at or after that moment, newest first."""

    def payouts_since(self, since: datetime) -> Iterator[Payout]:
        """All payouts made at or after that moment, newest first."""

    def movements_of(self, payout_id: str) -> list[Movement]:
        """What a payout was made of; its own movement is among them."""

    def dispute(self, dispute_id: str) -> Dispute: ...

    def disputes_since(self, since: datetime) -> Iterator[Dispute]:
        """All disputes opened at or after that moment, newest first."""

    def submit_evidence(self, dispute_id: str, evidence: Evidence, *, key: str) -> Dispute:
        """Send what speaks for the shop, for good: the bank takes it once."""

    def fraud_warning(self, warning_id: str) -> FraudWarning: ...

    def fraud_warnings_since(self, since: datetime) -> Iterator[FraudWarning]:
        """All warnings made at or after that moment, newest first."""

    def read_event(self, body: bytes, signature: str, *, at: datetime) -> ProviderEvent:
        """Check a webhook's signature over its raw bytes and read it.

        Raises BadSignature when no configured secret signed these bytes within `EVENT_TOLERANCE`
        of `at`, before or after, and BadEvent when what was signed is not an event for us.
        """


class GatewayError(Exception):
    """The provider's answer is not the thing asked for. `facts` hold no personal data."""

    code = "gateway_error"

    def __init__(self, message: str, *, code: str | None = None, **facts: str | int | None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.facts = {name: value for name, value in facts.items() if value is not None}


class Declined(GatewayError):
    """The card was refused: decided, no money moved. `intent` is how the try left it, if told."""

    code = "card_declined"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        intent: Intent | None = None,
        **facts: str | int | None,
    ) -> None:
        super().__init__(message, code=code, **facts)
        self.intent = intent


class ProviderRefused(GatewayError):
    """The request was wrong, or the object is no longer in a state to obey: nothing happened.

    `code` is the provider's own, such as `payment_intent_unexpected_state`, or
    `idempotency_error` when a key came again with other parameters.
    """

    code = "provider_refused"


class NotExecuted(GatewayError):
    """Too many requests or a lock held elsewhere: nothing happened, the same key may try again."""

    code = "not_executed"


class Unknown(GatewayError):
    """It may have happened or not: time-out, lost connection, error inside the provider.

    Only the same key with the same parameters, or a look-up, tells. Never a new key.
    """

    code = "unknown_outcome"


class Remembered(Unknown):
    """An error inside the provider, or an answer that cannot be read, kept under the key.

    The same key brings the same again for a day: after a few tries only a look-up tells.
    """


class Misconfigured(GatewayError):
    """Wrong or missing key or right, or test and live mixed: nothing goes until a person acts."""

    code = "misconfigured"


class NotThere(GatewayError):
    """The provider knows no such object."""

    code = "not_there"


class BadSignature(GatewayError):
    """A webhook that none of our secrets signed, or not just now."""

    code = "bad_signature"


class BadEvent(GatewayError):
    """A webhook that is signed but cannot be read, or is meant for the other mode."""

    code = "bad_event"
