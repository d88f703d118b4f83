"""Photos of a client's reports on the pages: added and erased by her, seen by who treats her."""

from __future__ import annotations

import uuid

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import photographing, queries, schemas
from shop.treatments.pages.blueprint import bp
from shop.treatments.pages.mine import mine_again
from shop.web.forms import or_again, to


@bp.post("/plan/<number>/reports/<uuid:report_id>/photos")
@allow(Role.CLIENT)
def add_photo(number: str, report_id: uuid.UUID) -> Response:
    """A photo, with a consent of its own."""

    def act() -> Response:
        agreed = request.form.get("consent") == "true"
        report, picture = schemas.sent_photo(actor(), number, report_id)
        photographing.add(report, picture, consent=agreed, by=actor(), at=now())
        db.session.commit()
        flash("Your photo is with your report.")
        return to("/plan")

    return or_again(act, lambda **why: mine_again(photo_of=str(report_id), **why))


@bp.post("/plan/<number>/reports/<uuid:report_id>/photos/<uuid:photo_id>/erasure")
@allow(Role.CLIENT)
def erase_photo(number: str, report_id: uuid.UUID, photo_id: uuid.UUID) -> Response:
    """The picture is erased for good."""
    plan = queries.plan_for(actor(), number, at=now(), lock=True)
    report = queries.report_of(plan, report_id)
    photographing.erase(report, photographing.photo_of(report, photo_id), by=actor(), at=now())
    db.session.commit()
    flash("The photo is erased.")
    return to("/plan")
