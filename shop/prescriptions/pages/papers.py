"""Pages: the leaflet before the first fill, and the prescription that goes elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.prescriptions import acknowledging, queries, taking_away
from shop.prescriptions.pages.blueprint import bp, or_again, rendered, to
from shop.prescriptions.pages.prescriptions import shown_again
from shop.prescriptions.paper import leaflets


@bp.get("/leaflets/<version>")
@allow()
def show_leaflet(version: str) -> Response:
    try:
        leaflet = leaflets.leaflet(version)
    except KeyError:
        raise NotFound("There is no such leaflet.") from None
    return rendered("leaflet.html", leaflet=leaflet, choice=leaflets.choice())


@bp.post("/prescriptions/<number>/leaflet")
@allow(Role.CLIENT)
def read_leaflet(number: str) -> Response:
    def act() -> None:
        one = queries.prescription_for(actor(), number)
        acknowledging.acknowledge(
            actor(),
            one.variant.product_id,
            version=request.form.get("version", ""),
            by=actor(),
            at=now(),
        )

    return _done(number, act, "Thank you. It is ready to order.")


@bp.post("/prescriptions/<number>/written")
@allow(Role.CLIENT)
def take_away(number: str) -> Response:
    def act() -> None:
        one = queries.prescription_for(actor(), number, lock=True)
        taking_away.take_away(one, by=actor(), at=now())

    return _done(number, act, "It is yours to take. Print it, and give it to your pharmacy.")


def _done(number: str, act: Callable[[], None], told: str) -> Response:
    def committed() -> Response:
        act()
        db.session.commit()
        flash(told)
        return to(f"/prescriptions/{number}")

    return or_again(committed, lambda **why: shown_again(number, **why))
