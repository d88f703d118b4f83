"""Treatments over HTTP."""

from __future__ import annotations

from shop.treatments.api import feeds, plans, readiness, reports
from shop.treatments.api.procedures import bp

__all__ = ["bp", "feeds", "plans", "readiness", "reports"]
