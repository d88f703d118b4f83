"""The rows of treatments, by what they are about."""

from __future__ import annotations

from typing import Any

from shop.core.rules import RULE_ARROWS
from shop.treatments.models.rules import ScopeRuleRow, WindowRuleRow

__all__ = ["ScopeRuleRow", "WindowRuleRow", "arrows"]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"scope_rule": RULE_ARROWS, "window_rule": RULE_ARROWS}
