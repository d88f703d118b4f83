"""Pages: who stands behind a nurse practitioner or physician assistant; the manager's."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app, flash, request

from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.usps import STATES
from shop.prescriptions import queries, schemas, supervising
from shop.prescriptions.models import Supervision
from shop.prescriptions.pages.blueprint import bp, form, or_again, rendered, to


@bp.get("/people/<uuid:person_id>/supervisions")
@allow(Role.MANAGER)
def supervisions(person_id: uuid.UUID) -> Response:
    return _supervisions(person_id)


@bp.post("/people/<uuid:person_id>/supervisions")
@allow(Role.MANAGER)
def enter_supervision(person_id: uuid.UUID) -> Response:
    def act() -> Response:
        given = form(schemas.SupervisionIn)
        supervisor = accounts.person(given.pop("supervisor"))
        prescriber = accounts.person(person_id)
        supervising.enter(prescriber, supervisor, by=actor(), at=now(), **given)
        db.session.commit()
        flash("It is on record.")
        return to(f"/people/{person_id}/supervisions")

    return or_again(act, lambda **why: _supervisions(person_id, typed=request.form, **why))


@bp.post("/people/<uuid:person_id>/supervisions/<uuid:supervision_id>/end")
@allow(Role.MANAGER)
def end_supervision(person_id: uuid.UUID, supervision_id: uuid.UUID) -> Response:
    def act() -> Response:
        supervision = queries.supervision(person_id, supervision_id)
        today = day_in("UTC", now())  # its days are UTC days
        supervising.end(supervision, on=today, by=actor(), at=now())
        db.session.commit()
        flash("It has ended.")
        return to(f"/people/{person_id}/supervisions")

    return or_again(act, lambda **why: _supervisions(person_id, **why))


def _supervisions(person_id: uuid.UUID, **context: Any) -> Response:
    prescriber = accounts.person(person_id)
    found = queries.supervisions(person_id).order_by(Supervision.valid_from.desc()).limit(100)
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    return rendered(
        "supervisions.html",
        person=prescriber,
        supervisions=list(db.session.scalars(found)),
        physicians=[(str(one.id), one.name) for one in _physicians(prescriber)],
        states=[(state, state) for state in sorted(STATES)],
        **({"typed": {"valid_from": today.isoformat()}} | context),
    )


def _physicians(but: Person) -> list[Person]:
    """Who may stand behind somebody: an MD or DO of the clinic."""
    query = accounts.people().where(Person.role == Role.PHYSICIAN, Person.disabled_at.is_(None))
    people = db.session.scalars(query.order_by(Person.name)).unique()
    kinds = supervising.SUPERVISORS
    return [
        one
        for one in people
        if one.id != but.id and any(licence.kind in kinds for licence in one.licences)
    ]
