"""Treatments on the wire."""

from __future__ import annotations

from shop.treatments.schemas.procedures import (
    ProceduresOut,
    ProceduresQuery,
    ScopeOut,
    ScopeQuery,
)
from shop.treatments.schemas.rules import ScopeSays, ScopeTold, WindowSays, WindowTold

__all__ = [
    "ProceduresOut",
    "ProceduresQuery",
    "ScopeOut",
    "ScopeQuery",
    "ScopeSays",
    "ScopeTold",
    "WindowSays",
    "WindowTold",
]
