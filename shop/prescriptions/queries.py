"""Requests and prescriptions, always through the person who reads them.

A client sees her own. A physician sees the requests of clients she may treat (licensed where the
client lives and where it would be sent), those she holds or has decided, those that wait and she
was called to, and what she signed. For everybody else there is nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload, selectinload

from shop.accounts.models import Person, Role
from shop.catalog.models import LegalClass, Product, ProductIngredient, Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.prescriptions import licensing
from shop.prescriptions.models import (
    ApprovalRequest,
    ErrorReport,
    Escalation,
    Examination,
    Fill,
    Inquiry,
    Prescription,
    Refusal,
    Supersession,
    Supervision,
)
from shop.prescriptions.standing import Outlook, outlook
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus
from shop.treatments import queries as treatments
from shop.treatments.models import Plan

WAITING = (RequestStatus.QUEUED, RequestStatus.IN_REVIEW)


# All that a reader of one request looks at, in the statement that finds it; the fills of what it
# renews in one more, or each would come with every question, examination and escalation.
_WHOLE = (
    joinedload(ApprovalRequest.client),
    joinedload(ApprovalRequest.requested_by),
    joinedload(ApprovalRequest.claimed_by),
    joinedload(ApprovalRequest.assigned_to),
    joinedload(ApprovalRequest.escalations).joinedload(Escalation.called),
    joinedload(ApprovalRequest.variant).joinedload(Variant.product),
    joinedload(ApprovalRequest.plan),
    joinedload(ApprovalRequest.prescription),
    joinedload(ApprovalRequest.refusal).joinedload(Refusal.refused_by),
    joinedload(ApprovalRequest.inquiries).joinedload(Inquiry.asked_by),
    joinedload(ApprovalRequest.examinations),
    joinedload(ApprovalRequest.renews).options(
        selectinload(Prescription.fills),
        joinedload(Prescription.supersession),
        joinedload(Prescription.taken_away),
        joinedload(Prescription.request),
    ),
)

# All that a list of prescriptions shows.
LISTED = (
    joinedload(Prescription.plan),
    selectinload(Prescription.client),
    selectinload(Prescription.request),
    selectinload(Prescription.states),
    selectinload(Prescription.fills),
    selectinload(Prescription.taken_away),
    selectinload(Prescription.supersession).selectinload(Supersession.successor),
    selectinload(Prescription.superseded).selectinload(Supersession.prescription),
    selectinload(Prescription.variant).selectinload(Variant.product),
)

PRESCRIPTION_ONLY = [one for one in LegalClass if one.prescription_only]


def requests(
    reader: Person, *, at: datetime, statuses: Collection[RequestStatus] = ()
) -> sa.Select[ApprovalRequest]:
    """The requests `reader` may see; for a physician only what was handed in.

    Three statements at most, however many there are: packs and escalations have their own.
    """
    query = _requests(reader, at).options(
        joinedload(ApprovalRequest.client),
        joinedload(ApprovalRequest.claimed_by),
        joinedload(ApprovalRequest.assigned_to),
        selectinload(ApprovalRequest.escalations).joinedload(Escalation.called),
        joinedload(ApprovalRequest.plan),
        joinedload(ApprovalRequest.prescription),
        joinedload(ApprovalRequest.renews),
        selectinload(ApprovalRequest.variant).joinedload(Variant.product),
    )
    if statuses:
        query = query.where(ApprovalRequest.status.in_(statuses))
    return query


def queue(reader: Person, *, at: datetime) -> sa.Select[ApprovalRequest]:
    """What waits for a physician and this one may decide: free, or held by her or another."""
    return requests(reader, at=at, statuses=WAITING).where(
        ApprovalRequest.client_id != reader.id,
        ApprovalRequest.requested_by_id != reader.id,
    )


def request_for(
    reader: Person, number: str, *, at: datetime, lock: bool = False
) -> ApprovalRequest:
    """One request, locked where it will be changed. Raises NotFound."""
    query = _requests(reader, at).where(ApprovalRequest.number == number)
    query = locked(query) if lock else query.options(*_WHOLE)
    found = db.session.scalars(query).unique().one_or_none()  # a row for each escalation
    if found is None:
        raise NotFound("There is no such request.")
    return found


def of_plan(reader: Person, plan: Plan, *, at: datetime) -> sa.Select[ApprovalRequest]:
    """The requests of a plan that `reader` may see, each with what was signed for it."""
    signed = joinedload(ApprovalRequest.prescription).options(*LISTED)
    return (
        requests(reader, at=at)
        .where(ApprovalRequest.plan_id == plan.id)
        .options(signed, joinedload(ApprovalRequest.requested_by))
        .order_by(ApprovalRequest.created_at, ApprovalRequest.id)
    )


def locked_of_plan(
    reader: Person, plan: Plan, numbers: Collection[str], *, at: datetime
) -> dict[str, ApprovalRequest]:
    """Those of these that are of the plan and `reader` may see, locked in id order."""
    query = (
        _requests(reader, at)
        .where(ApprovalRequest.plan_id == plan.id, ApprovalRequest.number.in_(numbers))
        .order_by(ApprovalRequest.id)
    )
    return {one.number: one for one in db.session.scalars(locked(query))}


def prescriptions(reader: Person) -> sa.Select[Prescription]:
    """The prescriptions `reader` may see: a client's own, a physician's own signatures."""
    return _prescriptions(reader).options(*LISTED)


def named(word: str) -> sa.ColumnElement[bool]:
    """Prescriptions with this in their number, or in the name of their client or product."""
    client, like = aliased(Person), sa.func.lower(word)
    of_product = sa.exists().where(
        Variant.id == Prescription.variant_id,
        Product.id == Variant.product_id,
        sa.func.strpos(sa.func.lower(Product.name), like) > 0,
    )
    return sa.or_(
        sa.func.strpos(sa.func.lower(Prescription.number), like) > 0,
        sa.exists().where(
            client.id == Prescription.client_id,
            sa.func.strpos(sa.func.lower(client.name), like) > 0,
        ),
        of_product,
    )


def prescription_for(reader: Person, number: str, *, lock: bool = False) -> Prescription:
    """One prescription, locked where it will be changed. Raises NotFound."""
    query = _prescriptions(reader).where(Prescription.number == number)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such prescription.")
    return found


def last_words(physician: Person, product_id: UUID) -> Prescription | None:
    """What she signed last of a product, for whomever; but no error. One statement."""
    query = (
        sa.select(Prescription)
        .join(Variant, Variant.id == Prescription.variant_id)
        .where(
            Prescription.prescriber_id == physician.id,
            Variant.product_id == product_id,
            Prescription.status != PrescriptionStatus.ENTERED_IN_ERROR,
        )
        .order_by(Prescription.signed_at.desc(), Prescription.id)
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()


def packs_alike(request: ApprovalRequest) -> Sequence[Variant]:
    """Packs for sale, only under a prescription, with an active that is in what is asked for.

    The product asked for first, then by name; 50 at most.
    """
    active = aliased(ProductIngredient)
    asked = sa.select(active.name_id).where(
        active.product_id == request.variant.product_id, active.active
    )
    alike = sa.exists().where(
        ProductIngredient.product_id == Product.id,
        ProductIngredient.active,
        ProductIngredient.name_id.in_(asked),
    )
    query = (
        sa.select(Variant)
        .join(Product, Product.id == Variant.product_id)
        .where(
            Variant.for_sale,
            Product.published_at.is_not(None),
            sa.or_(Variant.doctor_only, Variant.legal_class.in_(PRESCRIPTION_ONLY)),
            sa.or_(Product.id == request.variant.product_id, alike),
        )
        .order_by(Product.id != request.variant.product_id, Product.name, Variant.sku)
        .options(joinedload(Variant.product), selectinload(Variant.prices))
        .limit(50)
    )
    return db.session.scalars(query).all()


def prescription_in_question(
    reader: Person, number: str, *, at: datetime, lock: bool = False
) -> Prescription:
    """A prescription that `reader` may call an error, or decide about. Raises NotFound.

    A physician's: what she signed, and what was signed for clients she may treat. A manager's: what
    a physician has reported.
    """
    query = sa.select(Prescription).where(Prescription.number == number, _in_question(reader, at))
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such prescription.")
    return found


def earlier(reader: Person, client: Person, *, at: datetime) -> Sequence[Prescription]:
    """What a client was prescribed as far as `reader` may know of it: the latest, 12 at most.

    A physician's: what she signed, and what was signed on requests that she may see.
    """
    if reader.role is not Role.PHYSICIAN:
        return ()
    query = (
        sa.select(Prescription)
        .where(Prescription.client_id == client.id, _in_question(reader, at))
        .order_by(Prescription.signed_at.desc(), Prescription.id)
        .options(*LISTED)
        .limit(12)
    )
    return db.session.scalars(query).all()


def error_report_on(reader: Person, number: str, *, at: datetime) -> ErrorReport:
    """The report that waits for its second person. Raises NotFound."""
    one = prescription_in_question(reader, number, at=at)
    said = live_report(one)
    if said is None or said.confirmed is not None:
        raise NotFound("No error in this prescription waits to be decided.")
    return said


def live_report(prescription: Prescription) -> ErrorReport | None:
    """The report that waits, or was confirmed."""
    return db.session.scalars(
        sa.select(ErrorReport).where(
            ErrorReport.prescription_id == prescription.id, ErrorReport.confirmed.is_not(False)
        )
    ).one_or_none()


def error_reports(reader: Person, *, at: datetime) -> sa.Select[ErrorReport]:
    """What waits for a second person and `reader` may decide about."""
    return (
        sa.select(ErrorReport)
        .join(Prescription, Prescription.id == ErrorReport.prescription_id)
        .where(ErrorReport.confirmed.is_(None), _in_question(reader, at))
        .options(
            selectinload(ErrorReport.reported_by),
            selectinload(ErrorReport.prescription)
            .selectinload(Prescription.variant)
            .selectinload(Variant.product),
        )
    )


def _in_question(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    if reader.role is Role.MANAGER:
        said = aliased(ErrorReport)
        return sa.exists().where(
            said.prescription_id == Prescription.id, said.confirmed.is_not(False)
        )
    if reader.role is not Role.PHYSICIAN:
        return sa.false()
    asked = sa.exists().where(
        ApprovalRequest.id == Prescription.request_id, _visible_to_physician(reader, at)
    )
    others = sa.and_(Prescription.client_id != reader.id, asked)
    return sa.or_(Prescription.prescriber_id == reader.id, others)


def outlook_of(prescription: Prescription, *, at: datetime) -> Outlook:
    """How it stands, when its next fill is ready, and how long what was taken lasts."""
    return outlooks_of([prescription], at=at)[prescription.id]


def outlooks_of(prescriptions: Collection[Prescription], *, at: datetime) -> dict[UUID, Outlook]:
    """The same of several, by their ids. One query."""
    courses = {(one.client_id, one.variant_id) for one in prescriptions}
    rows = db.session.execute(
        sa.select(
            Prescription.client_id,
            Prescription.variant_id,
            sa.func.coalesce(Fill.consumed_at, Fill.reserved_at).label("taken_at"),
            Prescription.days_supply,
        )
        .select_from(Fill)
        .join(Prescription, Prescription.id == Fill.prescription_id)
        .where(
            sa.tuple_(Prescription.client_id, Prescription.variant_id).in_(courses),
            Fill.status != FillStatus.RELEASED,
        )
    )
    taken: defaultdict[tuple[UUID, UUID], list[tuple[date, int]]] = defaultdict(list)
    for row in rows:
        day = row.taken_at.astimezone(UTC).date()
        taken[row.client_id, row.variant_id].append((day, row.days_supply))
    return {
        one.id: outlook(
            one,
            at,
            interval_days=one.interval_days,
            fills=taken[one.client_id, one.variant_id],
        )
        for one in prescriptions
    }


def client_for(reader: Person, client_id: UUID | None) -> Person:
    """Whom `reader` may ask for: a client for herself, an esthetician for any client.

    Raises NotFound.
    """
    if reader.role is Role.CLIENT and client_id in (None, reader.id):
        return reader
    query = sa.select(Person).where(
        Person.id == client_id, Person.role == Role.CLIENT, Person.disabled_at.is_(None)
    )
    client = db.session.scalars(query).one_or_none()
    if client is None or reader.role is not Role.ESTHETICIAN:
        raise NotFound("There is no such client.", fields={"client": ["Give the id of a client."]})
    return client


def in_care_of(reader: Person, client_id: UUID, *, at: datetime) -> Person:
    """A client whose chart `reader` has a need to open. Raises NotFound.

    A physician's: of a request or a plan she may see, or who has a prescription she signed. An
    esthetician's: for whom she asked, or of a plan she may see. Who has none of these learns
    nothing, not even that there is such a client.
    """
    asked = _requests(reader, at).where(ApprovalRequest.client_id == client_id)
    signed = _prescriptions(reader).where(Prescription.client_id == client_id)
    planned = treatments.plans_seen(reader, at=at).where(Plan.client_id == client_id)
    query = sa.select(Person).where(
        Person.id == client_id,
        Person.id != reader.id,
        sa.or_(asked.exists(), signed.exists(), planned.exists()),
    )
    client = db.session.scalars(query).one_or_none()
    if client is None:
        raise NotFound("There is no such client.")
    return client


def examination_for(reader: Person, examination_id: UUID, *, at: datetime) -> Examination:
    """An examination of a client in the reader's care. Raises NotFound."""
    found = db.session.get(Examination, examination_id)
    if found is None:
        raise NotFound("There is no such examination.")
    in_care_of(reader, found.client_id, at=at)
    return found


