"""What of each type a reader may see, as one narrow table to search in, and the rows behind its
ids.

Every table has the columns that searching knows (`id`, `client_id`, `number`, `status`, `made`,
`dated`, `updated`, …); who may see what is decided by `prescriptions.queries`, as for the JSON
API. Each function here sends a number of statements that does not grow with what is found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Licence, Person, Role
from shop.catalog.models import Variant
from shop.core.db import UtcDateTime, db
from shop.core.events import Event
from shop.fhir.standing import standing_in_sql
from shop.fhir.statuses import CARE_PLAN, DISPENSE, PRESCRIPTION, PROPOSAL, SESSION, TASK
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription, Refusal
from shop.treatments import queries as treatments
from shop.treatments.models import Performance, Plan, PlanStart, Session

# --- what a reader may see -----------------------------------------------------------------------


def _my_requests(reader: Person, at: datetime) -> sa.Subquery:
    return prescriptions.requests(reader, at=at).subquery("my_requests")


def _my_prescriptions(reader: Person) -> sa.Subquery:
    return prescriptions.prescriptions(reader).subquery("my_prescriptions")


def _my_plans(reader: Person, at: datetime) -> sa.Subquery:
    return treatments.plans_seen(reader, at=at).subquery("my_plans")


def medication_requests(reader: Person, at: datetime) -> sa.Subquery:
    """Prescriptions (orders) and approval requests (proposals)."""
    signed, asked = _my_prescriptions(reader), _my_requests(reader, at)
    orders = sa.select(
        Prescription.id,
        Prescription.client_id,
        Prescription.number,
        sa.literal("prescription").label("system"),
        _words(standing_in_sql(at=at), PRESCRIPTION).label("status"),
        sa.literal("order").label("intent"),
        Prescription.signed_at.label("made"),
        Prescription.signed_at.label("dated"),
        _updated(Prescription.id, Prescription.signed_at).label("updated"),
    ).where(Prescription.id.in_(sa.select(signed.c.id)))
    proposals = sa.select(
        ApprovalRequest.id,
        ApprovalRequest.client_id,
        ApprovalRequest.number,
        sa.literal("approval-request").label("system"),
        _words(ApprovalRequest.status, PROPOSAL).label("status"),
        sa.literal("proposal").label("intent"),
        ApprovalRequest.created_at.label("made"),
        ApprovalRequest.created_at.label("dated"),
        _updated(ApprovalRequest.id, ApprovalRequest.created_at).label("updated"),
    ).where(ApprovalRequest.id.in_(sa.select(asked.c.id)))
    return sa.union_all(orders, proposals).subquery("found")


def tasks(reader: Person, at: datetime) -> sa.Subquery:
    """Approval requests, as what is to be decided."""
    asked = _my_requests(reader, at)
    return (
        sa.select(
            ApprovalRequest.id,
            ApprovalRequest.client_id,
            ApprovalRequest.number,
            sa.literal("approval-request").label("system"),
            _words(ApprovalRequest.status, TASK).label("status"),
            sa.type_coerce(ApprovalRequest.status, sa.Text()).label("business_status"),
            ApprovalRequest.created_at.label("made"),
            ApprovalRequest.created_at.label("dated"),
            _updated(ApprovalRequest.id, ApprovalRequest.created_at).label("updated"),
        )
        .where(ApprovalRequest.id.in_(sa.select(asked.c.id)))
        .subquery("found")
    )


def medication_dispenses(reader: Person, at: datetime) -> sa.Subquery:
    """The fills of the prescriptions that the reader may see."""
    signed = _my_prescriptions(reader)
    return (
        sa.select(
            Fill.id,
            Fill.client_id,
            (signed.c.number + "/" + sa.cast(Fill.number, sa.Text())).label("number"),
            sa.literal("fill").label("system"),
            _words(Fill.status, DISPENSE).label("status"),
            Fill.prescription_id,
            Fill.reserved_at.label("made"),
            Fill.dispensed_at.label("dated"),
            _updated(Fill.id, Fill.reserved_at).label("updated"),
        )
        .join(signed, signed.c.id == Fill.prescription_id)
        .subquery("found")
    )


def signatures(reader: Person, at: datetime) -> sa.Subquery:
    """Prescriptions by when they were signed: for Provenance, and for DetectedIssue.

    What was signed never changes, so neither does what was found then: both are as old as that.
    """
    signed = _my_prescriptions(reader)
    return sa.select(
        signed.c.id,
        signed.c.client_id,
        signed.c.id.label("prescription_id"),
        signed.c.signed_at.label("made"),
        signed.c.signed_at.label("dated"),
        signed.c.signed_at.label("updated"),
    ).subquery("found")


def patients(reader: Person, at: datetime) -> sa.Subquery:
    """A client herself, and the clients of what a clinician may see."""
    asked, signed = _my_requests(reader, at), _my_prescriptions(reader)
    known = sa.or_(
        Person.id == reader.id,
        Person.id.in_(sa.select(asked.c.client_id)),
        Person.id.in_(sa.select(signed.c.client_id)),
        Person.id.in_(sa.select(_my_plans(reader, at).c.client_id)),
    )
    return (
        sa.select(
            Person.id,
            Person.id.label("client_id"),
            Person.created_at.label("made"),
            sa.cast(Person.birth_date, UtcDateTime()).label("dated"),
            _updated(Person.id, Person.created_at).label("updated"),
        )
        .where(Person.role == Role.CLIENT, known)
        .subquery("found")
    )


def practitioners(reader: Person, at: datetime) -> sa.Subquery:
    """Physicians see all who treat; others themselves, and who took part in what they may see."""
    clinician = Person.role.in_((Role.PHYSICIAN, Role.ESTHETICIAN))
    known = sa.true() if reader.role is Role.PHYSICIAN else _took_part(reader, at)
    return (
        sa.select(
            Person.id,
            Person.npi.label("number"),
            sa.literal("npi").label("system"),
            Person.created_at.label("made"),
            _updated_with_licences().label("updated"),
        )
        .where(clinician, known)
        .subquery("found")
    )


def care_plans(reader: Person, at: datetime) -> sa.Subquery:
    """Plans; `dated` is the day a physician started it."""
    seen = _my_plans(reader, at)
    return (
        sa.select(
            Plan.id,
            Plan.client_id,
            Plan.number,
            sa.literal("plan").label("system"),
            _words(Plan.status, CARE_PLAN).label("status"),
            Plan.created_at.label("made"),
            PlanStart.started_at.label("dated"),
            _updated(Plan.id, Plan.created_at).label("updated"),
        )
        .outerjoin(PlanStart, PlanStart.plan_id == Plan.id)
        .where(Plan.id.in_(sa.select(seen.c.id)))
        .subquery("found")
    )


def service_requests(reader: Person, at: datetime) -> sa.Subquery:
    """The sessions of those plans; `dated` is when it begins."""
    seen = _my_plans(reader, at)
    return (
        sa.select(
            Session.id,
            Session.client_id,
            Session.plan_id,
            _words(Session.status, SESSION).label("status"),
            Session.created_at.label("made"),
            Session.starts_at.label("dated"),
            _updated(Session.id, Session.created_at).label("updated"),
        )
        .where(Session.plan_id.in_(sa.select(seen.c.id)))
        .subquery("found")
    )


def procedures(reader: Person, at: datetime) -> sa.Subquery:
    """What was done of them. Never changed, so as old as it was written down."""
    seen = _my_plans(reader, at)
    return (
        sa.select(
            Performance.id,
            Performance.client_id,
            Session.plan_id,
            sa.literal("completed").label("status"),
            Performance.recorded_at.label("made"),
            Performance.performed_at.label("dated"),
            Performance.recorded_at.label("updated"),
        )
        .join(Session, Session.id == Performance.session_id)
        .where(Session.plan_id.in_(sa.select(seen.c.id)))
        .subquery("found")
    )


def _took_part(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    asked, signed = _my_requests(reader, at), _my_prescriptions(reader)
    mine = sa.select(asked.c.id)
    return sa.or_(
        Person.id == reader.id,
        Person.id.in_(sa.select(asked.c.requested_by_id)),
        Person.id.in_(sa.select(asked.c.claimed_by_id)),
        Person.id.in_(sa.select(signed.c.prescriber_id)),
        Person.id.in_(
            sa.select(Prescription.prescriber_id).where(Prescription.request_id.in_(mine))
        ),
        Person.id.in_(sa.select(Refusal.refused_by_id).where(Refusal.request_id.in_(mine))),
        *_treats(reader, at),
    )


def _treats(reader: Person, at: datetime) -> list[sa.ColumnElement[bool]]:
    """Who drafted, started or performs what the reader may see of plans."""
    seen = _my_plans(reader, at)
    plans = sa.select(seen.c.id)
    sessions = sa.select(Session.id).where(Session.plan_id.in_(plans))
    return [
        Person.id.in_(sa.select(seen.c.drafted_by_id)),
        Person.id.in_(sa.select(PlanStart.physician_id).where(PlanStart.plan_id.in_(plans))),
        Person.id.in_(sa.select(Session.performer_id).where(Session.plan_id.in_(plans))),
        Person.id.in_(
            sa.select(Performance.performer_id).where(Performance.session_id.in_(sessions))
        ),
    ]


def _words(state: sa.ColumnElement[Any] | Any, words: Mapping[Any, str]) -> sa.ColumnElement[str]:
    """Our states in FHIR's words, by the table that the mapping uses, too."""
    table: Mapping[StrEnum, str] = words
    return sa.case(
        {one.value: word for one, word in table.items()}, value=sa.type_coerce(state, sa.Text())
    )


