"""Approval requests over HTTP: /approval-requests.

What a writing route answers may be kept for an Idempotency-Key, so it holds nothing a client said:
that is read with GET, which writes down who read it.
"""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refused
from shop.orders import rechecking
from shop.prescriptions import (
    changing,
    explaining,
    opening,
    queries,
    requesting,
    reviewing,
    schemas,
    signing,
)
from shop.prescriptions.api.blueprint import bp, committed_prescription, committed_request, opened
from shop.prescriptions.models import ApprovalRequest
from shop.treatments import queries as treatments
from shop.web.api import committed
from shop.web.paging import page

ASKERS = (Role.CLIENT, Role.ESTHETICIAN)


READERS = (Role.CLIENT, Role.ESTHETICIAN, Role.PHYSICIAN)


Keys = tuple[tuple[Any, ...], bool]  # by what a list is ordered, and whether it descends
SORTS: dict[str, Keys] = {
    "risk": ((ApprovalRequest.risk, ApprovalRequest.due_at), False),
    "oldest": ((ApprovalRequest.created_at,), False),
    "newest": ((ApprovalRequest.created_at,), True),
    "due": ((ApprovalRequest.due_at,), False),
}


@bp.post("/approval-requests")
@allow(*ASKERS)
@bp.arguments(schemas.RequestIn)
@bp.response(201, schemas.RequestOut)
def start(given: dict[str, Any]) -> Response:
    """Begin to ask a physician for a doctor-only product."""
    client = queries.client_for(actor(), given["client"])
    plan = given["plan"] and treatments.plan_for(actor(), given["plan"], at=now(), lock=True)
    request = requesting.start(
        client,
        catalog.variant(given["sku"]),
        quantity=given["quantity"],
        ship_to_state=given["ship_to_state"] or client.state or "",
        plan=plan,
        by=actor(),
        at=now(),
    )
    return committed_request(request, 201)


@bp.put("/approval-requests/<number>/answers")
@allow(Role.CLIENT)
@bp.arguments(schemas.AnswersIn)
@bp.response(200, schemas.RequestOut)
def answer(given: dict[str, Any], number: str) -> Response:
    """Keep the answers of a draft; they may still be incomplete."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    requesting.answer(request, given["answers"], by=actor(), at=now())
    return committed_request(request)


@bp.post("/approval-requests/<number>/submission")
@allow(Role.CLIENT)
@bp.arguments(schemas.SubmissionIn)
@bp.response(201, schemas.RequestOut)
def submit(given: dict[str, Any], number: str) -> Response:
    """Hand a request to the physicians."""
    with rechecking.following(actor(), at=now()):
        request = queries.request_for(actor(), number, at=now(), lock=True)
        requesting.submit(request, consent=given["consent"], by=actor(), at=now())
    return committed_request(request, 201)


@bp.post("/approval-requests/<number>/withdrawal")
@allow(Role.CLIENT)
@bp.response(201, schemas.RequestOut)
def withdraw(number: str) -> Response:
    """Take a request back, or refuse what was prescribed instead."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    requesting.withdraw(request, by=actor(), at=now())
    return committed_request(request, 201)


@bp.post("/approval-requests/<number>/acceptance")
@allow(Role.CLIENT)
@bp.arguments(schemas.AcceptanceIn)
@bp.response(201, schemas.RequestOut)
def accept(given: dict[str, Any], number: str) -> Response:
    """Take what the physician prescribed instead of what was asked for, at its price."""
    with rechecking.following(actor(), at=now()):
        request = queries.request_for(actor(), number, at=now(), lock=True)
        changing.accept(request, expect_unit_cents=given["expect_unit_cents"], by=actor(), at=now())
    return committed_request(request, 201)


@bp.get("/approval-requests")
@allow(*READERS)
@bp.arguments(schemas.QueueQuery, location="query")
@bp.response(200, schemas.RequestsOut)
def list_requests(asked: dict[str, Any]) -> dict[str, Any]:
    """The reader's requests; for a physician those of clients she may treat."""
    decides = actor().role is Role.PHYSICIAN
    on_the_desk = asked["status"] in (None, *queries.WAITING)
    sort = asked["sort"] or ("risk" if decides and on_the_desk else "oldest")
    if sort == "risk" and not decides:
        raise Refused("Only physicians sort by risk.", fields={"sort": ["Choose another order."]})
    keys, descending = SORTS[sort]
    query = queries.requests(
        actor(), at=now(), statuses=[asked["status"]] if asked["status"] else ()
    )
    if sort in ("risk", "due"):
        query = query.where(ApprovalRequest.due_at.is_not(None))
    shown = page(
        query,
        (*keys, ApprovalRequest.id),
        limit=asked["limit"],
        after=asked["after"],
        descending=descending,
    )
    items = [
        schemas.listed(request) | schemas.on_the_desk(request, actor())
        for request in shown["items"]
    ]
    return shown | {"items": items}


@bp.get("/approval-requests/<number>")
@allow(*READERS)
@bp.response(200, schemas.WholeRequestOut)
def show_request(number: str) -> dict[str, Any]:
    """One request, with what the client said. Opening it is written down."""
    at = now()
    case = opening.open_case(actor(), number, at=at)
    shown = schemas.whole(case.request, actor(), hits=case.hits, at=at)
    db.session.commit()  # written down for good before it is shown
    return shown


@bp.get("/approval-requests/<number>/explanation")
@allow(*READERS)
@bp.response(200, schemas.RequestExplanationOut)
def explain_request(number: str) -> dict[str, Any]:
    """How it stands and why, with every rule that fired. Opening it is written down."""
    at = now()
    request = queries.request_for(actor(), number, at=at)
    opened(request.client, f"explanation of approval_request {request.number}")
    return schemas.told_request(explaining.of_request(request, at=at), actor())


@bp.post("/approval-requests/<number>/claim")
@allow(Role.PHYSICIAN)
@bp.response(201, schemas.RequestOut)
def claim(number: str) -> Response:
    """Take a request for fifteen minutes."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    reviewing.claim(request, by=actor(), at=now())
    return committed_request(request, 201)


@bp.delete("/approval-requests/<number>/claim")
@allow(Role.PHYSICIAN)
@bp.response(204)
def release(number: str) -> Response:
    """Give a request back to the queue."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    reviewing.release(request, by=actor(), at=now())
    return committed(None, None, 204)


@bp.post("/approval-requests/<number>/signature")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.SignatureIn)
@bp.response(201, schemas.PrescriptionOut)
def sign(given: dict[str, Any], number: str) -> Response:
    """Sign an approval request that one has claimed."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    shown = given["statement_hash"]
    prescription = signing.sign(
        request,
        schemas.terms(given),
        by=actor(),
        proof=fresh_proof(),
        at=now(),
        fence=given["claim"],
        shown=bytes.fromhex(shown) if shown else None,
    )
    return committed_prescription(prescription, 201)


@bp.post("/approval-requests/<number>/refusal")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.RefusalIn)
@bp.response(201, schemas.RequestOut)
def refuse(given: dict[str, Any], number: str) -> Response:
    """Refuse an approval request that one has claimed."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    reviewing.refuse(
        request,
        reason=given["reason"],
        message=given["message"],
        note=given["note"],
        by=actor(),
        at=now(),
        fence=given["claim"],
    )
    return committed_request(request, 201)
