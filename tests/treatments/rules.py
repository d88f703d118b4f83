"""Rules of scope and of windows, made by the people and verbs that make them; saved, not committed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from shop.treatments.models import ScopeRuleRow, WindowRuleRow
from shop.treatments.scope import ScopeRule, Verdict, read
from tests.catalog.rules import a_draft_rule, activated

NEEDLING: Mapping[str, Any] = {
    "procedure": "microneedling",
    "licence": "esthetician",
    "verdict": "needs_supervision",
    "supervision": "a physician is within call",
}
A_WINDOW: Mapping[str, Any] = {
    "procedure": "superficial_peel",
    "subject": "retinoid",
    "anchor": "start",
    "from_day": -5,
    "to_day": 7,
    "action": "stop",
    "severity": "soft_stop",
    "published": "-3 to -7, +7 to +14",
    "when": {"fitzpatrick_from": 4},
}
# Rows as the files have them.
A_ROW: Mapping[str, Any] = NEEDLING | {
    "number": "SC-TEST",
    "version": 1,
    "jurisdiction": "NV",
    "valid_from": "2026-01-01",
    "valid_until": None,
    "source": "A statute",
    "grade": "B",
}
A_WINDOW_ROW: Mapping[str, Any] = A_WINDOW | {
    "number": "WR-TEST",
    "version": 1,
    "jurisdiction": "US",
    "valid_from": "2026-01-01",
    "valid_until": None,
    "source": "A label",
    "grade": "B",
}


def a_scope_draft(**given: Any) -> ScopeRuleRow:
    """Mona writes down who may needle: `procedure`, `verdict`, … or a rule's own fields."""
    rule = _drafted(ScopeRuleRow, NEEDLING, given)
    assert isinstance(rule, ScopeRuleRow)
    return rule


def a_window_draft(**given: Any) -> WindowRuleRow:
    """Mona writes down what a peel asks."""
    rule = _drafted(WindowRuleRow, A_WINDOW, given)
    assert isinstance(rule, WindowRuleRow)
    return rule


def a_scope(**given: Any) -> ScopeRuleRow:
    """The same, in force."""
    rule = activated(a_scope_draft(**given))
    assert isinstance(rule, ScopeRuleRow)
    return rule


def a_window(**given: Any) -> WindowRuleRow:
    rule = activated(a_window_draft(**given))
    assert isinstance(rule, WindowRuleRow)
    return rule


def _drafted(kind: Any, says: Mapping[str, Any], given: dict[str, Any]) -> Any:
    own = {name: given.pop(name) for name in says if name in given}
    return a_draft_rule(kind, {**says, **own}, **given)


def a_rule(**given: Any) -> ScopeRule:
    """A rule of scope that no database knows."""
    (rule,) = read([A_ROW])
    forbids = given.get("verdict", rule.verdict) is not Verdict.NEEDS_SUPERVISION
    words = {"supervision": ""} if forbids else {}
    return ScopeRule(**(vars(rule) | words | given))


def a_file(folder: Path, *rows: Mapping[str, Any]) -> Path:
    """A file of rules, as the shop ships them."""
    path = folder / "rules.json"
    path.write_text(json.dumps({"version": "test", "about": "", "rules": rows}), encoding="utf-8")
    return path


TODAY = date(2026, 11, 27)
