"""Treatments over HTTP."""

from __future__ import annotations

from shop.treatments.api.plans import bp

__all__ = ["bp"]
