"""The rows of treatments, by what they are about."""

from __future__ import annotations

from typing import Any

from shop.treatments.models.plans import Plan, PlanStart, PlanVersion
from shop.treatments.models.sessions import Performance, Session, SessionMove
from shop.treatments.states import PLAN_ARROWS, SESSION_ARROWS

__all__ = ["Performance", "Plan", "PlanStart", "PlanVersion", "Session", "SessionMove", "arrows"]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"plan": PLAN_ARROWS, "session": SESSION_ARROWS}
