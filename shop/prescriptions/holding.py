"""Pause a prescription, and let it go on."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.queries import locked_as_of
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.core.rules import Severity
from shop.prescriptions import rechecking, superseding
from shop.prescriptions.errors import HardStopStands, NewsNotReviewed, TermsRefused
from shop.prescriptions.models import HealthReview, Prescription
from shop.prescriptions.screening.judging import SHORTEST_REASON, Hit
from shop.prescriptions.states import HeldFor, PrescriptionStatus


def hold(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> None:
    """Nothing is filled or sent until it is resumed. Raises NotAllowed, WrongState."""
    _require_prescriber(prescription, by)
    prescription.status = PrescriptionStatus.ON_HOLD
    prescription.held_by_id, prescription.reason = by.id, reason
    db.session.flush()  # the database stamps when
    events.record(Kind.PRESCRIPTION_HELD, prescription)


def resume(prescription: Prescription, *, by: Person, at: datetime) -> None:
    """Let it go on.

    The caller does not hold the prescription's lock, for the client's chart comes first: what is
    said meanwhile is looked at before or after. Raises NotAllowed, NewsNotReviewed, WrongState.
    """
    _require_prescriber(prescription, by)
    at = locked_as_of(prescription.client, at=at)
    db.session.scalars(
        locked(sa.select(Prescription).where(Prescription.id == prescription.id))
    ).one()
    _refuse_without_licence(prescription)
    if rechecking.to_be_looked_at(prescription, _news(prescription, at)):
        raise NewsNotReviewed(
            "Something new is known of the client's health. Look at it, and say why it goes on.",
            prescription=prescription.number,
        )
    _go_on(prescription, at=at)


def resume_after_review(
    prescription: Prescription, *, reason: str, by: Person, at: datetime
) -> HealthReview:
    """Let it go on after its prescriber, or who stands in for her, has looked at the news.

    What she saw does not hold it again. `reason` has ten letters at least. The client's chart and
    the prescription are locked. Raises NotAllowed, TermsRefused, HardStopStands, WrongState.
    """
    _require_responsible(prescription, by, at)
    _refuse_without_licence(prescription)
    news = _news(prescription, at)
    if not rechecking.to_be_looked_at(prescription, news):
        raise WrongState("There is no news to look at.", status=prescription.status.value)
    if any(hit.severity is Severity.HARD_STOP for hit in news):
        raise HardStopStands(
            "Nobody may override what is known of the client's health now. Take it back, or correct"
            " her chart where it is wrong.",
            prescription=prescription.number,
            rules=sorted({hit.rule for hit in news if hit.severity is Severity.HARD_STOP}),
        )
    if sum(letter.isalpha() for letter in reason) < SHORTEST_REASON:
        raise TermsRefused(
            "Say why it goes on.",
            fields={"reason": [f"Write a reason of at least {SHORTEST_REASON} letters."]},
        )
    review = HealthReview(
        id=uuid.uuid4(),
        prescription_id=prescription.id,
        client_id=prescription.client_id,
        reviewed_by=by,
    )
    review.seen, review.reason = rechecking.as_seen(news), reason
    db.session.add(review)
    db.session.flush()  # it goes on after it was looked at
    _go_on(prescription, at=at)
    return review


def _go_on(prescription: Prescription, *, at: datetime) -> None:
    prescription.status = PrescriptionStatus.ACTIVE
    prescription.held_by_id, prescription.held_for, prescription.reason = None, None, None
    db.session.flush()  # the database clears when it was held
    events.record(Kind.PRESCRIPTION_RESUMED, prescription)
    superseding.finish(prescription.id, at=at)  # where it was replaced meanwhile


def _held(prescription: Prescription) -> bool:
    return prescription.status is PrescriptionStatus.ON_HOLD


def _news(prescription: Prescription, at: datetime) -> tuple[Hit, ...]:
    return rechecking.news_of([prescription], at=at)[prescription.id]


def _refuse_without_licence(prescription: Prescription) -> None:
    if _held(prescription) and prescription.held_for is HeldFor.LICENCE_LAPSED:
        raise WrongState(
            "It waits for your licence, and goes on by itself once a renewal is recorded.",
            status=prescription.status,
            held_for=prescription.held_for.value,
        )


def _require_prescriber(prescription: Prescription, by: Person) -> None:
    if by.id != prescription.prescriber_id:
        raise NotAllowed("Only its prescriber pauses a prescription.")


def _require_responsible(prescription: Prescription, by: Person, at: datetime) -> None:
    hers = prescription.prescriber_id in rechecking.responsible(by, at=at)
    if by.id == prescription.client_id or not hers:
        raise NotAllowed("Its prescriber, or who stands in for her today, lets it go on.")
