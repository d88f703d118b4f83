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
from shop.prescriptions import batching, schemas, signing
from shop.prescriptions.api.blueprint import bp
from shop.prescriptions.batching import Proposal, Read
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
    return committed(
        schemas.SignaturesOut, {"items": [signed(one) for one in schemas.items_read(given)]}
    )


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


def signed(read: Read) -> dict[str, Any]:
    """Sign one and commit; where it is refused, undo that, and give back what was claimed."""
    try:
        prescription = batching.sign_read(read, by=actor(), proof=fresh_proof(), at=now())
        db.session.commit()
    except Refusal as refusal:
        db.session.rollback()
        batching.give_back_read(read, by=actor(), at=now())
        db.session.commit()
        return _refused(read.number, refusal)
    return {
        "number": read.number,
        "signed": True,
        "prescription": prescription.number,
        "status": 201,
        "code": None,
        "detail": None,
        "facts": {},
    }


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