def supervisions(prescriber_id: UUID) -> sa.Select[Supervision]:
    """Who stands, or stood, behind a prescriber; the manager's to read."""
    return (
        sa.select(Supervision)
        .where(Supervision.prescriber_id == prescriber_id)
        .options(joinedload(Supervision.supervisor))
    )


def supervision(prescriber_id: UUID, supervision_id: UUID) -> Supervision:
    """Raises NotFound."""
    query = supervisions(prescriber_id).where(Supervision.id == supervision_id)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such supervision.")
    return found


def _prescriptions(reader: Person) -> sa.Select[Prescription]:
    if reader.role is Role.CLIENT:
        return sa.select(Prescription).where(Prescription.client_id == reader.id)
    if reader.role is Role.PHYSICIAN:
        return sa.select(Prescription).where(Prescription.prescriber_id == reader.id)
    return sa.select(Prescription).where(sa.false())


def _requests(reader: Person, at: datetime) -> sa.Select[ApprovalRequest]:
    return sa.select(ApprovalRequest).where(_visible(reader, at))


def _visible(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    if reader.role is Role.CLIENT:
        return ApprovalRequest.client_id == reader.id
    if reader.role is Role.ESTHETICIAN:
        return ApprovalRequest.requested_by_id == reader.id
    if reader.role is Role.PHYSICIAN:
        return _visible_to_physician(reader, at)
    return sa.false()


def _visible_to_physician(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    states = licensing.states_of(reader.id, day=at.astimezone(UTC).date())
    client = aliased(Person)
    lives_there = sa.exists().where(
        client.id == ApprovalRequest.client_id, client.state.in_(states)
    )
    decided = sa.or_(
        sa.exists().where(
            Prescription.request_id == ApprovalRequest.id, Prescription.prescriber_id == reader.id
        ),
        sa.exists().where(
            Refusal.request_id == ApprovalRequest.id, Refusal.refused_by_id == reader.id
        ),
    )
    may_treat = sa.and_(ApprovalRequest.ship_to_state.in_(states), lives_there)
    called = sa.and_(
        ApprovalRequest.status.in_(WAITING),
        sa.exists().where(
            Escalation.request_id == ApprovalRequest.id, Escalation.called_id == reader.id
        ),
    )
    handed_in = ApprovalRequest.submitted_at.is_not(None)
    return sa.and_(handed_in, sa.or_(may_treat, decided, called))
