"""What becomes of prescriptions, over HTTP: renewed, taken back, entered in error."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.orders import rechecking, revoking
from shop.prescriptions import erring, queries, renewing, schemas
from shop.prescriptions.api.blueprint import bp, committed_end, committed_request, opened
from shop.prescriptions.models import ErrorReport
from shop.replenishment import foretelling
from shop.web.api import PageQuery, committed
from shop.web.paging import page

DECIDERS = (Role.PHYSICIAN, Role.MANAGER)


@bp.post("/prescriptions/<number>/renewal")
@allow(Role.CLIENT)
@bp.arguments(schemas.RenewalIn)
@bp.response(201, schemas.RequestOut)
def renew(given: dict[str, Any], number: str) -> Response:
    """Ask to go on with a prescription; handed in at once where nothing is left to ask."""
    with rechecking.following(actor(), at=now()):
        request = renewing.renew(
            queries.prescription_for(actor(), number),
            consent=given["consent"],
            answers=given["answers"],
            by=actor(),
            at=now(),
        )
    return committed_request(request, 201)


@bp.get("/prescriptions/<number>/revocation")
@allow(Role.CLIENT, Role.PHYSICIAN)
@bp.response(200, schemas.ForetoldOut)
def foretell(number: str) -> dict[str, Any]:
    """What taking it back now would do: to orders, refills, plans; and what has left already."""
    prescription = queries.prescription_for(actor(), number)
    opened(prescription.client, f"prescription {prescription.number}")
    return schemas.all_foretold(foretelling.revocation(prescription))


@bp.get("/error-reports")
@allow(*DECIDERS)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.ErrorReportsOut)
def list_error_reports(asked: dict[str, Any]) -> dict[str, Any]:
    """Prescriptions reported as errors that wait for a second person, first reported first."""
    shown = page(
        queries.error_reports(actor(), at=now()),
        (ErrorReport.reported_at, ErrorReport.id),
        limit=asked["limit"],
        after=asked["after"],
    )
    return shown | {"items": [schemas.reported(said) for said in shown["items"]]}


@bp.get("/prescriptions/<number>/error-report")
@allow(*DECIDERS)
@bp.response(200, schemas.ErrorReportOut)
def show_error_report(number: str) -> dict[str, Any]:
    """The report that waits, with its reason. Opening it is written down."""
    said = queries.error_report_on(actor(), number, at=now())
    opened(said.prescription.client, f"prescription {number}")
    return schemas.reported(said, reason=said.reason)


@bp.post("/prescriptions/<number>/error-report")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.ErrorReportOut)
def report_error(given: dict[str, Any], number: str) -> Response:
    """Say that a prescription should never have been; a second person decides."""
    one = queries.prescription_in_question(actor(), number, at=now(), lock=True)
    said = erring.report(one, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.ErrorReportOut, schemas.reported(said), 201)


@bp.post("/prescriptions/<number>/error-report/confirmation")
@allow(*DECIDERS)
@bp.response(201, schemas.EndedOut)
def confirm_error(number: str) -> Response:
    """Agree that it is an error, with everything that was promised under it."""
    said = queries.error_report_on(actor(), number, at=now())
    what = revoking.enter_in_error(said, by=actor(), at=now())
    return committed_end(said.prescription, what)


@bp.delete("/prescriptions/<number>/error-report")
@allow(*DECIDERS)
@bp.response(204)
def dismiss_error(number: str) -> Response:
    """It is no error: the prescription goes on as it was."""
    at = now()
    queries.prescription_in_question(actor(), number, at=at, lock=True)
    said = erring.locked_report(queries.error_report_on(actor(), number, at=at))
    erring.dismiss(said, by=actor(), at=at)
    return committed(None, None, 204)