def _newest(subject: Any, of: Any) -> sa.ScalarSelect[Any]:
    """The moment of a subject's last event."""
    return (
        sa.select(Event.at)
        .where(Event.subject_id == subject)
        .order_by(Event.seq.desc())
        .limit(1)
        .correlate(of)
        .scalar_subquery()
    )


def _updated(subject: Any, made: Any) -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(_newest(subject, subject.class_), made)


def _updated_with_licences() -> sa.ColumnElement[datetime]:
    """A licence that was recorded or ended changes its holder, too."""
    licences = (
        sa.select(sa.func.max(Event.at))
        .join(Licence, Licence.id == Event.subject_id)
        .where(Licence.person_id == Person.id)
        .correlate(Person)
        .scalar_subquery()
    )
    own = _newest(Person.id, Person)
    return sa.func.greatest(  # passes NULLs over
        own, licences, Person.created_at, type_=UtcDateTime()
    )


# --- the rows behind ids -------------------------------------------------------------------------


def requests_by_id(ids: Collection[UUID]) -> dict[UUID, ApprovalRequest]:
    """With all that is shown of them."""
    query = (
        sa.select(ApprovalRequest)
        .where(ApprovalRequest.id.in_(ids))
        .options(
            joinedload(ApprovalRequest.client),
            joinedload(ApprovalRequest.requested_by),
            joinedload(ApprovalRequest.claimed_by),
            joinedload(ApprovalRequest.variant).joinedload(Variant.product),
            joinedload(ApprovalRequest.prescription),
            joinedload(ApprovalRequest.refusal).joinedload(Refusal.refused_by),
        )
    )
    return {one.id: one for one in db.session.scalars(query)}


