"""Requests and prescriptions over HTTP: importing this connects all routes."""

from __future__ import annotations

from shop.prescriptions.api import (
    directions,
    health_news,
    inquiries,
    kits,
    life,
    papers,
    plans,
    practice,
    prescriptions,
    records,
    renewals,
    requests,
)
from shop.prescriptions.api.blueprint import bp

__all__ = [
    "bp",
    "directions",
    "health_news",
    "inquiries",
    "kits",
    "life",
    "papers",
    "plans",
    "practice",
    "prescriptions",
    "records",
    "renewals",
    "requests",
]
