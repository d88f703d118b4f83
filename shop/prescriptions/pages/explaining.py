"""Pages: why a prescription gives a fill or not, and how a request stands."""

from __future__ import annotations

from flask import Response, url_for

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import explaining, queries, schemas
from shop.prescriptions.pages.blueprint import bp, rendered


@bp.get("/prescriptions/<number>/why")
@allow(Role.CLIENT, Role.PHYSICIAN)
def why_prescription(number: str) -> Response:
    one = queries.prescription_for(actor(), number)
    _opened(one.client, f"explanation of prescription {one.number}")
    told = schemas.told_prescription(explaining.of_prescription(one, at=now()), actor())
    return rendered("why_prescription.html", told=told)


@bp.get("/requests/<number>/why")
@allow(Role.CLIENT)
def why_request(number: str) -> Response:
    return _why_request(number, request_page=url_for(".show_request", number=number))


@bp.get("/review/<number>/why")
@allow(Role.PHYSICIAN)
def why_case(number: str) -> Response:
    return _why_request(number, request_page=url_for(".case", number=number))


def _why_request(number: str, *, request_page: str) -> Response:
    at = now()
    request = queries.request_for(actor(), number, at=at)
    _opened(request.client, f"explanation of approval_request {request.number}")
    told = schemas.told_request(explaining.of_request(request, at=at), actor())
    return rendered("why_request.html", told=told, request_page=request_page)


def _opened(client: Person, record: str) -> None:
    """Write down for good that the reader opens it, before it is shown."""
    reading.open_record(actor(), client, record=record, purpose=reading.TREATMENT)
    db.session.commit()