def prescriptions_by_id(ids: Collection[UUID]) -> dict[UUID, Prescription]:
    """With all that is shown of them."""
    query = (
        sa.select(Prescription)
        .where(Prescription.id.in_(ids))
        .options(
            joinedload(Prescription.client),
            joinedload(Prescription.variant).joinedload(Variant.product),
            joinedload(Prescription.request).joinedload(ApprovalRequest.screening),
            joinedload(Prescription.supersession),
            joinedload(Prescription.taken_away),
            joinedload(Prescription.signature),
            selectinload(Prescription.states),
            selectinload(Prescription.fills),
        )
    )
    return {one.id: one for one in db.session.scalars(query)}


def fills_by_id(ids: Collection[UUID]) -> dict[UUID, Fill]:
    """With all that is shown of them."""
    prescription = joinedload(Fill.prescription)
    query = (
        sa.select(Fill)
        .where(Fill.id.in_(ids))
        .options(
            prescription.joinedload(Prescription.client),
            prescription.joinedload(Prescription.variant).joinedload(Variant.product),
        )
    )
    return {one.id: one for one in db.session.scalars(query)}


def people_by_id(ids: Collection[UUID]) -> dict[UUID, Person]:
    """With their licences."""
    query = sa.select(Person).where(Person.id.in_(ids)).options(selectinload(Person.licences))
    return {one.id: one for one in db.session.scalars(query)}


def plans_by_id(ids: Collection[UUID]) -> dict[UUID, Plan]:
    """With all that is shown of them."""
    query = (
        sa.select(Plan)
        .where(Plan.id.in_(ids))
        .options(
            joinedload(Plan.client),
            joinedload(Plan.drafted_by),
            joinedload(Plan.start).joinedload(PlanStart.physician),
            selectinload(Plan.versions),
            selectinload(Plan.sessions),
        )
    )
    return {one.id: one for one in db.session.scalars(query)}


def sessions_by_id(ids: Collection[UUID]) -> dict[UUID, Session]:
    """With all that is shown of them."""
    return {one.id: one for one in db.session.scalars(_sessions().where(Session.id.in_(ids)))}


def sessions_by_performance(ids: Collection[UUID]) -> dict[UUID, Session]:
    """The performed ones among them, by their performance."""
    query = _sessions().join(Performance, Performance.session_id == Session.id)
    found = db.session.scalars(query.where(Performance.id.in_(ids)))
    return {one.performance.id: one for one in found if one.performance}


def _sessions() -> sa.Select[Session]:
    plan = joinedload(Session.plan)
    return sa.select(Session).options(
        plan.joinedload(Plan.client),
        plan.joinedload(Plan.drafted_by),
        joinedload(Session.performer),
        joinedload(Session.performance).joinedload(Performance.performer),
    )
