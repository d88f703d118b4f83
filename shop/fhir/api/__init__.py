"""The façade over HTTP: importing this connects all routes."""

from __future__ import annotations

from shop.fhir.api.outcomes import outcome
from shop.fhir.api.routes import PREFIX, bp

__all__ = ["PREFIX", "bp", "outcome"]
