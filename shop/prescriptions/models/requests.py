"""Approval requests (a task), and the no of a physician or of a rule."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.prescriptions.models.practice import Examination, Referral
from shop.prescriptions.states import REQUEST_ARROWS, RequestStatus
from shop.treatments.models import Plan

if TYPE_CHECKING:
    from shop.prescriptions.models.escalations import Escalation
    from shop.prescriptions.models.inquiries import Inquiry
    from shop.prescriptions.models.prescriptions import Prescription
    from shop.prescriptions.models.records import Screening


class ApprovalRequest(Stateful, Base):
    """A client asks a physician for a doctor-only product."""

    machine = "approval_request"
    __tablename__ = "approval_requests"
    __table_args__ = (
        state_key("approval_request"),
        sa.UniqueConstraint("id", "client_id", name="approval_requests_client_key"),
        sa.ForeignKeyConstraint(
            ["renews_id", "client_id", "variant_id"],
            ["prescriptions.id", "prescriptions.client_id", "prescriptions.variant_id"],
            name="request_renews_a_prescription_of_its_client_and_pack",
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "client_id"],
            ["plans.id", "plans.client_id"],
            name="request_is_for_a_plan_of_its_client",
        ),
        sa.UniqueConstraint("id", "plan_id", name="approval_requests_plan_key"),
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
        sa.CheckConstraint("risk BETWEEN 1 AND 3", name="risk_is_known"),
        sa.CheckConstraint(
            "assigned_to_id <> client_id AND assigned_to_id <> requested_by_id",
            name="nobody_is_assigned_their_own_request",
        ),
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
        sa.Index(
            "approval_requests_plan_idx",
            "plan_id",
            postgresql_where=sa.text("plan_id IS NOT NULL"),
        ),
        sa.Index(
            "approval_requests_desk_idx",
            "risk",
            "due_at",
            "id",
            postgresql_where=sa.text("status IN ('queued', 'in_review')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    requested_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    renews_id: Mapped[uuid.UUID | None]  # the prescription it asks to go on with
    plan_id: Mapped[uuid.UUID | None]  # the plan it is part of, named when it began
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
    # As screening/risk.py weighs it, 1 first; what nobody has weighed comes first, too.
    # A draft is neither weighed nor anybody's: both are written on the way to the desk only.
    risk: Mapped[int] = mapped_column(server_default=sa.text("1"))
    assigned_to_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )

    answers = Sealed("answers_sealed")
    answered_on = Sealed("answered_on_sealed")

    client: Mapped[Person] = relationship(foreign_keys=[client_id])
    requested_by: Mapped[Person] = relationship(foreign_keys=[requested_by_id])
    claimed_by: Mapped[Person | None] = relationship(foreign_keys=[claimed_by_id])
    assigned_to: Mapped[Person | None] = relationship(foreign_keys=[assigned_to_id])
    escalations: Mapped[list[Escalation]] = relationship(
        back_populates="request", order_by="Escalation.step"
    )
    variant: Mapped[Variant] = relationship()
    inquiries: Mapped[list[Inquiry]] = relationship(
        back_populates="request", order_by="Inquiry.asked_at"
    )
    refusal: Mapped[Refusal | None] = relationship(
        back_populates="request",
        foreign_keys="Refusal.request_id",
        primaryjoin="ApprovalRequest.id == Refusal.request_id",
    )
    screening: Mapped[Screening | None] = relationship(  # kept when it was decided
        primaryjoin="ApprovalRequest.id == foreign(Screening.request_id)", viewonly=True
    )
    prescription: Mapped[Prescription | None] = relationship(
        back_populates="request",
        foreign_keys="Prescription.request_id",
        primaryjoin="ApprovalRequest.id == Prescription.request_id",
    )
    renews: Mapped[Prescription | None] = relationship(
        foreign_keys="ApprovalRequest.renews_id",
        primaryjoin="ApprovalRequest.renews_id == Prescription.id",
        viewonly=True,
    )
    plan: Mapped[Plan | None] = relationship(
        primaryjoin="foreign(ApprovalRequest.plan_id) == Plan.id", viewonly=True
    )
    examinations: Mapped[list[Examination]] = relationship(
        primaryjoin="ApprovalRequest.client_id == foreign(Examination.client_id)",
        order_by="(Examination.examined_on.desc(), Examination.recorded_at.desc())",
        viewonly=True,
    )
    referrals: Mapped[list[Referral]] = relationship(
        foreign_keys="Referral.request_id",
        primaryjoin="ApprovalRequest.id == Referral.request_id",
        order_by="Referral.claim",
        viewonly=True,
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
    """The no of a physician, or of a rule of screening: a coded reason and words for the client.

    `rule` is {"number", "version"} of the rule, sealed: what it is called tells of her health.
    """

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
            "num_nonnulls(refused_by_id, rule_sealed) = 1"
            " AND (rule_sealed IS NULL) = (rules_version IS NULL)",
            name="refused_by_a_person_or_a_rule",
        ),
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
    refused_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    reason: Mapped[str]
    message_sealed: Mapped[bytes | None]  # said to the client
    note_sealed: Mapped[bytes | None]  # kept inside
    rule_sealed: Mapped[bytes | None]
    rules_version: Mapped[str | None]  # of the file that the rule is a row of
    refused_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    message = Sealed("message_sealed")
    note = Sealed("note_sealed")
    rule = Sealed("rule_sealed")

    request: Mapped[ApprovalRequest] = relationship(
        back_populates="refusal",
        foreign_keys="Refusal.request_id",
        primaryjoin="ApprovalRequest.id == Refusal.request_id",
    )
    refused_by: Mapped[Person | None] = relationship(foreign_keys=[refused_by_id])

    @property
    def by(self) -> str:
        """Who said no, in words."""
        return self.refused_by.name if self.refused_by else "A safety rule of the clinic"


class Acceptance(Base):
    """The client takes what differs from what she asked for, at the price she was shown."""

    __tablename__ = "acceptances"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="acceptance_is_of_its_request",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id", "fills_allowed", "quantity"],
            [
                "prescriptions.id",
                "prescriptions.client_id",
                "prescriptions.variant_id",
                "prescriptions.fills_allowed",
                "prescriptions.quantity_per_fill",
            ],
            name="acceptance_is_of_what_was_signed",
        ),
        sa.ForeignKeyConstraint(
            ["price_id", "variant_id", "unit_cents"],
            ["prices.id", "prices.variant_id", "prices.cents"],
            name="acceptance_names_the_price_shown",
        ),
    )

    request_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID]
    prescription_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    fills_allowed: Mapped[int]
    quantity: Mapped[int]  # units of the pack in one fill
    price_id: Mapped[uuid.UUID]
    unit_cents: Mapped[int]  # of one pack
    accepted_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
