"""Templates for directions over HTTP: a physician's own and the clinic's."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.prescriptions import directing, directions, schemas
from shop.prescriptions.api.blueprint import bp
from shop.web.api import committed

ONE = "/directions-templates/<uuid:template_id>"


@bp.get("/directions-templates")
@allow(Role.PHYSICIAN)
@bp.response(200, schemas.DirectionsListOut)
def list_directions() -> dict[str, Any]:
    """One's own, then the clinic's, by name; without those that were ended."""
    return {"items": directions.offered(actor())}


@bp.post("/directions-templates")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.DirectionsIn)
@bp.response(201, schemas.DirectionsOut)
def write_directions(given: dict[str, Any]) -> Response:
    """Keep directions under a name."""
    made = directing.write(
        schemas.wording(given), for_the_clinic=given["clinic"], by=actor(), at=now()
    )
    return committed(schemas.DirectionsOut, made, 201)


@bp.post(f"{ONE}/versions")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.DirectionsRewriteIn)
@bp.response(201, schemas.DirectionsOut)
def rewrite_directions(given: dict[str, Any], template_id: uuid.UUID) -> Response:
    """Its next version; the one before is kept."""
    current = directions.template_for(actor(), template_id, lock=True)
    made = directing.rewrite(
        current, schemas.wording(given), read=given["version"], by=actor(), at=now()
    )
    return committed(schemas.DirectionsOut, made, 201)


@bp.get(f"{ONE}/versions")
@allow(Role.PHYSICIAN)
@bp.response(200, schemas.DirectionsListOut)
def list_versions_of_directions(template_id: uuid.UUID) -> dict[str, Any]:
    """All that it ever said, the latest first."""
    return {"items": directions.versions(actor(), template_id)}


@bp.post(f"{ONE}/end")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.DirectionsEndIn)
@bp.response(200, schemas.DirectionsOut)
def end_directions(given: dict[str, Any], template_id: uuid.UUID) -> Response:
    """It is offered no more."""
    current = directions.template_for(actor(), template_id, lock=True)
    directing.end(current, read=given["version"], by=actor(), at=now())
    return committed(schemas.DirectionsOut, current)
