"""Prescriptions over HTTP: /prescriptions."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.orders import queries as orders
from shop.orders import revoking
from shop.prescriptions import explaining, holding, queries, renewing, schemas
from shop.prescriptions.api.blueprint import bp, committed_end, committed_prescription, opened
from shop.prescriptions.models import Prescription
from shop.web.api import PageQuery, committed
from shop.web.paging import page

HOLDERS = (Role.CLIENT, Role.PHYSICIAN)


@bp.get("/prescriptions")
@allow(*HOLDERS)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.PrescriptionsOut)
def list_prescriptions(asked: dict[str, Any]) -> dict[str, Any]:
    """A client's prescriptions, or those a physician signed; newest first."""
    shown = page(
        queries.prescriptions(actor()),
        (Prescription.signed_at, Prescription.id),
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )
    return shown | {"items": [schemas.listed_prescription(one) for one in shown["items"]]}


@bp.get("/prescriptions/<number>")
@allow(*HOLDERS)
@bp.response(200, schemas.WholePrescriptionOut)
def show_prescription(number: str) -> dict[str, Any]:
    """One prescription, with its statement. Opening it is written down."""
    at = now()
    prescription = queries.prescription_for(actor(), number)
    opened(prescription.client, f"prescription {prescription.number}")
    hers = actor().id == prescription.client_id
    return schemas.whole_prescription(
        prescription,
        outlook=queries.outlook_of(prescription, at=at),
        left=orders.left_under([prescription.id]),
        renewal=renewing.eligibility(prescription, at=at) if hers else None,
    )


@bp.get("/prescriptions/<number>/explanation")
@allow(*HOLDERS)
@bp.response(200, schemas.PrescriptionExplanationOut)
def explain_prescription(number: str) -> dict[str, Any]:
    """Why it gives a fill now, or why not, and the rules that fired. Opening it is written down."""
    prescription = queries.prescription_for(actor(), number)
    opened(prescription.client, f"explanation of prescription {prescription.number}")
    return schemas.told_prescription(explaining.of_prescription(prescription, at=now()), actor())


@bp.post("/prescriptions/<number>/hold")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.PrescriptionOut)
def hold(given: dict[str, Any], number: str) -> Response:
    """Pause a prescription: nothing is filled or sent under it."""
    prescription = queries.prescription_for(actor(), number, lock=True)
    holding.hold(prescription, reason=given["reason"], by=actor(), at=now())
    return committed_prescription(prescription, 201)


@bp.delete("/prescriptions/<number>/hold")
@allow(Role.PHYSICIAN)
@bp.response(204)
def resume(number: str) -> Response:
    """Let a prescription go on."""
    prescription = queries.prescription_for(actor(), number)
    holding.resume(prescription, by=actor(), at=now())
    return committed(None, None, 204)


@bp.post("/prescriptions/<number>/revocation")
@allow(*HOLDERS)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.EndedOut)
def revoke(given: dict[str, Any], number: str) -> Response:
    """Take a prescription back, with everything that was promised under it."""
    prescription = queries.prescription_for(actor(), number)
    what = revoking.revoke(prescription, reason=given["reason"], by=actor(), at=now())
    return committed_end(prescription, what)
