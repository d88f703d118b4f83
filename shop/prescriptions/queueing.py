"""A request comes to the review desk: it is weighed, and laid before who knows the client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.prescriptions import licensing
from shop.prescriptions.models import ApprovalRequest, Prescription, Refusal
from shop.prescriptions.screening import checking, judging, risk
from shop.prescriptions.screening.facts import Facts
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.risk import Weighed
from shop.prescriptions.screening.rules import rules

LATELY = timedelta(days=90)  # an answer of before may have changed since a rule declined


@dataclass(frozen=True)
class Judged:
    """What screening says of a request at a moment, and how soon it should be looked at."""

    facts: Facts
    hits: tuple[Hit, ...]
    weighed: Weighed

    @property
    def declined_by(self) -> Hit | None:
        """The rule that is enough to decline it without a physician, if one fired."""
        return next((hit for hit in self.hits if hit.declines), None)


def judge(request: ApprovalRequest, *, at: datetime) -> Judged:
    """Screen and weigh a request; changes nothing. One statement more than screening."""
    return _judged(request, at, declined_lately=_declined_lately(request, at))


def explain(request: ApprovalRequest, *, at: datetime, product_id: UUID | None = None) -> Judged:
    """The same for who reads a request on the desk: why it weighs what it weighs.

    `product_id`: what she thinks of prescribing instead.

    Where it was not found to be of high risk, no rule had declined anything: that is not asked.
    """
    high = request.risk == risk.Risk.HIGH
    lately = high and _declined_lately(request, at)
    return _judged(request, at, declined_lately=lately, product_id=product_id)


def _judged(
    request: ApprovalRequest,
    at: datetime,
    *,
    declined_lately: bool,
    product_id: UUID | None = None,
) -> Judged:
    day = at.astimezone(UTC).date()
    facts = checking.facts(request, at=at, product_id=product_id)
    hits = judging.screen(facts, rules(), on=day)
    weighed = risk.weigh(hits, facts, on=day, declined_lately=declined_lately)
    return Judged(facts, hits, weighed)


def lay(request: ApprovalRequest, judged: Judged, *, at: datetime) -> None:
    """Keep its risk and whose it is; the caller moves it to `queued` in the same flush.

    It is assigned to who signed for this client last, if she may sign this one. That is where it
    is shown first: any physician who is licensed may take it.
    """
    preferred = request.assigned_to or _signed_last(request, judged.facts.states - {""}, at)
    request.risk, request.assigned_to = int(judged.weighed.risk), preferred


def _declined_lately(request: ApprovalRequest, at: datetime) -> bool:
    by_rule = sa.exists().where(
        Refusal.client_id == request.client_id,
        Refusal.refused_by_id.is_(None),
        Refusal.request_id != request.id,
        Refusal.refused_at > at - LATELY,
    )
    return bool(db.session.scalar(sa.select(by_rule)))


def _signed_last(request: ApprovalRequest, states: frozenset[str], at: datetime) -> Person | None:
    query = (
        sa.select(Person)
        .join(Prescription, Prescription.prescriber_id == Person.id)
        .where(
            Prescription.client_id == request.client_id,
            Person.id.not_in([request.client_id, request.requested_by_id]),
        )
        .order_by(Prescription.signed_at.desc(), Prescription.id)
        .limit(1)
    )
    physician = db.session.scalars(query).one_or_none()
    if physician is None:
        return None
    held = licensing.in_force([physician.id], day=at.astimezone(UTC).date())[physician.id]
    return physician if states <= held.keys() else None
