"""The prescriptions of a plan over HTTP; it is started and ended in `treatments/api/plans.py`."""

from __future__ import annotations

from typing import Any

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import queries, schemas
from shop.prescriptions.api.blueprint import bp, opened
from shop.treatments import queries as treatments


@bp.get("/plans/<number>/prescriptions")
@allow(Role.CLIENT, Role.ESTHETICIAN, Role.PHYSICIAN)
@bp.response(200, schemas.PlanRequestsOut)
def list_of_plan(number: str) -> dict[str, Any]:
    """What was asked for with a plan, as far as I may see it, and what was signed."""
    at = now()
    plan = treatments.plan_for(actor(), number, at=at)
    opened(plan.client, f"prescriptions of plan {number}")
    found = db.session.scalars(queries.of_plan(actor(), plan, at=at)).unique()
    return {"items": [schemas.of_plan(one) for one in found]}
