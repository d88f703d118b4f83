"""Who may know whom around the payment provider."""

from __future__ import annotations

import ast
from pathlib import Path

SHOP = Path(__file__).parents[2] / "shop"
PAYMENTS = SHOP / "payments"


def imported(path: Path) -> set[str]:
    """The modules a file imports, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
    return names


def knows(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imported(path))


def test_only_the_gateway_to_stripe_and_the_sandbox_know_stripe() -> None:
    knowing = {path for path in SHOP.rglob("*.py") if knows(path, "stripe")}
    outside = {path for path in knowing if PAYMENTS / "sandbox" not in path.parents}

    assert outside == {PAYMENTS / "stripe_gateway.py"}


def test_the_gateway_knows_no_provider_no_web_and_no_shop() -> None:
    for package in ("stripe", "requests", "flask", "sqlalchemy", "shop"):
        assert not knows(PAYMENTS / "gateway.py", package)


def test_the_sandbox_knows_nothing_of_the_shop() -> None:
    rooms = list((PAYMENTS / "sandbox").glob("*.py"))
    assert len(rooms) > 10
    for room in rooms:
        of_the_shop = {name for name in imported(room) if name.split(".")[0] == "shop"}
        assert {
            name for name in of_the_shop if not name.startswith("shop.payments.sandbox")
        } == set()
