"""Windows: what the sessions of a plan ask of home care, day by day. Pure."""

from __future__ import annotations

from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.rules import SUBJECTS, Action, Anchor, Conduct, When, WindowRule

__all__ = ["SUBJECTS", "Action", "Anchor", "Conduct", "Facts", "Session", "When", "WindowRule"]
