"""Pages: what was signed, and how it is paused and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import (
    Response,
    flash,
    request,
)

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.orders import queries as orders
from shop.orders import rechecking, revoking
from shop.prescriptions import acknowledging, holding, queries, renewing, schemas
from shop.prescriptions.models import Prescription
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.prescriptions.paper import leaflets
from shop.prescriptions.states import PrescriptionStatus
from shop.web.paging import page


@bp.get("/prescriptions")
@allow(Role.CLIENT, Role.PHYSICIAN)
def prescriptions() -> Response:
    return _prescriptions()


@bp.get("/prescriptions/<number>")
@allow(Role.CLIENT, Role.PHYSICIAN)
def show_prescription(number: str) -> Response:
    return shown_again(number)


@bp.post("/prescriptions/<number>/hold")
@allow(Role.PHYSICIAN)
def hold(number: str) -> Response:
    return _changed(number, "It is on hold.", holding.hold)


@bp.post("/prescriptions/<number>/resumption")
@allow(Role.PHYSICIAN)
def resume(number: str) -> Response:
    def act() -> Response:
        one = queries.prescription_for(actor(), number)
        holding.resume(one, by=actor(), at=now())
        db.session.commit()
        flash("It goes on.")
        return to(f"/prescriptions/{number}")

    return or_again(act, lambda **why: shown_again(number, **why))


@bp.post("/prescriptions/<number>/renewal")
@allow(Role.CLIENT)
def renew(number: str) -> Response:
    def act() -> Response:
        with rechecking.following(actor(), at=now()):
            asked = renewing.renew(
                queries.prescription_for(actor(), number),
                consent=request.form.get("consent") == "yes",
                by=actor(),
                at=now(),
            )
        db.session.commit()
        handed_in = asked.submitted_at is not None
        flash("Your request is with our physicians." if handed_in else "Some questions are left.")
        return to(f"/requests/{asked.number}")

    return or_again(act, lambda **why: shown_again(number, **why))


@bp.post("/prescriptions/<number>/revocation")
@allow(Role.CLIENT, Role.PHYSICIAN)
def revoke(number: str) -> Response:
    return _changed(
        number, "It is taken back, with all that was promised under it.", revoking.revoke
    )


def _prescriptions() -> Response:
    shown = page(
        queries.prescriptions(actor()),
        (Prescription.signed_at, Prescription.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    at = now()
    return rendered(
        "prescriptions.html",
        shown=shown,
        at=at,
        outlooks=queries.outlooks_of(shown["items"], at=at),
    )


def shown_again(number: str, **context: Any) -> Response:
    one = queries.prescription_for(actor(), number)
    reading.open_record(
        actor(), one.client, record=f"prescription {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    at, hers = now(), actor().id == one.client_id
    ends = one.status in (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
    reading_up = acknowledging.of_product(one.client_id, one.variant.product_id)
    return rendered(
        "prescription.html",
        one=one,
        mine=actor().id == one.prescriber_id,
        at=at,
        leaflet=leaflets.leaflet(reading_up.version),
        read=reading_up.read,
        choice=leaflets.choice(),
        outlook=queries.outlook_of(one, at=at),
        renewal=renewing.eligibility(one, at=at) if hers else None,
        consequences=revoking.consequences(one) if ends else None,
        left=orders.left_under([one.id]),
        doubted=None if hers else queries.live_report(one),
        **context,
    )


def _changed(number: str, told: str, verb: Callable[..., object]) -> Response:
    """Hold or revoke; revoking locks for itself, since orders come first."""

    def act() -> Response:
        given = form(schemas.WhyIn)
        one = queries.prescription_for(actor(), number, lock=verb is holding.hold)
        verb(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash(told)
        return to(f"/prescriptions/{number}")

    return or_again(act, lambda **why: shown_again(number, typed=request.form, **why))
