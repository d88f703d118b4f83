"""The pages of this feature: importing this connects all routes."""

from __future__ import annotations

from shop.prescriptions.pages import asking, errors, prescriptions, review
from shop.prescriptions.pages.blueprint import bp

__all__ = ["asking", "bp", "errors", "prescriptions", "review"]
