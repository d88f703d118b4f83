"""When something new is known of a client's health: what it means for what was signed before.

Each prescription that still gives something is screened again, by the facts and rules of today.
News is a stop about her health that was not among what its physician saw, when she signed it or
looked at it since. What she saw is told apart by rule and by what fired it: another allergy under
the same rule is news, the same word said on another day is not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts import delegating
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotFound
from shop.core.events import Kind
from shop.core.rules import Severity
from shop.prescriptions.models import (
    ApprovalRequest,
    HealthReview,
    Prescription,
    Screening,
)
from shop.prescriptions.queries import LISTED
from shop.prescriptions.screening import checking, judging
from shop.prescriptions.screening.checking import Case
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.rules import rules
from shop.prescriptions.states import FillStatus, HeldFor, PrescriptionStatus, RequestStatus

# Kinds of rules that speak of the client's health, and of nothing else that she uses.
HEALTH = frozenset(
    {
        "allergy",
        "allergy_family",
        "allergy_text",
        "condition",
        "condition_family",
        "isotretinoin",
        "medicine",
        "pregnancy",
        "skin_type",
    }
)
HELD = (
    Prescription.status == PrescriptionStatus.ON_HOLD,
    Prescription.held_for == HeldFor.HEALTH_NEWS,
)
UNDER_WAY = (FillStatus.RESERVED, FillStatus.CONSUMED)
SAID_ON = re.compile(r", said on \d{4}-\d{2}-\d{2}$")


def spoken_against(client: Person, *, at: datetime) -> list[UUID]:
    """Her prescriptions that are in force and that news speaks against, in id order.

    A fixed number of statements, however many she has. Changes nothing: the caller holds the lock
    on her chart, so that nobody adds to it meanwhile.
    """
    query = (
        sa.select(Prescription)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .where(
            Prescription.client_id == client.id,
            Prescription.status == PrescriptionStatus.ACTIVE,
            Prescription.valid_until > at,
            ApprovalRequest.status == RequestStatus.APPROVED,
        )
        .options(
            joinedload(Prescription.request).joinedload(ApprovalRequest.client),
            joinedload(Prescription.variant).joinedload(Variant.product),
            selectinload(Prescription.fills),
            joinedload(Prescription.supersession),
            joinedload(Prescription.taken_away),
        )
        .order_by(Prescription.id)
        .execution_options(populate_existing=True)
    )
    found = [one for one in db.session.scalars(query) if _gives(one)]
    news = news_of(found, at=at)
    return [one.id for one in found if news[one.id]]


def news_of(prescriptions: Sequence[Prescription], *, at: datetime) -> dict[UUID, tuple[Hit, ...]]:
    """Of each what speaks against it now and its physician has not seen; worst first."""
    if not prescriptions:
        return {}
    hits, seen = _stops(prescriptions, at=at), _seen(prescriptions)
    return {
        one.id: tuple(hit for hit in hits[one.id] if not seen[one.id].has(hit))
        for one in prescriptions
    }


def responsible(physician: Person, *, at: datetime) -> set[UUID]:
    """Whose news is hers to look at: her own, and of those she stands in for today."""
    day = at.astimezone(UTC).date()
    return {physician.id, *delegating.stood_in_for(physician, day=day)}


def waiting(reader: Person, *, at: datetime) -> sa.Select[Prescription]:
    """What news holds, and waits for this physician to look."""
    return _hers(reader, at).where(*HELD).options(*LISTED)


def how_many_wait(reader: Person, *, at: datetime) -> int:
    """How many `waiting` has."""
    counted = _hers(reader, at).where(*HELD).with_only_columns(sa.func.count())
    return db.session.scalar(counted) or 0


def to_be_looked_at(prescription: Prescription, news: Sequence[Hit]) -> bool:
    """Whether it is on hold, and goes on only by a physician's word on `news` (`news_of`)."""
    on_hold = prescription.status is PrescriptionStatus.ON_HOLD
    return on_hold and (bool(news) or prescription.held_for is HeldFor.HEALTH_NEWS)


