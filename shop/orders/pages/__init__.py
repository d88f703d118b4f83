"""The pages of this feature: importing this connects all routes."""

from __future__ import annotations

from shop.orders.pages import packing, shopping, taking
from shop.orders.pages.blueprint import bp

__all__ = ["bp", "packing", "shopping", "taking"]
