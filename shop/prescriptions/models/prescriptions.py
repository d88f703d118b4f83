"""Prescriptions (an authority): about a person and a product, not about a purchase."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.prescriptions.models.papers import TakenAway
from shop.prescriptions.models.practice import Examination
from shop.prescriptions.models.requests import ApprovalRequest
from shop.prescriptions.standing import Standing, standing
from shop.prescriptions.states import (
    PRESCRIPTION_ARROWS,
    FillStatus,
    HeldFor,
    PrescriptionStatus,
    RequestStatus,
)
from shop.treatments.models import Plan

if TYPE_CHECKING:
    from shop.prescriptions.models.fills import Fill
    from shop.prescriptions.models.records import Signature
    from shop.prescriptions.models.successions import Supersession


class Prescription(Stateful, Base):
    """A physician's approval record: this client may have this variant, so many fills, until then.

    What was signed never changes; only hold, resume, revocation, a successor and the word of two
    people that it was an error follow (FHIR MedicationRequest, intent "order").
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
        sa.ForeignKeyConstraint(  # so it is of a plan of its client
            ["request_id", "plan_id"],
            ["approval_requests.id", "approval_requests.plan_id"],
            name="prescription_is_of_the_plan_it_was_asked_for",
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
        sa.ForeignKeyConstraint(
            [
                "examination_id",
                "client_id",
                "examiner_id",
                "examination_mode",
                "examined_on",
                "examination_until",
                "examination_scope",
            ],
            [
                "examinations.id",
                "examinations.client_id",
                "examinations.examiner_id",
                "examinations.mode",
                "examinations.examined_on",
                "examinations.valid_until",
                "examinations.scope",
            ],
            name="prescription_says_its_examination",
        ),
        sa.CheckConstraint(
            "(examination_id IS NULL) = (examiner_id IS NULL)"
            " AND (examination_id IS NULL) = (examiner_name IS NULL)"
            " AND (examination_id IS NULL) = (examination_scope IS NULL)"
            " AND (examination_id IS NULL) = (examination_until IS NULL)",
            name="examination_is_named_whole",
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
        sa.UniqueConstraint("id", "signed_at", name="prescriptions_moment_key"),
        sa.UniqueConstraint("id", "client_id", name="prescriptions_client_key"),
        sa.UniqueConstraint("id", "client_id", "variant_id", name="prescriptions_pack_key"),
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
            "(status = 'on_hold') = (held_at IS NOT NULL"
            " AND num_nonnulls(held_by_id, held_for) = 1)",
            name="held_by_someone",
        ),
        sa.CheckConstraint(one_of("held_for", HeldFor), name="held_for_a_known_reason"),
        sa.Index("prescriptions_client_idx", "client_id", "variant_id"),
        sa.Index(
            "prescriptions_plan_idx",
            "plan_id",
            postgresql_where=sa.text("plan_id IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    request_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID | None] = mapped_column(
        server_default=sa.FetchedValue()
    )  # its request's, unless that had ended
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
    # The examination on record, as it was; none of prescriptions of before there were any.
    examination_id: Mapped[uuid.UUID | None]
    examiner_id: Mapped[uuid.UUID | None]
    examiner_name: Mapped[str | None]
    examination_scope: Mapped[list[str] | None]
    examination_until: Mapped[date | None]
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
    held_for: Mapped[HeldFor | None] = mapped_column(Word(HeldFor))  # where no person held it
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
    plan: Mapped[Plan | None] = relationship(
        primaryjoin="foreign(Prescription.plan_id) == Plan.id", viewonly=True
    )
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
    signature: Mapped[Signature | None] = relationship(
        primaryjoin="Prescription.id == foreign(Signature.prescription_id)", viewonly=True
    )
    taken_away: Mapped[TakenAway | None] = relationship(
        primaryjoin="Prescription.id == foreign(TakenAway.prescription_id)", viewonly=True
    )
    supersession: Mapped[Supersession | None] = relationship(  # by which it was replaced
        foreign_keys="Supersession.prescription_id",
        primaryjoin="Prescription.id == Supersession.prescription_id",
        viewonly=True,
    )
    superseded: Mapped[list[Supersession]] = relationship(  # what it has replaced
        foreign_keys="Supersession.successor_id",
        primaryjoin="Prescription.id == Supersession.successor_id",
        order_by="Supersession.superseded_at",
        viewonly=True,
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

    def standing(self, at: datetime) -> Standing:
        """How it stands at `at`."""
        return standing(self, at)

    @property
    def replaced(self) -> bool:
        """Another has taken its place: it gives no new fill, and ends with what it still owes."""
        return self.supersession is not None

    @property
    def accepted(self) -> bool:
        """It is what the client asked for, or she took what was prescribed instead."""
        return self.request.status is RequestStatus.APPROVED

    @property
    def live_fills(self) -> list[Fill]:
        """The fills that count against the allowance."""
        return [fill for fill in self.fills if fill.status is not FillStatus.RELEASED]

    @property
    def fills_left(self) -> int:
        """How many fills may still be taken here."""
        return 0 if self.taken_away else self.fills_allowed - len(self.live_fills)


class PrescriptionState(Base):
    """A state the prescription covers, with the licence that carried the signature there.

    The licence's range and number are truthful copies (composite keys), so one CHECK says that the
    prescriber was licensed there on the day of signing. So are the rule of the state on
    examinations, the examination that met it, and the supervisor where the state asks for one.
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
        sa.ForeignKeyConstraint(
            ["examination_rule", "examination_rule_version"],
            ["examination_rules.number", "examination_rules.version"],
            name="state_names_its_rule_of_examination",
        ),
        sa.ForeignKeyConstraint(
            ["examination_id"], ["examinations.id"], name="state_rests_on_an_examination"
        ),
        sa.ForeignKeyConstraint(
            ["supervision_id", "prescriber_id", "supervisor_id", "state"],
            [
                "supervisions.id",
                "supervisions.prescriber_id",
                "supervisions.supervisor_id",
                "supervisions.state",
            ],
            name="state_is_under_this_supervision",
        ),
        sa.ForeignKeyConstraint(
            ["supervisor_licence_id", "supervisor_licence_number"],
            ["licences.id", "licences.number"],
            name="supervisor_has_this_licence",
        ),
        sa.CheckConstraint(
            "(supervision_id IS NULL) = (supervisor_id IS NULL)"
            " AND (supervision_id IS NULL) = (supervisor_name IS NULL)"
            " AND (supervision_id IS NULL) = (supervisor_licence_id IS NULL)"
            " AND (supervision_id IS NULL) = (supervisor_licence_number IS NULL)",
            name="supervisor_is_named_whole",
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
    examination_rule: Mapped[str | None]
    examination_rule_version: Mapped[int | None]
    examination_id: Mapped[uuid.UUID | None]
    supervision_id: Mapped[uuid.UUID | None]
    supervisor_id: Mapped[uuid.UUID | None]
    supervisor_name: Mapped[str | None]
    supervisor_licence_id: Mapped[uuid.UUID | None]
    supervisor_licence_number: Mapped[str | None]

    examination: Mapped[Examination | None] = relationship()