def to_review(reader: Person, number: str, *, at: datetime) -> Prescription:
    """A prescription of which the news is this physician's to look at. Raises NotFound."""
    query = _hers(reader, at).where(Prescription.number == number)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such prescription.")
    return found


def _hers(reader: Person, at: datetime) -> sa.Select[Prescription]:
    return sa.select(Prescription).where(
        Prescription.prescriber_id.in_(responsible(reader, at=at)),
        Prescription.client_id != reader.id,
    )


def hold(prescription: Prescription) -> bool:
    """Put a (locked) prescription that is in force on hold until a physician has looked at it.

    False where it is not in force any more.
    """
    if prescription.status is not PrescriptionStatus.ACTIVE:
        return False
    prescription.status = PrescriptionStatus.ON_HOLD
    prescription.held_for = HeldFor.HEALTH_NEWS
    db.session.flush()  # the database stamps when
    events.record(Kind.PRESCRIPTION_HELD, prescription, reason=HeldFor.HEALTH_NEWS.value)
    return True


def as_seen(hits: Iterable[Hit]) -> list[dict[str, object]]:
    """Hits as a review keeps them: the rule, and what fired it."""
    return [{"rule": hit.rule, "fired_by": list(hit.fired_by)} for hit in hits]


def _gives(one: Prescription) -> bool:
    """Something is left to be taken of it, or is under way."""
    under_way = any(fill.status in UNDER_WAY for fill in one.fills)
    return under_way or (not one.replaced and one.fills_left > 0)


def _stops(prescriptions: Sequence[Prescription], *, at: datetime) -> dict[UUID, tuple[Hit, ...]]:
    """What stops each because of the client's health; what nobody knows is no news."""
    cases = [
        Case(one.request, at, one.days_supply, instead=one.variant.product_id)
        for one in prescriptions
    ]
    asked = [rule for rule in rules() if rule.kind in HEALTH]
    day = at.astimezone(UTC).date()
    return {
        one.id: tuple(
            hit
            for hit in judging.screen(facts, asked, on=day)
            if hit.severity >= Severity.SOFT_STOP and not hit.unknown
        )
        for one, facts in zip(prescriptions, checking.facts_of(cases), strict=True)
    }


# --- what was seen -------------------------------------------------------------------------------

Told = tuple[str, frozenset[str]]  # a rule's number, and what fired it


@dataclass(frozen=True)
class _Seen:
    """What a physician saw. `statement`: of one that was signed before hits were kept as data."""

    told: frozenset[Told]
    statement: str = ""

    def has(self, hit: Hit) -> bool:
        return _told(hit.rule, hit.fired_by) in self.told or hit.rule in self.statement


def _seen(prescriptions: Sequence[Prescription]) -> dict[UUID, _Seen]:
    """Of each what its physician saw, when she signed and since. Two statements."""
    kept = sa.select(Screening).where(
        Screening.request_id.in_([one.request_id for one in prescriptions])
    )
    signed = {one.request_id: one.checks["hits"] for one in db.session.scalars(kept)}
    looked = sa.select(HealthReview).where(
        HealthReview.prescription_id.in_([one.id for one in prescriptions])
    )
    since: dict[UUID, list[Told]] = defaultdict(list)
    for review in db.session.scalars(looked):
        since[review.prescription_id] += [_told(**one) for one in review.seen]
    return {
        one.id: _Seen(
            frozenset(
                [
                    *since[one.id],
                    *(
                        _told(hit["rule"], hit["fired_by"])
                        for hit in signed.get(one.request_id, ())
                        if not hit["unknown"]
                    ),
                ]
            ),
            statement="" if one.request_id in signed else one.statement,
        )
        for one in prescriptions
    }


def _told(rule: str, fired_by: Iterable[str]) -> Told:
    """Without the day on which it was said: the same word again is nothing new."""
    return rule, frozenset(SAID_ON.sub("", told) for told in fired_by)
