"""A physician says yes: a request becomes a prescription, in one transaction."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from shop.accounts.models import AuthEvent, Licence, Person
from shop.catalog import queries as catalog
from shop.catalog.errors import NoSuchVariant
from shop.catalog.models import Variant
from shop.charts.queries import locked_as_of
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions import (
    changing,
    examining,
    grounds,
    licensing,
    recording,
    requesting,
    reviewing,
    signatures,
    superseding,
    supervising,
)
from shop.prescriptions.errors import (
    NotDoctorOnly,
    NotForSale,
    StaleSignIn,
    StatementChanged,
    TermsRefused,
)
from shop.prescriptions.grounds import Examined
from shop.prescriptions.intake import composing
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription, PrescriptionState
from shop.prescriptions.reviewing import refuse_decided, refuse_self, require_claim
from shop.prescriptions.screening import checking, judging
from shop.prescriptions.screening.facts import Active, Product
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.rules import rules
from shop.prescriptions.statements import Statement, Terms, statement
from shop.prescriptions.states import PrescriptionStatus, RequestStatus
from shop.prescriptions.supervising import Supervisor

FRESH_FOR = timedelta(minutes=5)
LONGEST_VALIDITY = 365  # days

# How long a prescription is good for where the physician says nothing, by active ingredient (as
# filed, upper case). Defaults of docs/domain.md: the medical director's to change.
DEFAULT_VALIDITY = 365
VALIDITY = {
    "HYDROQUINONE": 90,
    "ADAPALENE": 180,
    "ISOTRETINOIN": 180,
    "TAZAROTENE": 180,
    "TRETINOIN": 180,
    "TRIFAROTENE": 180,
}


@dataclass(frozen=True)
class Draft:
    """All that a signature rests on, checked but not signed."""

    statement: Statement
    variant: Variant
    licences: dict[str, Licence]
    examined: Examined
    supervisors: dict[str, Supervisor]
    last_day: date
    hits: Sequence[Hit]


def prepare(
    request: ApprovalRequest, terms: Terms, *, by: Person, at: datetime, fence: int | None = None
) -> Draft:
    """Check everything but the fresh sign-in, and word the statement. Changes nothing.

    A hard stop of screening is never signed, a soft one only with a reason in `terms.overrides`.
    Raises AlreadyDecided, ClaimLost, SelfPrescription, NotLicensed, NotSupervised,
    ExaminationNeeded, TermsRefused, PredecessorHeld, RenewedTakenBack.
    """
    refuse_self(request, by)
    refuse_decided(request)
    require_claim(request, by=by, at=at, fence=fence)
    return draft(request, terms, by=by, at=at)


def draft(
    request: ApprovalRequest,
    terms: Terms,
    *,
    by: Person,
    at: datetime,
    beside: frozenset[UUID] = frozenset(),
) -> Draft:
    """The same for a request that nobody need have claimed yet: it may only be read.

    `beside`: the products of what is signed in the same act before it, which screening then sees.
    Raises what `prepare` raises, but for ClaimLost and AlreadyDecided.
    """
    refuse_self(request, by)
    licences = licensing.require(by, reviewing.states_of(request), at=at)
    supervisors = supervising.require(by, licences, at=at)
    today = at.astimezone(UTC).date()
    variant = _prescribed(request, terms, at=at)
    superseding.predecessors(request, variant, at=at)
    families = _families(request, variant)
    examined = grounds.require(request, terms, families=families, by=by, at=at)
    facts = checking.facts(
        request, at=at, days=terms.days, product_id=variant.product_id, beside=beside
    )
    usual = today + timedelta(days=default_validity(facts.candidates[0]) - 1)
    last_day = examined.last_day(terms.valid_until, usual)
    hits = judging.screen(facts, rules(), on=today)
    _check(terms, hits, last_day=last_day, today=today)
    law = examined.said() + supervising.said(
        {state: (one.name, one.licence.number) for state, one in supervisors.items()}
    )
    worded = statement(
        request,
        terms,
        variant,
        by=by,
        licences=licences,
        last_day=last_day,
        hits=hits,
        examiner=examined.examiner_name,
        law=law,
    )
    return Draft(worded, variant, licences, examined, supervisors, last_day, hits)


def sign(
    request: ApprovalRequest,
    terms: Terms,
    *,
    by: Person,
    proof: AuthEvent | None,
    at: datetime,
    fence: int | None = None,
    shown: bytes | None = None,
) -> Prescription:
    """Approve a request, which `by` has claimed, on these terms.

    Another pack or quantity than was asked for waits for the client's word (`changing.accept`).
    `proof` is the fresh sign-in, `shown` the hash of the statement the physician read. Raises
    what `prepare` raises, StaleSignIn, StatementChanged, NoSigningKey.
    """
    refuse_decided(request)  # before the chart: news may hold what it has become
    at = locked_as_of(request.client, at=at)  # what is said meanwhile is read, or finds it signed
    checked = prepare(request, terms, by=by, at=at, fence=fence)
    if shown is not None and not hmac.compare_digest(shown, checked.statement.hash):
        raise StatementChanged("The statement has changed since it was shown. Read it again.")
    fresh = require_fresh(proof, by=by, at=at)
    earlier = superseding.predecessors(request, checked.variant, at=at, lock=True)
    examination = grounds.settle(request, checked.examined, by=by, at=at)
    prescription = _written(request, terms, checked, by=by, proof=fresh, at=at)
    grounds.copy(prescription, examination)
    db.session.add(prescription)
    db.session.flush()  # while the claim stands, and before its states
    _cover_states(prescription, checked, examination)
    checks = recording.keep(request, checked.hits, overrides=terms.overrides, at=at)
    signature = signatures.put_under(prescription, checks, licences=checked.licences)
    if not changing.differs(request, checked.variant, terms.quantity_per_fill):
        superseding.supersede(earlier, by=prescription, at=at)
    _decide(request, prescription, checked.variant)
    events.record(
        Kind.PRESCRIPTION_SIGNED,
        prescription,
        request=request.number,
        fills=terms.fills,
        statement=checked.statement.hash.hex(),
        document=signature.document_hash.hex(),
        key=str(signature.key_id),
    )
    return prescription


def _decide(request: ApprovalRequest, prescription: Prescription, variant: Variant) -> None:
    changed = changing.differs(request, variant, prescription.quantity_per_fill)
    status = RequestStatus.PENDING_CLIENT if changed else RequestStatus.APPROVED
    kind = Kind.REQUEST_CHANGES_PROPOSED if changed else Kind.REQUEST_APPROVED
    reviewing.end_claim(request, status)
    events.record(kind, request, prescription=prescription.number)


def _families(request: ApprovalRequest, variant: Variant) -> set[str]:
    """The families of actives in what is prescribed."""
    if variant.product_id == request.variant.product_id:
        return examining.families(request)
    return {family.value for family in composing.families(variant.product_id)}


def default_validity(product: Product) -> int:
    """Days, by the shortest-lived active ingredient."""
    found = (VALIDITY.get(word) for one in product.actives for word in _words(one))
    return min((days for days in found if days is not None), default=DEFAULT_VALIDITY)


def _words(active: Active) -> set[str]:
    """How a substance begins, as filed and in the dictionary: salts and esters count as it."""
    return {name.split(" ")[0].rstrip(",") for name in (active.filed, active.name)}


def _prescribed(request: ApprovalRequest, terms: Terms, *, at: datetime) -> Variant:
    """The pack of the terms; one that was not asked for must be one she could have asked for."""
    if terms.sku in (None, request.variant.sku):
        return request.variant
    try:
        variant = catalog.variant(terms.sku)
        requesting.refuse_what_needs_no_request(variant, request.ship_to_state, at)
    except (NoSuchVariant, NotForSale, NotDoctorOnly) as refusal:
        raise TermsRefused(
            "This cannot be signed as it is.",
            fields={"sku": [f"{refusal.text} The client asked for {request.variant.sku}."]},
        ) from None
    return variant


def _check(terms: Terms, hits: Sequence[Hit], *, last_day: date, today: date) -> None:
    wrong = {
        "quantity_per_fill": None if 1 <= terms.quantity_per_fill <= 20 else "Choose 1 to 20.",
        "fills": None if 1 <= terms.fills <= 12 else "Choose 1 to 12.",
        "days_supply": None if 1 <= terms.days_supply <= 366 else "Choose 1 to 366 days.",
        "interval_days": _interval_problem(terms.interval_days),
        "directions": _words_problem(terms.directions),
        "indication": _words_problem(terms.indication),
        "valid_until": _validity_problem(last_day, today),
    }
    found = {name: [problem] for name, problem in wrong.items() if problem}
    found |= judging.unresolved(hits, terms.overrides)
    if found:
        raise TermsRefused("This cannot be signed as it is.", fields=found)


def _interval_problem(days: int | None) -> str | None:
    return None if days is None or 1 <= days <= 366 else "Choose 1 to 366 days, or leave it empty."


def _words_problem(text: str) -> str | None:
    return None if text.strip() else "Write some words."


def _validity_problem(last_day: date, today: date) -> str | None:
    furthest = today + timedelta(days=LONGEST_VALIDITY - 1)
    if today <= last_day <= furthest:
        return None
    return f"Choose a day from {today.isoformat()} to {furthest.isoformat()}."


def require_fresh(proof: AuthEvent | None, *, by: Person, at: datetime) -> AuthEvent:
    """The sign-in of the last five minutes that a signature rests on. Raises StaleSignIn."""
    fresh = (
        proof is not None
        and proof.kind == "fresh"
        and proof.person_id == by.id
        and timedelta(0) <= at - proof.at <= FRESH_FOR
    )
    if proof is None or not fresh:
        raise StaleSignIn("Sign in again first: a signature needs it within five minutes.")
    return proof


def _written(
    request: ApprovalRequest,
    terms: Terms,
    draft: Draft,
    *,
    by: Person,
    proof: AuthEvent,
    at: datetime,
) -> Prescription:
    prescription = Prescription(
        id=uuid.uuid4(),
        number=numbers.fresh("RX"),
        request=request,
        request_id=request.id,
        client_id=request.client_id,
        variant_id=draft.variant.id,
        variant=draft.variant,
        quantity_per_fill=terms.quantity_per_fill,
        fills_allowed=terms.fills,
        days_supply=terms.days_supply,
        interval_days=terms.interval_days,
        client_state=request.client.state or "",
        valid_from=at,
        valid_until=datetime.combine(draft.last_day + timedelta(days=1), time(), tzinfo=UTC),
        prescriber_id=by.id,
        prescriber_name=by.name,
        prescriber_npi=by.npi or "",
        examination_mode=terms.examination_mode,
        examined_on=terms.examined_on,
        statement_hash=draft.statement.hash,
        fresh_id=proof.id,
        fresh_at=proof.at,
        factors=list(proof.factors),
        status=PrescriptionStatus.ACTIVE,
    )
    prescription.directions = terms.directions
    prescription.indication = terms.indication
    prescription.statement = draft.statement.text
    return prescription


def _cover_states(prescription: Prescription, draft: Draft, examination: Examination) -> None:
    for state, licence in sorted(draft.licences.items()):
        supervisor = draft.supervisors.get(state)
        db.session.add(
            PrescriptionState(
                prescription_id=prescription.id,
                state=state,
                prescriber_id=prescription.prescriber_id,
                licence_id=licence.id,
                licence_number=licence.number,
                licence_from=licence.valid_from,
                licence_until=licence.valid_until,
                **draft.examined.copied(state, examination),
                **(supervisor.copied if supervisor else {}),
            )
        )
    db.session.flush()  # while the claim stands
    db.session.refresh(prescription, ["states"])
