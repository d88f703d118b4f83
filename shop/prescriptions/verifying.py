"""Prove that what clients handed in and physicians signed is still what is kept and acted on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.events import Break, Kind
from shop.prescriptions import grounds, requesting, supervising
from shop.prescriptions.models import ApprovalRequest, Prescription, PrescriptionState
from shop.prescriptions.statements import Terms, prescribed


def verify() -> Iterator[Break]:
    """The answers handed in open and have the hash they were frozen with; every signed statement
    opens, has the hash that was signed, and says what its row says. Changes nothing.
    """
    handed_in = sa.select(ApprovalRequest).where(ApprovalRequest.submitted_at.is_not(None))
    for request in db.session.scalars(handed_in.order_by(ApprovalRequest.id)):
        if why := _answered_otherwise(request):
            yield Break(request.id, 1, why)
    for prescription in db.session.scalars(sa.select(Prescription).order_by(Prescription.id)):
        if why := _altered(prescription):
            yield Break(prescription.id, 1, why)


def _answered_otherwise(request: ApprovalRequest) -> str | None:
    try:
        hash_now = requesting.frozen_hash(request, request.answers or {})
    except Unavailable:
        return "the answers that were handed in cannot be opened"
    if request.answers_hash is None or bytes(request.answers_hash) != hash_now:
        return "the answers are not those that were handed in"
    return None


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
