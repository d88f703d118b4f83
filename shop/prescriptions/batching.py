"""Renewals that change nothing are signed one after the other, each for itself.

What is asked of the physician once is only the fresh sign-in. Each renewal keeps its own displayed
text, its own claim, transaction, signature, document and events: one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import AuthEvent, Person
from shop.core.db import db
from shop.core.errors import NotFound, Refusal
from shop.core.rules import Severity
from shop.prescriptions import examining, queries, queueing, renewing, reviewing, signing
from shop.prescriptions.errors import NotARoutineRenewal
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.practice.rules import Mode
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.risk import Risk
from shop.prescriptions.signing import Draft
from shop.prescriptions.statements import Terms
from shop.prescriptions.states import RequestStatus

MOST = 20  # at once: nobody reads more in the fifteen minutes of a claim


@dataclass(frozen=True)
class Reason:
    """Why it is not signed with others, in words for the physician."""

    code: str
    text: str


@dataclass(frozen=True)
class Facts:
    """All that the answer rests on. `same_states`: where she lives, and where it is sent.

    `refusal` is what signing says to the terms of before; None where it has nothing to say.
    """

    renews: bool
    waits: bool
    held_by: str | None = None  # another physician
    risk: Risk = Risk.ROUTINE
    same_quantity: bool = True
    same_states: bool = True
    talked_about: bool = False  # somebody asked her something, or referred her
    hits: tuple[Hit, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Read:
    """A renewal whose statement was read, as the form or the API names it.

    `shown` is the hash of the text; `fence` the claim, where it was claimed to read it.
    """

    number: str
    shown: bytes
    fence: int | None = None


@dataclass(frozen=True)
class Proposal:
    """A renewal on its earlier terms: worded, or the reasons why it is not signed with others."""

    request: ApprovalRequest
    terms: Terms | None
    draft: Draft | None
    reasons: tuple[Reason, ...]

    @property
    def eligible(self) -> bool:
        return not self.reasons


def eligible(facts: Facts) -> tuple[Reason, ...]:
    """Every reason why not, purely; none where a renewal may be signed beside others."""
    return tuple(_reasons(facts))


def prepare(requests: Iterable[ApprovalRequest], *, by: Person, at: datetime) -> list[Proposal]:
    """Word each on the terms of what it renews, for itself. Changes nothing."""
    return [_propose(request, by=by, at=at) for request in requests]


def waiting(by: Person, *, at: datetime) -> Sequence[ApprovalRequest]:
    """Renewals of low risk on the physician's desk that look alike, the most urgent first.

    At most MOST; `prepare` says of each whether it is eligible.
    """
    free = sa.or_(
        ApprovalRequest.status == RequestStatus.QUEUED,
        ApprovalRequest.claimed_by_id == by.id,
        ApprovalRequest.claimed_until <= at,
    )
    earlier = aliased(Prescription)
    query = (
        queries.queue(by, at=at)
        .join(earlier, earlier.id == ApprovalRequest.renews_id)
        .where(
            ApprovalRequest.risk == int(Risk.ROUTINE),
            ApprovalRequest.quantity == earlier.quantity_per_fill,
            free,
        )
        .order_by(ApprovalRequest.due_at, ApprovalRequest.id)
        .limit(MOST)
    )
    return db.session.scalars(query).all()


def take(request: ApprovalRequest, *, by: Person, at: datetime) -> Proposal:
    """Claim a (locked) request that is eligible, so that its statement can be read in peace.

    Raises NotARoutineRenewal, and what `reviewing.claim` raises.
    """
    found = _required(request, by=by, at=at)
    reviewing.claim(request, by=by, at=at)
    return found


def sign(
    request: ApprovalRequest,
    *,
    shown: bytes,
    by: Person,
    proof: AuthEvent | None,
    at: datetime,
    fence: int | None = None,
) -> Prescription:
    """Sign a (locked) renewal on its earlier terms; `shown` is the hash of the text she read.

    Without `fence` it is claimed in the same transaction. What she has signed with this text
    already is answered again. Raises NotARoutineRenewal, and what `signing.sign` raises.
    """
    if signed := _signed_already(request, shown, by):
        return signed
    signing.require_fresh(proof, by=by, at=at)
    reviewing.refuse_decided(request)
    if fence is None:
        reviewing.claim(request, by=by, at=at)
    reviewing.require_claim(request, by=by, at=at, fence=fence)
    found = _required(request, by=by, at=at)
    assert found.terms is not None  # or it would not be eligible
    return signing.sign(
        request,
        found.terms,
        by=by,
        proof=proof,
        at=at,
        fence=request.claim_count,
        shown=shown,
    )


def give_back(request: ApprovalRequest, *, fence: int, by: Person, at: datetime) -> bool:
    """Release a (locked) request that was not signed; nothing where the claim is over by itself."""
    held = request.status is RequestStatus.IN_REVIEW and request.claimed_by_id == by.id
    lasts = request.claimed_until is not None and at < request.claimed_until
    if not held or not lasts or request.claim_count != fence:
        return False
    reviewing.release(request, by=by, at=at)
    return True


def sign_read(read: Read, *, by: Person, proof: AuthEvent | None, at: datetime) -> Prescription:
    """Find, lock and `sign` one; whoever commits undoes it where it is refused."""
    request = queries.request_for(by, read.number, at=at, lock=True)
    return sign(request, shown=read.shown, by=by, proof=proof, at=at, fence=read.fence)


def give_back_read(read: Read, *, by: Person, at: datetime) -> bool:
    """Find, lock and `give_back` one; nothing where it is not hers to see any more."""
    if read.fence is None:
        return False
    try:
        request = queries.request_for(by, read.number, at=at, lock=True)
    except NotFound:
        return False
    return give_back(request, fence=read.fence, by=by, at=at)


def _signed_already(request: ApprovalRequest, shown: bytes, by: Person) -> Prescription | None:
    signed = request.prescription
    same = signed is not None and signed.prescriber_id == by.id and signed.statement_hash == shown
    return signed if same else None


def _required(request: ApprovalRequest, *, by: Person, at: datetime) -> Proposal:
    found = _propose(request, by=by, at=at)
    if found.reasons:
        raise NotARoutineRenewal(
            " ".join(reason.text for reason in found.reasons),
            reasons=[vars(reason) for reason in found.reasons],
        )
    return found


def _propose(request: ApprovalRequest, *, by: Person, at: datetime) -> Proposal:
    earlier = request.renews
    waits = request.status in queries.WAITING
    if earlier is None or not waits:
        reasons = eligible(Facts(renews=earlier is not None, waits=waits))
        return Proposal(request, None, None, reasons)
    terms = _terms(request, earlier, at=at)
    judged = queueing.explain(request, at=at)
    draft, refusal = _worded(request, terms, by=by, at=at)
    facts = Facts(
        renews=True,
        waits=True,
        held_by=_another(request, by=by, at=at),
        risk=min(judged.weighed.risk, Risk(request.risk)),  # the gravest, 1 comes first
        same_quantity=request.quantity == earlier.quantity_per_fill,
        same_states=(request.client.state, request.ship_to_state)
        == (earlier.client_state, earlier.request.ship_to_state),
        talked_about=bool(request.inquiries or request.referrals),
        hits=tuple(draft.hits) if draft else judged.hits,
        refusal=refusal,
    )
    return Proposal(request, terms, draft, eligible(facts))


def _terms(request: ApprovalRequest, earlier: Prescription, *, at: datetime) -> Terms:
    """Those of before, on the visit that still counts, or on the answers given now."""
    day = at.astimezone(UTC).date()
    seen = examining.newest(request, day=day)
    same = renewing.same_terms(earlier)
    return Terms(
        quantity_per_fill=earlier.quantity_per_fill,
        examination_mode=seen.mode if seen else Mode.ASYNCHRONOUS.value,
        examined_on=seen.examined_on if seen else day,
        **same,
    )


def _worded(
    request: ApprovalRequest, terms: Terms, *, by: Person, at: datetime
) -> tuple[Draft | None, Refusal | None]:
    try:
        return signing.draft(request, terms, by=by, at=at), None
    except Refusal as refusal:
        return None, refusal


def _another(request: ApprovalRequest, *, by: Person, at: datetime) -> str | None:
    """Who else holds it now."""
    until = request.claimed_until
    if request.claimed_by is None or until is None or until <= at:
        return None
    return None if request.claimed_by_id == by.id else request.claimed_by.name


def _reasons(facts: Facts) -> Iterator[Reason]:
    if not facts.renews:
        yield Reason("not_a_renewal", "It renews nothing: read it by itself.")
        return
    if not facts.waits:
        yield Reason("not_waiting", "It does not wait for a physician any more.")
        return
    if facts.held_by:
        yield Reason("already_claimed", f"{facts.held_by} is looking at it.")
    if facts.risk is not Risk.ROUTINE:
        yield Reason("not_routine", f"Its risk is {facts.risk.word}.")
    if not facts.same_quantity:
        yield Reason("other_quantity", "Another quantity is asked for than was prescribed.")
    if not facts.same_states:
        yield Reason("other_state", "The client lives, or has it sent, elsewhere than before.")
    if facts.talked_about:
        yield Reason("talked_about", "The client was asked something, or referred to a visit.")
    yield from _of_the_signature(facts)


def _of_the_signature(facts: Facts) -> Iterator[Reason]:
    stops = [hit for hit in facts.hits if hit.severity >= Severity.SOFT_STOP]
    for hit in stops:
        yield Reason(f"screening:{hit.rule}", hit.physician_text)
    if facts.refusal is not None and not stops:
        said = [
            facts.refusal.text,
            *(text for each in facts.refusal.fields.values() for text in each),
        ]
        yield Reason(facts.refusal.code, " ".join(said))
