"""The rows of treatments, by what they are about."""

from __future__ import annotations

from typing import Any

from shop.core.rules import RULE_ARROWS
from shop.treatments.models.feeds import CalendarFeed
from shop.treatments.models.photos import ReportPhoto
from shop.treatments.models.plans import Plan, PlanStart, PlanVersion
from shop.treatments.models.reports import ReportAnswer, SessionReport
from shop.treatments.models.rules import ScopeRuleRow, WindowRuleRow
from shop.treatments.models.sessions import Performance, Session, SessionMove
from shop.treatments.models.waivers import SessionWaiver
from shop.treatments.states import PLAN_ARROWS, SESSION_ARROWS

__all__ = [
    "CalendarFeed",
    "Performance",
    "Plan",
    "PlanStart",
    "PlanVersion",
    "ReportAnswer",
    "ReportPhoto",
    "ScopeRuleRow",
    "Session",
    "SessionMove",
    "SessionReport",
    "SessionWaiver",
    "WindowRuleRow",
    "arrows",
]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {
        "plan": PLAN_ARROWS,
        "scope_rule": RULE_ARROWS,
        "session": SESSION_ARROWS,
        "window_rule": RULE_ARROWS,
    }
