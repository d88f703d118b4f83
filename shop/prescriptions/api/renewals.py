"""Renewals that change nothing, signed beside others over HTTP; each in its own transaction."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.prescriptions import batching, queries, schemas, signing
from shop.prescriptions.api.blueprint import bp
from shop.prescriptions.batching import Proposal
from shop.web.api import committed
from shop.web.problems import STATUS


@bp.get("/approval-requests/renewals")
@allow(Role.PHYSICIAN)
@bp.response(200, schemas.RenewalProposalsOut)
def list_renewals() -> dict[str, Any]:
    """Renewals that may be signed as they are, with what would be signed. Each opening is noted."""
    return {"items": [schemas.proposed(one) for one in proposals()]}


@bp.post("/approval-requests/signatures")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.SignaturesIn)
@bp.response(200, schemas.SignaturesOut)
def sign_each(given: dict[str, Any]) -> Response:
    """Sign renewals whose statements were read. Each is signed or refused by itself."""
    signing.require_fresh(fresh_proof(), by=actor(), at=now())  # or none
    return committed(schemas.SignaturesOut, {"items": [signed(one) for one in given["items"]]})


def proposals() -> list[Proposal]:
    """What is eligible on the reader's desk; written down for good before it is shown."""
    at = now()
    found = batching.prepare(batching.waiting(actor(), at=at), by=actor(), at=at)
    shown = [one for one in found if one.eligible]
    for one in shown:
        reading.open_record(
            actor(),
            one.request.client,
            record=f"approval_request {one.request.number}",
            purpose=reading.TREATMENT,
        )
    db.session.commit()
    return shown


def signed(item: dict[str, Any]) -> dict[str, Any]:
    """Sign one and commit; where it is refused, undo that, and give back what was claimed."""
    try:
        at = now()
        asked = queries.request_for(actor(), item["number"], at=at, lock=True)
        prescription = batching.sign(
            asked,
            shown=bytes.fromhex(item["statement_hash"]),
            by=actor(),
            proof=fresh_proof(),
            at=at,
            fence=item["claim"],
        )
        db.session.commit()
    except Refusal as refusal:
        db.session.rollback()
        given_back(item)
        return _refused(item["number"], refusal)
    return {
        "number": item["number"],
        "signed": True,
        "prescription": prescription.number,
        "status": 201,
        "code": None,
        "detail": None,
        "facts": {},
    }


def given_back(item: dict[str, Any]) -> None:
    """Release what she claimed to read it and did not sign."""
    if item["claim"] is None:
        return
    try:
        at = now()
        asked = queries.request_for(actor(), item["number"], at=at, lock=True)
        batching.give_back(asked, fence=item["claim"], by=actor(), at=at)
        db.session.commit()
    except Refusal:  # it is not hers any more, so that there is nothing to give back
        db.session.rollback()


def _refused(number: str, refusal: Refusal) -> dict[str, Any]:
    return {
        "number": number,
        "signed": False,
        "prescription": None,
        "status": next(code for family, code in STATUS.items() if isinstance(refusal, family)),
        "code": refusal.code,
        "detail": refusal.text,
        "facts": refusal.facts,
    }
