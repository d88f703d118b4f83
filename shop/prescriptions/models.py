"""Approval requests (a task), prescriptions (an authority) and fills (one use of it).

The three life cycles are kept apart. A prescription is about a person and a product, not about a
purchase: it knows nothing of orders.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.prescriptions.states import (
    FILL_ARROWS,
    PRESCRIPTION_ARROWS,
    REQUEST_ARROWS,
    FillStatus,
    PrescriptionStatus,
    RequestStatus,
)


def stamped() -> MappedColumn[Any]:
    """A moment that a trigger sets, after the row's lock."""
    return mapped_column(server_default=sa.FetchedValue(), server_onupdate=sa.FetchedValue())


class ApprovalRequest(Stateful, Base):
    """A client asks a physician for a doctor-only product."""

    machine = "approval_request"
    __tablename__ = "approval_requests"
    __table_args__ = (
        state_key("approval_request"),
        sa.UniqueConstraint("id", "client_id", name="approval_requests_client_key"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name="requested_quantity_is_sane"),
        sa.CheckConstraint(
            "status IN ('draft', 'withdrawn', 'expired') OR (submitted_at IS NOT NULL"
            " AND consented_at IS NOT NULL AND answers_hash IS NOT NULL)",
            name="submitted_with_consent_and_answers",
        ),
        sa.CheckConstraint(
            "(status = 'in_review') = (claimed_by_id IS NOT NULL AND claimed_until IS NOT NULL)",
            name="in_review_by_someone",
        ),
        sa.CheckConstraint("claimed_by_id <> client_id", name="nobody_reviews_their_own_request"),
        sa.CheckConstraint(
            "claimed_by_id <> requested_by_id", name="nobody_reviews_what_they_asked_for"
        ),
        sa.CheckConstraint("ship_to_state ~ '^[A-Z]{2}$'", name="request_state_is_a_usps_code"),
        # One live request per client and variant.
        sa.Index(
            "approval_requests_one_live",
            "client_id",
            "variant_id",
            unique=True,
            postgresql_where=sa.text(
                "status NOT IN ('approved', 'declined', 'withdrawn', 'expired')"
            ),
        ),
        sa.Index("approval_requests_queue_idx", "status", "due_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    requested_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    quantity: Mapped[int]
    ship_to_state: Mapped[str]
    status: Mapped[RequestStatus] = mapped_column(Word(RequestStatus))
    questionnaire_version: Mapped[str]
    answers_sealed: Mapped[bytes | None]
    answered_on_sealed: Mapped[bytes | None]  # {question id: the day it was first said}
    answers_hash: Mapped[bytes | None]  # SHA-256 of what was submitted, with variant and state
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    consented_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None] = stamped()
    due_at: Mapped[datetime | None]
    claimed_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    claimed_until: Mapped[datetime | None] = stamped()
    claim_count: Mapped[int] = mapped_column(
        server_default=sa.text("0"), server_onupdate=sa.FetchedValue()
    )  # counts the claims: the fence that a reviewer's page carries

    answers = Sealed("answers_sealed")
    answered_on = Sealed("answered_on_sealed")

    client: Mapped[Person] = relationship(foreign_keys=[client_id])
    requested_by: Mapped[Person] = relationship(foreign_keys=[requested_by_id])
    claimed_by: Mapped[Person | None] = relationship(foreign_keys=[claimed_by_id])
    variant: Mapped[Variant] = relationship()
    refusal: Mapped[Refusal | None] = relationship(
        back_populates="request",
        foreign_keys="Refusal.request_id",
        primaryjoin="ApprovalRequest.id == Refusal.request_id",
    )
    prescription: Mapped[Prescription | None] = relationship(
        back_populates="request",
        foreign_keys="Prescription.request_id",
        primaryjoin="ApprovalRequest.id == Prescription.request_id",
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RequestStatus) -> RequestStatus:
        if new not in REQUEST_ARROWS[self.status]:
            raise WrongState(
                f"A request that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class Refusal(Base):
    """A physician's no, with a coded reason and words for the client."""

    __tablename__ = "refusals"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="refusal_is_of_its_request",
        ),
        sa.UniqueConstraint("request_id", name="refusals_one_per_request"),
        sa.CheckConstraint("refused_by_id <> client_id", name="nobody_refuses_themselves"),
        sa.CheckConstraint(
            "reason IN ('contraindicated', 'insufficient_information', 'exam_required',"
            " 'outside_scope', 'out_of_state', 'duplicate_therapy', 'misuse_suspected',"
            " 'better_alternative', 'product_unavailable', 'identity_unverified', 'minor')",
            name="refusal_reason_is_known",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    request_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    refused_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    reason: Mapped[str]
    message_sealed: Mapped[bytes | None]  # said to the client
    note_sealed: Mapped[bytes | None]  # kept inside
    refused_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    message = Sealed("message_sealed")
    note = Sealed("note_sealed")

    request: Mapped[ApprovalRequest] = relationship(
        back_populates="refusal",
        foreign_keys="Refusal.request_id",
        primaryjoin="ApprovalRequest.id == Refusal.request_id",
    )
    refused_by: Mapped[Person] = relationship(foreign_keys=[refused_by_id])


class Prescription(Stateful, Base):
    """A physician's approval record: this client may have this variant, so many fills, until then.

    What was signed never changes; only hold, resume and revocation follow (FHIR MedicationRequest,
    intent "order").
    """

    machine = "prescription"
    __tablename__ = "prescriptions"
    __table_args__ = (
        state_key("prescription"),
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="prescription_is_for_the_requesting_client",
        ),
        sa.ForeignKeyConstraint(
            ["prescriber_id", "prescriber_npi"],
            ["people.id", "people.npi"],
            name="prescriber_has_this_npi",
        ),
        sa.ForeignKeyConstraint(
            ["fresh_id", "prescriber_id", "fresh_kind", "fresh_at"],
            ["auth_events.id", "auth_events.person_id", "auth_events.kind", "auth_events.at"],
            name="signed_after_this_fresh_sign_in",
        ),
        sa.ForeignKeyConstraint(
            ["fresh_id", "factors"],
            ["auth_events.id", "auth_events.factors"],
            name="signed_with_these_factors",
        ),
        sa.ForeignKeyConstraint(
            ["id", "client_state"],
            ["prescription_states.prescription_id", "prescription_states.state"],
            name="prescription_covers_the_clients_state",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.UniqueConstraint("request_id", name="prescriptions_one_per_request"),
        sa.UniqueConstraint(
            "id",
            "client_id",
            "variant_id",
            "fills_allowed",
            "quantity_per_fill",
            name="prescriptions_terms_key",
        ),
        sa.UniqueConstraint("id", "prescriber_id", "signed_on", name="prescriptions_signature_key"),
        sa.CheckConstraint("prescriber_id <> client_id", name="no_self_prescription"),
        sa.CheckConstraint("fills_allowed BETWEEN 1 AND 12", name="fills_allowed_is_sane"),
        sa.CheckConstraint("quantity_per_fill BETWEEN 1 AND 20", name="fill_quantity_is_sane"),
        sa.CheckConstraint("days_supply BETWEEN 1 AND 366", name="days_supply_is_sane"),
        sa.CheckConstraint("interval_days BETWEEN 1 AND 366", name="interval_is_sane"),
        sa.CheckConstraint(
            "valid_from < valid_until AND valid_until <= valid_from + interval '366 days'",
            name="valid_for_a_year_at_most",
        ),
        sa.CheckConstraint("fresh_kind = 'fresh'", name="signed_after_a_fresh_sign_in"),
        sa.CheckConstraint(
            "fresh_at <= signed_at AND signed_at - fresh_at <= interval '5 minutes'",
            name="sign_in_was_fresh_when_signed",
        ),
        sa.CheckConstraint(
            "signed_on = (signed_at AT TIME ZONE 'UTC')::date", name="signed_on_is_signed_at"
        ),
        sa.CheckConstraint("octet_length(statement_hash) = 32", name="statement_is_hashed"),
        sa.CheckConstraint(
            "examination_mode IN ('in_person', 'video', 'asynchronous')",
            name="examination_mode_is_known",
        ),
        sa.CheckConstraint("examined_on <= signed_on", name="examined_before_signing"),
        sa.CheckConstraint(
            "(status = 'revoked') = (revoked_at IS NOT NULL AND revoked_by_id IS NOT NULL)",
            name="revoked_by_someone",
        ),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_at IS NOT NULL AND held_by_id IS NOT NULL)",
            name="held_by_someone",
        ),
        sa.Index("prescriptions_client_idx", "client_id", "variant_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    request_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    quantity_per_fill: Mapped[int]  # units of the variant
    fills_allowed: Mapped[int]  # 1 + refills
    days_supply: Mapped[int]  # of one fill
    interval_days: Mapped[int | None]  # from one fill to the next, where the physician set it
    directions_sealed: Mapped[bytes]
    indication_sealed: Mapped[bytes]
    client_state: Mapped[str]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    prescriber_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    prescriber_name: Mapped[str]
    prescriber_npi: Mapped[str]
    examination_mode: Mapped[str]
    examined_on: Mapped[date]
    statement_sealed: Mapped[bytes]  # the exact text the physician saw and signed
    statement_hash: Mapped[bytes]  # SHA-256 of it
    signed_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    signed_on: Mapped[date] = mapped_column(
        server_default=sa.text("(shop_now() AT TIME ZONE 'UTC')::date")
    )
    fresh_id: Mapped[uuid.UUID]
    fresh_kind: Mapped[str] = mapped_column(server_default="fresh", default="fresh")
    fresh_at: Mapped[datetime]
    factors: Mapped[list[str]]  # what the policy of that day asked, and the physician proved
    status: Mapped[PrescriptionStatus] = mapped_column(Word(PrescriptionStatus))
    held_at: Mapped[datetime | None] = stamped()
    held_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    revoked_at: Mapped[datetime | None] = stamped()
    revoked_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    reason_sealed: Mapped[bytes | None]  # why it is held or revoked

    directions = Sealed("directions_sealed")
    indication = Sealed("indication_sealed")
    statement = Sealed("statement_sealed")
    reason = Sealed("reason_sealed")

    request: Mapped[ApprovalRequest] = relationship(
        back_populates="prescription",
        foreign_keys="Prescription.request_id",
        primaryjoin="ApprovalRequest.id == Prescription.request_id",
    )
    client: Mapped[Person] = relationship(foreign_keys=[client_id])
    prescriber: Mapped[Person] = relationship(foreign_keys=[prescriber_id])
    variant: Mapped[Variant] = relationship()
    states: Mapped[list[PrescriptionState]] = relationship(
        foreign_keys="PrescriptionState.prescription_id",
        primaryjoin="Prescription.id == PrescriptionState.prescription_id",
        order_by="PrescriptionState.state",
    )
    fills: Mapped[list[Fill]] = relationship(
        foreign_keys="Fill.prescription_id",
        primaryjoin="Prescription.id == Fill.prescription_id",
        order_by="Fill.number",
        back_populates="prescription",
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: PrescriptionStatus) -> PrescriptionStatus:
        if new not in PRESCRIPTION_ARROWS[self.status]:
            raise WrongState(
                f"A prescription that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def live_fills(self) -> list[Fill]:
        """The fills that count against the allowance."""
        return [fill for fill in self.fills if fill.status is not FillStatus.RELEASED]

    @property
    def fills_left(self) -> int:
        """How many fills may still be taken."""
        return self.fills_allowed - len(self.live_fills)


class PrescriptionState(Base):
    """A state the prescription covers, with the licence that carried the signature there.

    The licence's range and number are truthful copies (composite keys), so one CHECK says that the
    prescriber was licensed there on the day of signing.
    """

    __tablename__ = "prescription_states"
    __table_args__ = (
        sa.PrimaryKeyConstraint("prescription_id", "state"),
        sa.ForeignKeyConstraint(
            ["prescription_id", "prescriber_id", "signed_on"],
            ["prescriptions.id", "prescriptions.prescriber_id", "prescriptions.signed_on"],
            name="state_is_of_its_prescription",
        ),
        sa.ForeignKeyConstraint(
            ["licence_id", "prescriber_id", "state", "licence_from", "licence_until"],
            [
                "licences.id",
                "licences.person_id",
                "licences.state",
                "licences.valid_from",
                "licences.valid_until",
            ],
            name="licence_is_the_prescribers",
        ),
        sa.ForeignKeyConstraint(
            ["licence_id", "licence_number"],
            ["licences.id", "licences.number"],
            name="licence_has_this_number",
        ),
        sa.CheckConstraint(
            "licence_from <= signed_on AND signed_on < licence_until", name="licensed_when_signed"
        ),
    )

    prescription_id: Mapped[uuid.UUID]
    state: Mapped[str]
    prescriber_id: Mapped[uuid.UUID]
    signed_on: Mapped[date] = mapped_column(
        server_default=sa.text("(shop_now() AT TIME ZONE 'UTC')::date")
    )
    licence_id: Mapped[uuid.UUID]
    licence_number: Mapped[str]
    licence_from: Mapped[date]
    licence_until: Mapped[date]


class Fill(Stateful, Base):
    """One use of a prescription by one order line (FHIR MedicationDispense)."""

    machine = "fill"
    __tablename__ = "fills"
    __table_args__ = (
        state_key("fill"),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id", "fills_allowed", "quantity"],
            [
                "prescriptions.id",
                "prescriptions.client_id",
                "prescriptions.variant_id",
                "prescriptions.fills_allowed",
                "prescriptions.quantity_per_fill",
            ],
            name="fill_is_on_its_prescriptions_terms",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "state"],
            ["prescription_states.prescription_id", "prescription_states.state"],
            name="fill_is_for_a_covered_state",
        ),
        # What an order line points at: its client, its variant, its state, its quantity.
        sa.UniqueConstraint(
            "id", "client_id", "variant_id", "state", "quantity", name="fills_terms_key"
        ),
        sa.CheckConstraint("number BETWEEN 1 AND fills_allowed", name="fill_within_allowance"),
        sa.CheckConstraint(
            "status NOT IN ('consumed', 'dispensed') OR consumed_at IS NOT NULL",
            name="consumed_at_some_time",
        ),
        sa.CheckConstraint(
            "(status = 'dispensed') = (dispensed_at IS NOT NULL)", name="dispensed_at_some_time"
        ),
        sa.CheckConstraint(
            "(status = 'released') = (released_at IS NOT NULL)", name="released_at_some_time"
        ),
        sa.Index(
            "fills_one_per_number",
            "prescription_id",
            "number",
            unique=True,
            postgresql_where=sa.text("status <> 'released'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescription_id: Mapped[uuid.UUID]
    number: Mapped[int]
    client_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    state: Mapped[str]
    quantity: Mapped[int]
    fills_allowed: Mapped[int]
    status: Mapped[FillStatus] = mapped_column(Word(FillStatus))
    reserved_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    consumed_at: Mapped[datetime | None] = stamped()
    dispensed_at: Mapped[datetime | None] = stamped()
    released_at: Mapped[datetime | None] = stamped()

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="Fill.prescription_id",
        primaryjoin="Prescription.id == Fill.prescription_id",
        back_populates="fills",
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: FillStatus) -> FillStatus:
        if new not in FILL_ARROWS[self.status]:
            raise WrongState(
                f"A fill that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {
        "approval_request": REQUEST_ARROWS,
        "prescription": PRESCRIPTION_ARROWS,
        "fill": FILL_ARROWS,
    }
