"""The pages of this feature: importing this connects all routes.

A client's plan; who treats drafts one, proposes it, and sees to its sessions; a physician starts
it.
"""

from __future__ import annotations

from shop.treatments.pages import mine, plans, results, sessions, studio, subjects, timeline
from shop.treatments.pages.blueprint import bp

__all__ = ["bp", "mine", "plans", "results", "sessions", "studio", "subjects", "timeline"]
