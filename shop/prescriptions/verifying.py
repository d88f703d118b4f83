"""Prove that what clients handed in and physicians signed is still what is kept and acted on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.core import events
from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.events import Break, Event, Kind
from shop.prescriptions import grounds, requesting, signatures, supervising
from shop.prescriptions.intake import versions
from shop.prescriptions.models import ApprovalRequest, Prescription, PrescriptionState
from shop.prescriptions.statements import Terms, prescribed


def verify() -> Iterator[Break]:
    """The answers handed in, now and before each question, open and have the hash they were frozen
    with; no question is missing; every signed statement opens, has the hash that was signed, and
    says what its row says. Changes nothing.
    """
    handed_in = (
        sa.select(ApprovalRequest)
        .where(ApprovalRequest.submitted_at.is_not(None))
        .options(selectinload(ApprovalRequest.inquiries))
    )
    questioned = _times_questioned()
    for request in db.session.scalars(handed_in.order_by(ApprovalRequest.id)):
        if why := _asked_otherwise(request) or _answered_otherwise(request):
            yield Break(request.id, 1, why)
        if len(request.inquiries) != questioned.get(request.id, 0):
            yield Break(request.id, 1, "a question to the client is missing, or was slipped in")
    for prescription in db.session.scalars(sa.select(Prescription).order_by(Prescription.id)):
        if why := _altered(prescription):
            yield Break(prescription.id, 1, why)
    yield from signatures.verify()


def _answered_otherwise(request: ApprovalRequest) -> str | None:
    try:
        hash_now = requesting.frozen_hash(request, request.answers or {})
    except Unavailable:
        return "the answers that were handed in cannot be opened"
    if request.answers_hash is None or bytes(request.answers_hash) != hash_now:
        return "the answers are not those that were handed in"
    return None


def _asked_otherwise(request: ApprovalRequest) -> str | None:
    """What is wrong with a question: with the answers it is about, its words or its reply."""
    for inquiry in request.inquiries:
        try:
            hash_then = versions.hash_of(request, versions.version_before(inquiry))
            _ = inquiry.question, inquiry.reply
        except Unavailable:
            return "a question to the client, or what was said before it, cannot be opened"
        if bytes(inquiry.answers_hash) != hash_then:
            return "the answers before a question are not those that were handed in"
    return None


def _times_questioned() -> dict[UUID, int]:
    """Request → how often its client was asked something."""
    rows = db.session.execute(
        sa.select(Event.subject_id, sa.func.count())
        .where(Event.kind == Kind.REQUEST_QUESTIONED.value)
        .group_by(Event.subject_id)
    )
    return {row[0]: row[1] for row in rows}


def _altered(prescription: Prescription) -> str | None:
    try:
        statement = prescription.statement
        said = _as_kept(prescription)
    except Unavailable:
        return "the signed statement cannot be opened"
    signed = bytes(prescription.statement_hash)
    if hashlib.sha256(statement.encode()).digest() != signed:
        return "the signed statement was altered"
    if _when_signed(prescription) != signed.hex():
        return "the statement is not the one that was signed"
    if prescription.client_id != prescription.request.client_id:
        return "the prescription is not for who asked"
    if not all(part in statement for part in said):
        return "the prescription does not say what was signed"
    return None


def _when_signed(prescription: Prescription) -> object:
    """The hash that the event of the signature names; its chain is walked elsewhere."""
    told = (
        event.facts.get("statement")
        for event in events.of(prescription.id)
        if event.kind == Kind.PRESCRIPTION_SIGNED
    )
    return next(told, None)


def _as_kept(prescription: Prescription) -> list[str]:
    """What the statement must say for the row to be true."""
    request = prescription.request
    terms = Terms(
        quantity_per_fill=prescription.quantity_per_fill,
        fills=prescription.fills_allowed,
        days_supply=prescription.days_supply,
        interval_days=prescription.interval_days,
        directions=prescription.directions,
        indication=prescription.indication,
        examination_mode=prescription.examination_mode,
        examined_on=prescription.examined_on,
    )
    last_day = (prescription.valid_until - timedelta(days=1)).date()
    sku, state = prescription.variant.sku, request.ship_to_state
    return [
        prescribed(
            terms, sku=sku, last_day=last_day, state=state, examiner=_examiner(prescription)
        ),
        f", of {prescription.client_state}:\n",
        f"\n{prescription.prescriber_name}, NPI {prescription.prescriber_npi}, licensed in\n",
        f" request {request.number}\n  (SHA-256 {bytes(request.answers_hash or b'').hex()}).\n",
        *(f"\n  {covered.state}: " for covered in prescription.states),
        *_law(prescription.states),
    ]


def _examiner(prescription: Prescription) -> str:
    other = prescription.examiner_name not in (None, prescription.prescriber_name)
    return (prescription.examiner_name or "") if other else ""


def _law(states: Sequence[PrescriptionState]) -> list[str]:
    """What each state asked, where that was signed: not before examinations were on record."""
    rested_on = [
        (one.state, one.examination_rule, one.examination_rule_version or 0, one.examination)
        for one in states
        if one.examination_rule and one.examination
    ]
    stood_behind = {
        one.state: (one.supervisor_name, one.supervisor_licence_number or "")
        for one in states
        if one.supervisor_name
    }
    return [grounds.said(rested_on) + supervising.said(stood_behind)] if rested_on else []
