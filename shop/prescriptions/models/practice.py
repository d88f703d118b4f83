"""What a prescription rests on beside its request: an examination, a supervisor, the rules."""

from __future__ import annotations

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.rules import Grade
from shop.core.sealed import Sealed
from shop.prescriptions.practice.rules import Mode


def _is_sealed(column: str) -> str:
    """Version byte, key id, nonce and tag round at least one step of padded text."""
    return f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97"


class Examination(Base):
    """A client was examined by a prescriber (good-faith examination; FHIR Encounter).

    Never changed or removed: a mistake is voided, with its reason. `scope` holds the families of
    actives that it covers; `valid_until` is the first day on which it no longer counts.
    """

    __tablename__ = "examinations"
    __table_args__ = (
        # What a prescription copies.
        sa.UniqueConstraint(
            "id",
            "client_id",
            "examiner_id",
            "mode",
            "examined_on",
            "valid_until",
            "scope",
            name="examinations_terms_key",
        ),
        sa.CheckConstraint(one_of("mode", Mode), name="mode_of_examination_is_known"),
        sa.CheckConstraint("examiner_id <> client_id", name="nobody_examines_themselves"),
        sa.CheckConstraint("examined_on < valid_until", name="examination_counts_from_its_day"),
        sa.CheckConstraint(
            "cardinality(scope) > 0 AND scope <@"
            " ARRAY['retinoid', 'hydroquinone', 'antibiotic', 'steroid', 'other']",
            name="examination_covers_known_families",
        ),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_id IS NULL)"
            " AND (voided_at IS NULL) = (void_reason_sealed IS NULL)",
            name="examination_voided_by_someone",
        ),
        sa.CheckConstraint(_is_sealed("findings_sealed"), name="findings_are_sealed"),
        sa.CheckConstraint(_is_sealed("void_reason_sealed"), name="void_reason_is_sealed"),
        sa.Index("examinations_client_idx", "client_id", "examined_on"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    examiner_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    examiner_name: Mapped[str]
    state: Mapped[str]  # where the client lived, and the examiner was licensed
    mode: Mapped[Mode] = mapped_column(Word(Mode))
    examined_on: Mapped[date]
    scope: Mapped[list[str]]
    valid_until: Mapped[date]
    findings_sealed: Mapped[bytes | None]
    recorded_at: Mapped[datetime] = stamped()
    voided_at: Mapped[datetime | None] = stamped()
    voided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    void_reason_sealed: Mapped[bytes | None] = mapped_column(server_default=sa.FetchedValue())

    findings = Sealed("findings_sealed")
    void_reason = Sealed("void_reason_sealed")

    client: Mapped[Person] = relationship(foreign_keys=[client_id])

    def in_force(self, day: date) -> bool:
        """Whether it counts on a day at all; a state's rule may ask for more."""
        return self.voided_at is None and self.examined_on <= day < self.valid_until


class Referral(Base):
    """A physician's "come and see us first", under her claim, with words for the client."""

    __tablename__ = "referrals"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="referral_is_of_its_request",
        ),
        sa.UniqueConstraint("request_id", "claim", name="referrals_one_per_claim"),
        sa.CheckConstraint("referred_by_id <> client_id", name="nobody_refers_themselves"),
        sa.CheckConstraint(
            "reason IN ('exam_required', 'insufficient_information', 'identity_unverified')",
            name="referral_reason_is_known",
        ),
        sa.CheckConstraint(_is_sealed("message_sealed"), name="referral_message_is_sealed"),
        sa.CheckConstraint(_is_sealed("note_sealed"), name="referral_note_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    request_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    claim: Mapped[int] = mapped_column(server_default=sa.FetchedValue())  # the claim it ended
    referred_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    reason: Mapped[str]
    message_sealed: Mapped[bytes]  # said to the client
    note_sealed: Mapped[bytes | None]  # kept inside
    referred_at: Mapped[datetime] = stamped()

    message = Sealed("message_sealed")
    note = Sealed("note_sealed")

    referred_by: Mapped[Person] = relationship(foreign_keys=[referred_by_id])


class Supervision(Base):
    """An MD or DO stands behind an NP or PA in a state; `valid_until` is the first day after."""

    __tablename__ = "supervisions"
    __table_args__ = (
        sa.UniqueConstraint(
            "id", "prescriber_id", "supervisor_id", "state", name="supervisions_terms_key"
        ),
        sa.CheckConstraint("supervisor_id <> prescriber_id", name="nobody_supervises_themselves"),
        sa.CheckConstraint("valid_from < valid_until", name="supervision_range_is_forward"),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="supervision_state_is_a_usps_code"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name="supervision_ended_by_someone"
        ),
        ExcludeConstraint(
            ("prescriber_id", "="),
            ("supervisor_id", "="),
            ("state", "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("ended_on IS NULL"),
            name="supervisions_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescriber_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    supervisor_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    state: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    entered_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    entered_at: Mapped[datetime] = stamped()
    ended_on: Mapped[date | None] = mapped_column(server_default=sa.FetchedValue())
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )

    prescriber: Mapped[Person] = relationship(foreign_keys=[prescriber_id])
    supervisor: Mapped[Person] = relationship(foreign_keys=[supervisor_id])


class KnownExaminationRule(Base):
    """A row of `practice_rules_….json` as the database judges by it; written by migrations only."""

    __tablename__ = "examination_rules"
    __table_args__ = (
        sa.PrimaryKeyConstraint("number", "version"),
        ExcludeConstraint(
            ("jurisdiction", "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="examination_rules_do_not_overlap",
        ),
    )

    number: Mapped[str]
    version: Mapped[int]
    jurisdiction: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    modes: Mapped[list[str]]
    lasts_days: Mapped[int]
    ends_with_it: Mapped[bool]
    source: Mapped[str]
    grade: Mapped[Grade] = mapped_column(Word(Grade))


class KnownSupervisionRule(Base):
    """The same for supervision."""

    __tablename__ = "supervision_rules"
    __table_args__ = (
        sa.PrimaryKeyConstraint("number", "version"),
        ExcludeConstraint(
            ("jurisdiction", "="),
            ("licence_kind", "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="supervision_rules_do_not_overlap",
        ),
    )

    number: Mapped[str]
    version: Mapped[int]
    jurisdiction: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    licence_kind: Mapped[str]
    needed: Mapped[bool]
    source: Mapped[str]
    grade: Mapped[Grade] = mapped_column(Word(Grade))
