"""Money: payments, saved cards, refunds, calls to the provider, and what it told us."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.orders.models import MAX_QUANTITY, Order, OrderLine
from shop.payments.states import (
    DISPUTE_ARROWS,
    LIVE,
    PAYMENT_ARROWS,
    REFUND_ARROWS,
    CallStatus,
    DisputeStatus,
    PaymentStatus,
    RefundReason,
    RefundStatus,
    Tender,
    WarningOutcome,
)


class CardSetup(Base):
    """A client's consent to have her card saved, and the page on which she types it.

    While she pays, the page is her payment's; alone, the setup has one of its own. What she
    read and agreed to is kept word for word.
    """

    __tablename__ = "card_setups"
    __table_args__ = (
        sa.UniqueConstraint("id", "client_id", name="card_setups_client_key"),
        sa.UniqueConstraint("provider_session_id", name="card_setups_session_key"),
        sa.CheckConstraint(
            "length(statement) BETWEEN 50 AND 2000 AND statement_version <> ''",
            name="card_setup_says_what_was_agreed_to",
        ),
        sa.CheckConstraint(
            "page_ends_at IS NOT NULL OR coalesce(provider_session_id, url) IS NULL",
            name="card_setup_of_a_payment_has_no_page",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    statement: Mapped[str]
    statement_version: Mapped[str]
    consented_at: Mapped[datetime] = stamped()
    provider_session_id: Mapped[str | None]
    url: Mapped[str | None]  # the provider's page, while a card can be typed there
    page_ends_at: Mapped[datetime | None]  # None: the card is typed while she pays

    client: Mapped[Person] = relationship()


class SavedCard(Base):
    """A card that a client lets the shop charge for later orders. Removed, it is never charged.

    The provider keeps the card; here are its name there and what its owner knows it by.
    """

    __tablename__ = "saved_cards"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["setup_id", "client_id"],
            ["card_setups.id", "card_setups.client_id"],
            name="card_is_saved_with_its_clients_consent",
        ),
        sa.UniqueConstraint("setup_id", name="saved_cards_setup_key"),
        sa.UniqueConstraint("provider_method_id", name="saved_cards_method_key"),
        sa.CheckConstraint("brand ~ '^[a-z_]{1,40}$'", name="card_brand_is_a_word"),
        sa.CheckConstraint("last4 ~ '^[0-9]{4}$'", name="card_shows_four_digits"),
        sa.CheckConstraint(
            "exp_month BETWEEN 1 AND 12 AND exp_year BETWEEN 2000 AND 2200",
            name="card_ends_in_a_month",
        ),
        sa.CheckConstraint(
            "provider_customer_id <> '' AND provider_method_id <> ''",
            name="card_has_its_provider_names",
        ),
        sa.Index("saved_cards_of_client_idx", "client_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    setup_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    provider_customer_id: Mapped[str]
    provider_method_id: Mapped[str]
    brand: Mapped[str]  # the provider's word, such as "visa"
    last4: Mapped[str]
    exp_month: Mapped[int]
    exp_year: Mapped[int]
    saved_at: Mapped[datetime] = stamped()
    removed_at: Mapped[datetime | None]

    setup: Mapped[CardSetup] = relationship()


class Payment(Stateful, Base):
    """One attempt to pay what is due of an order, with one PaymentIntent.

    Either on a page of the provider's (a Checkout Session), or by a saved card while the client
    is away, or as a tender at the desk, which the provider never hears of; these two have neither
    page nor end of one.
    """

    machine = "payment"
    __tablename__ = "payments"
    __table_args__ = (
        state_key("payment"),
        sa.ForeignKeyConstraint(
            ["order_id", "amount_cents"],
            ["orders.id", "orders.due_cents"],
            name="amount_is_what_is_due",
        ),
        sa.UniqueConstraint("provider_session_id", name="payments_session_key"),
        sa.UniqueConstraint("provider_intent_id", name="payments_intent_key"),
        sa.CheckConstraint(
            "num_nonnulls(page_ends_at, card_id, tender) = 1",
            name="payment_has_a_page_a_card_or_a_tender",
        ),
        sa.CheckConstraint(one_of("tender", Tender), name="tender_is_known"),
        sa.CheckConstraint(
            "tender IS NULL OR coalesce(provider_session_id, provider_intent_id, url,"
            " livemode::text, setup_id::text) IS NULL",
            name="provider_knows_nothing_of_a_tender",
        ),
        sa.CheckConstraint(
            "tender IS NULL OR status IN ('created', 'succeeded')",
            name="tender_is_taken_or_is_not",
        ),
        # What a movement of a drawer copies.
        sa.UniqueConstraint("id", "tender", "amount_cents", name="payments_tender_key"),
        sa.CheckConstraint(
            "card_id IS NULL OR coalesce(provider_session_id, url) IS NULL",
            name="charge_has_no_page",
        ),
        sa.CheckConstraint("card_id IS NULL OR status <> 'open'", name="charge_is_never_open"),
        sa.CheckConstraint("card_id IS NULL OR setup_id IS NULL", name="charge_saves_no_card"),
        sa.UniqueConstraint("setup_id", name="payments_setup_key"),
        sa.CheckConstraint("currency = 'usd'", name="payment_currency_is_usd"),
        sa.CheckConstraint("captured_cents IN (0, amount_cents)", name="capture_is_total"),
        sa.CheckConstraint(
            "(status = 'succeeded') = (captured_cents > 0)", name="succeeded_is_captured"
        ),
        sa.CheckConstraint(
            "refunded_cents BETWEEN 0 AND captured_cents", name="refunds_within_capture"
        ),
        sa.Index(
            "payments_one_live",
            "order_id",
            unique=True,
            postgresql_where=sa.text("status IN ('created', 'open', 'questioned')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(index=True)
    status: Mapped[PaymentStatus] = mapped_column(Word(PaymentStatus))
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(server_default="usd", default="usd")
    captured_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))
    # Proposed, planned and done; a trigger keeps it from the refunds.
    refunded_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))
    # What disputes took and did not give back; a trigger keeps it from their ledger. Together with
    # the refunds it may exceed what was taken: a bank asks nobody.
    disputed_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))
    provider_session_id: Mapped[str | None]
    provider_intent_id: Mapped[str | None]
    livemode: Mapped[bool | None]  # whether the provider's page takes real money, once it is open
    url: Mapped[str | None]  # the provider's hosted page
    page_ends_at: Mapped[datetime | None]  # when the provider's page closes
    setup_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("card_setups.id"))
    card_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("saved_cards.id"))
    tender: Mapped[Tender | None] = mapped_column(Word(Tender))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    order: Mapped[Order] = relationship(
        foreign_keys=[order_id], primaryjoin="Order.id == Payment.order_id"
    )
    setup: Mapped[CardSetup | None] = relationship()
    card: Mapped[SavedCard | None] = relationship()
    refunds: Mapped[list[Refund]] = relationship(back_populates="payment")

    @property
    def live(self) -> bool:
        """Still the attempt that counts: no other may begin beside it."""
        return self.status in LIVE

    @validates("status")
    def _along_an_arrow(self, _key: str, new: PaymentStatus) -> PaymentStatus:
        if new not in PAYMENT_ARROWS[self.status]:
            raise WrongState(
                f"A payment that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class Refund(Stateful, Base):
    """Money that goes back the way it came: to the card, or out of a drawer at the desk.

    It is the sum of its parts: units of lines at their exact share, shipping, and what is of no
    line. What a person proposes and is large, another signs.
    """

    machine = "refund"
    __tablename__ = "refunds"
    __table_args__ = (
        state_key("refund"),
        sa.UniqueConstraint("payment_id", "request_key", name="refunds_one_per_request"),
        sa.UniqueConstraint("provider_refund_id", name="refunds_provider_key"),
        sa.CheckConstraint(
            "amount_cents >= 0 AND credit_cents >= 0 AND amount_cents + credit_cents > 0",
            name="refund_is_positive",
        ),
        sa.CheckConstraint(
            "shipping_cents >= 0 AND other_cents >= 0", name="refund_parts_are_not_negative"
        ),
        sa.CheckConstraint(one_of("reason", RefundReason), name="refund_reason_is_known"),
        sa.CheckConstraint("decided_by_id <> proposed_by_id", name="refund_is_decided_by_another"),
        sa.CheckConstraint(
            "status IN ('proposed', 'declined') OR NOT large OR decided_by_id IS NOT NULL",
            name="large_refund_is_signed",
        ),
        sa.CheckConstraint(
            "status <> 'proposed' OR proposed_by_id IS NOT NULL AND decided_by_id IS NULL",
            name="proposed_refund_waits_for_another",
        ),
        sa.Index("refunds_proposer_idx", "proposed_by_id", "planned_at"),
        sa.Index(
            "refunds_to_see_to_idx",
            "planned_at",
            postgresql_where=sa.text("status = 'proposed' OR status = 'failed'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    payment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("payments.id"))
    request_key: Mapped[str]  # what asked for it, e.g. "cancelled"
    amount_cents: Mapped[int]  # of the payment
    # Of the store credit that was spent on the order: in its account once this is planned.
    credit_cents: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    shipping_cents: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    other_cents: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # of no line
    reason: Mapped[RefundReason] = mapped_column(Word(RefundReason))
    status: Mapped[RefundStatus] = mapped_column(Word(RefundStatus))
    provider_refund_id: Mapped[str | None]
    # None: nobody had to, for it goes back whoever works today.
    proposed_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    large: Mapped[bool] = mapped_column(server_default=sa.text("false"))  # a trigger says so
    # Who signed or declined.
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    planned_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    payment: Mapped[Payment] = relationship(back_populates="refunds")
    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    units: Mapped[list[RefundUnit]] = relationship(
        back_populates="refund", order_by="RefundUnit.order_line_id, RefundUnit.unit"
    )

    @property
    def total_cents(self) -> int:
        """All that goes back, as money and as credit."""
        return self.amount_cents + self.credit_cents

    @property
    def lines(self) -> list[RefundLine]:
        """What goes back by line, in the order's own order."""
        by_line: dict[uuid.UUID, list[RefundUnit]] = {}
        for one in self.units:
            by_line.setdefault(one.order_line_id, []).append(one)
        found = [
            RefundLine(units[0].line, len(units), sum(one.cents for one in units))
            for units in by_line.values()
        ]
        return sorted(found, key=lambda each: each.line.position)

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RefundStatus) -> RefundStatus:
        if new not in REFUND_ARROWS[self.status]:
            raise WrongState(
                f"A refund that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


@dataclass(frozen=True)
class RefundLine:
    """So many units of a line, and what they give together."""

    line: OrderLine
    units: int
    cents: int


class RefundUnit(Base):
    """The n-th unit of a line goes back with a refund, at exactly its share of what was paid.

    All units of a line together give what was paid for it. Free again once its refund failed or
    was declined.
    """

    __tablename__ = "refund_units"
    __table_args__ = (
        sa.CheckConstraint(f"unit BETWEEN 1 AND {MAX_QUANTITY}", name="refunded_unit_is_sane"),
        sa.Index(
            "unit_is_refunded_once",
            "order_line_id",
            "unit",
            unique=True,
            postgresql_where=sa.text("freed_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    refund_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("refunds.id"), index=True)
    order_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    unit: Mapped[int]
    cents: Mapped[int]
    freed_at: Mapped[datetime | None] = stamped()

    refund: Mapped[Refund] = relationship(back_populates="units")
    line: Mapped[OrderLine] = relationship()


class Dispute(Stateful, Base):
    """A client's bank takes a payment back, or asks about it. Booked apart from refunds."""

    machine = "dispute"
    __tablename__ = "disputes"
    __table_args__ = (
        state_key("dispute"),
        sa.UniqueConstraint("provider_dispute_id", name="disputes_provider_key"),
        sa.CheckConstraint("amount_cents > 0", name="dispute_is_about_money"),
        sa.CheckConstraint("reason ~ '^[a-z_]{1,60}$'", name="dispute_reason_is_a_word"),
        sa.CheckConstraint(
            "(evidence_by_id IS NULL) = (evidence_at IS NULL)", name="evidence_is_sent_by_someone"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    payment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    provider_dispute_id: Mapped[str]
    status: Mapped[DisputeStatus] = mapped_column(Word(DisputeStatus))
    reason: Mapped[str]  # the provider's word, such as "product_not_received"
    amount_cents: Mapped[int]
    evidence_due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]  # at the provider
    evidence_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    evidence_at: Mapped[datetime | None] = stamped()

    payment: Mapped[Payment] = relationship()
    evidence_by: Mapped[Person | None] = relationship()
    movements: Mapped[list[DisputeMovement]] = relationship(
        back_populates="dispute", order_by="DisputeMovement.booked_at, DisputeMovement.id"
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: DisputeStatus) -> DisputeStatus:
        if new not in DISPUTE_ARROWS[self.status]:
            raise WrongState(
                f"A dispute that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class DisputeMovement(Base):
    """Money that a dispute moved at the provider: its ledger. Never changed.

    `cents` are below nought where they were taken, above where they were given back.
    """

    __tablename__ = "dispute_movements"
    __table_args__ = (
        sa.CheckConstraint("cents <> 0 OR fee_cents <> 0", name="dispute_moved_something"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # the provider's balance transaction
    dispute_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("disputes.id"), index=True)
    cents: Mapped[int]
    fee_cents: Mapped[int]  # what the provider asks for the work
    booked_at: Mapped[datetime] = stamped()

    dispute: Mapped[Dispute] = relationship(back_populates="movements")


class FraudWarning(Base):
    """A client's bank thinks that a payment was not hers. A manager looks before it is disputed."""

    __tablename__ = "fraud_warnings"
    __table_args__ = (
        sa.UniqueConstraint("provider_warning_id", name="fraud_warnings_provider_key"),
        sa.CheckConstraint("fraud_type ~ '^[a-z_]{1,60}$'", name="fraud_type_is_a_word"),
        sa.CheckConstraint(one_of("outcome", WarningOutcome), name="warning_outcome_is_known"),
        sa.CheckConstraint(
            "num_nonnulls(outcome, reviewed_by_id, reviewed_at) IN (0, 3)",
            name="warning_is_reviewed_by_someone",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    payment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    provider_warning_id: Mapped[str]
    fraud_type: Mapped[str]  # the provider's word, such as "misc"
    told_at: Mapped[datetime] = stamped()
    outcome: Mapped[WarningOutcome | None] = mapped_column(
        Word(WarningOutcome), server_default=sa.FetchedValue()
    )
    reviewed_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    reviewed_at: Mapped[datetime | None] = stamped()

    payment: Mapped[Payment] = relationship()
    reviewed_by: Mapped[Person | None] = relationship()


class ProviderCall(Base):
    """A call to the provider, written in the transaction that decided it, before it is sent."""

    __tablename__ = "provider_calls"
    __table_args__ = (
        sa.UniqueConstraint("operation", "reference_id", name="provider_calls_once"),
        sa.UniqueConstraint("idempotency_key", name="provider_calls_key"),
        sa.CheckConstraint(one_of("status", CallStatus), name="call_status_is_known"),
        sa.CheckConstraint(
            "operation IN ('open_session', 'expire_session', 'refund', 'charge_card',"
            " 'open_setup', 'detach_card', 'submit_evidence')",
            name="call_operation_is_known",
        ),
        sa.CheckConstraint(
            "(order_id IS NULL) = (operation IN ('open_setup', 'detach_card'))",
            name="call_is_about_an_order_or_a_card",
        ),
        sa.CheckConstraint("length(idempotency_key) <= 255", name="call_key_fits"),
        sa.Index(
            "provider_calls_due_idx",
            "lease_until",
            postgresql_where=sa.text("status IN ('planned', 'in_flight')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    operation: Mapped[str]
    reference_id: Mapped[uuid.UUID]  # the payment, the refund, the card or its setup
    order_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    idempotency_key: Mapped[str]  # "<operation>:<reference>"
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[CallStatus] = mapped_column(Word(CallStatus))
    # How often the answer was an error that the provider keeps under the key.
    tries: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    fence: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # leases so far
    lease_until: Mapped[datetime | None]  # nobody else sends it before
    first_sent_at: Mapped[datetime | None]
    planned_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    answer: Mapped[str | None]  # the provider's code, for people


class ProviderEvent(Base):
    """A webhook, remembered by its id: a hint to read the object again, once."""

    __tablename__ = "provider_events"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str | None]  # a few objects have none
    created: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    applied_at: Mapped[datetime | None]


class MoneyMovement(Base):
    """Cents that moved on the clinic's account at the provider, as the provider told it. Kept.

    A fact from outside: taken in, never corrected, whether or not anything here explains it.
    """

    __tablename__ = "money_movements"
    __table_args__ = (sa.Index("money_movements_created_idx", "created"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # charge, refund, payout, …: the provider's word
    category: Mapped[str]  # and its word in reports
    amount_cents: Mapped[int]  # below zero: it left the account
    fee_cents: Mapped[int]
    net_cents: Mapped[int]
    source_id: Mapped[str | None]  # the provider's charge, refund, payout, …
    intent_id: Mapped[str | None]  # the payment behind it
    created: Mapped[datetime]  # by the provider's clock
    available_on: Mapped[datetime]
    taken_in_at: Mapped[datetime] = stamped()


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"payment": PAYMENT_ARROWS, "refund": REFUND_ARROWS, "dispute": DISPUTE_ARROWS}
