"""Pages: what was signed, and how it is paused and taken back."""

from __future__ import annotations

from typing import Any

from flask import (
    Response,
    flash,
    request,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refused, WrongState
from shop.orders import queries as orders
from shop.orders import rechecking, revoking
from shop.prescriptions import acknowledging, holding, queries, renewing, schemas
from shop.prescriptions.models import Prescription
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.prescriptions.paper import leaflets
from shop.prescriptions.states import PrescriptionStatus
from shop.replenishment import foretelling
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
    return _held(number)


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


@bp.get("/prescriptions/<number>/revocation")
@allow(Role.CLIENT, Role.PHYSICIAN)
def foretell_revocation(number: str) -> Response:
    """What taking it back now would do, in sentences, before anybody confirms it."""
    return _revocation(number)


@bp.post("/prescriptions/<number>/revocation")
@allow(Role.CLIENT, Role.PHYSICIAN)
def revoke(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.WhyIn)
        one = queries.prescription_for(actor(), number)
        read = request.form.get("read")
        if read and read != foretelling.revocation(one).fingerprint:
            raise WrongState("Something has changed since you read what it means. Read it again.")
        revoking.revoke(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash(_("It is taken back, with all that was promised under it."))
        return to(f"/prescriptions/{number}")

    again = _revocation if request.form.get("read") else shown_again
    return or_again(act, lambda **why: again(number, typed=request.form, **why))


def _revocation(number: str, **context: Any) -> Response:
    one = queries.prescription_for(actor(), number)
    reading.open_record(
        actor(), one.client, record=f"prescription {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    ends = one.status in (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
    told = foretelling.revocation(one) if ends else None
    return rendered("revocation.html", one=one, told=told, at=now(), **context)


def _prescriptions() -> Response:
    query, word = queries.prescriptions(actor()), request.args.get("q", "").strip()
    signed = actor().role is Role.PHYSICIAN
    if signed and word:
        query = query.where(queries.named(word))
    status = _status() if signed else None
    if status is not None:
        query = query.where(Prescription.status == status)
    shown = page(
        query,
        (Prescription.signed_at, Prescription.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    if not signed:
        at = now()
        return rendered(
            "prescriptions.html",
            shown=shown,
            at=at,
            outlooks=queries.outlooks_of(shown["items"], at=at),
        )
    chosen = status.value if status else ""
    statuses = [(one.value, _STATUSES[one]) for one in _STATUSES]
    return rendered(
        "signed_list.html", shown=shown, at=now(), q=word, status=chosen, statuses=statuses
    )


# By what is kept; what has run out since is told by its standing.
_STATUSES = {
    PrescriptionStatus.ACTIVE: lazy_gettext("Signed and not ended"),
    PrescriptionStatus.ON_HOLD: lazy_gettext("On hold"),
    PrescriptionStatus.REVOKED: lazy_gettext("Taken back"),
    PrescriptionStatus.ENTERED_IN_ERROR: lazy_gettext("Entered in error"),
}


def _status() -> PrescriptionStatus | None:
    asked = request.args.get("status", "")
    if not asked:
        return None
    try:
        return PrescriptionStatus(asked)
    except ValueError:
        raise Refused(
            "There is no such status.",
            fields={"status": [f"Choose among {', '.join(one.value for one in _STATUSES)}."]},
        ) from None


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
        "prescription.html" if actor().role is Role.CLIENT else "signed.html",
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


def _held(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.WhyIn)
        one = queries.prescription_for(actor(), number, lock=True)
        holding.hold(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash(_("It is on hold."))
        return to(f"/prescriptions/{number}")

    return or_again(act, lambda **why: shown_again(number, typed=request.form, **why))
