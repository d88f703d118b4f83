"""What planning refuses."""

from __future__ import annotations

from shop.core.errors import Refused


class PlanningRefused(Refused):
    """What was typed cannot be used; `fields` say why."""

    code = "planning_refused"
