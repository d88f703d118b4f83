"""Permissions over HTTP: for managers."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.merchant import permitting, queries, schemas
from shop.web.api import Blueprint, committed

bp = Blueprint(
    "merchant", __name__, url_prefix="/api/v1/payment-permissions", description="Payment routes"
)


@bp.get("")
@allow(Role.MANAGER)
@bp.response(200, schemas.PermissionsOut)
def list_permissions() -> dict[str, Any]:
    """Every permission there ever was; those that last longest first."""
    return {"items": queries.permissions()}


@bp.post("")
@allow(Role.MANAGER)
@bp.arguments(schemas.PermissionIn)
@bp.response(201, schemas.PermissionOut)
def permit(terms: dict[str, Any]) -> Response:
    """Write down that a class may be paid on a route, from a day until, not including, another."""
    made = permitting.permit(**terms, by=actor(), at=now())
    return committed(schemas.PermissionOut, made, 201)


@bp.post("/<uuid:permission_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.PermissionEndIn)
@bp.response(200, schemas.PermissionOut)
def end(terms: dict[str, Any], permission_id: uuid.UUID) -> Response:
    """End a permission before its time: from that day on it no longer counts."""
    found = queries.permission_with(permission_id, lock=True)
    permitting.end(found, on=terms["ended_on"], by=actor(), at=now())
    return committed(schemas.PermissionOut, found)
