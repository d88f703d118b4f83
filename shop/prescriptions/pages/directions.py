"""Pages: the templates for directions that a physician keeps, and what one says now."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import directing, directions, schemas
from shop.prescriptions.pages.blueprint import bp, form, or_again, rendered, to

HERE = "/review/templates"


@bp.get(HERE)
@allow(Role.PHYSICIAN)
def templates() -> Response:
    return _templates()


@bp.post(HERE)
@allow(Role.PHYSICIAN)
def write_template() -> Response:
    def act() -> Response:
        given = form(schemas.DirectionsIn, clinic=request.form.get("clinic") == "yes")
        directing.write(
            schemas.wording(given), for_the_clinic=given["clinic"], by=actor(), at=now()
        )
        db.session.commit()
        flash("It is kept. Choose it beside the directions of a case.")
        return to(HERE)

    return or_again(act, lambda **why: _templates(typed=request.form, **why))


@bp.get(f"{HERE}/<uuid:template_id>")
@allow(Role.PHYSICIAN)
def show_template(template_id: uuid.UUID) -> Response:
    return _template(template_id)


@bp.post(f"{HERE}/<uuid:template_id>")
@allow(Role.PHYSICIAN)
def rewrite_template(template_id: uuid.UUID) -> Response:
    def act() -> Response:
        given = form(schemas.DirectionsRewriteIn, numbers=("version",))
        current = directions.template_for(actor(), template_id, lock=True)
        directing.rewrite(
            current, schemas.wording(given), read=given["version"], by=actor(), at=now()
        )
        db.session.commit()
        flash("It is kept. What it said before is below.")
        return to(f"{HERE}/{template_id}")

    return or_again(act, lambda **why: _template(template_id, typed=request.form, **why))


@bp.post(f"{HERE}/<uuid:template_id>/end")
@allow(Role.PHYSICIAN)
def end_template(template_id: uuid.UUID) -> Response:
    def act() -> Response:
        given = form(schemas.DirectionsEndIn, numbers=("version",))
        current = directions.template_for(actor(), template_id, lock=True)
        directing.end(current, read=given["version"], by=actor(), at=now())
        db.session.commit()
        flash("It is offered no more. What was signed keeps its words.")
        return to(HERE)

    return or_again(act, lambda **why: _template(template_id, **why))


def _templates(**context: Any) -> Response:
    return rendered(
        "templates.html",
        templates=directions.offered(actor()),
        director=directing.is_director(actor(), at=now()),
        forms=directions.forms(),
        **context,
    )


def _template(template_id: uuid.UUID, **context: Any) -> Response:
    found = directions.versions(actor(), template_id)
    latest = found[0]
    may = latest.owner_id == actor().id or directing.is_director(actor(), at=now())
    said = {name: getattr(latest, name) for name in ("name", "directions", "form", "active")}
    return rendered(
        "template.html",
        latest=latest,
        earlier=found[1:],
        may_change=may and latest.ended_at is None,
        forms=directions.forms(),
        **({"typed": said} | context),
    )
