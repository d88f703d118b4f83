"""The layers of pyproject.toml hold, and would be seen to break."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SHOP

# A line added to a module, and the contract it breaks.
PLANTED = {
    "core knows a feature": ("core/money.py", "import shop.orders.models", "Features are layers"),
    "a feature looks up": (
        "prescriptions/models/prescriptions.py",
        "import shop.orders.states",
        "Features are layers",
    ),
    "neighbours know each other": (
        "inventory/states.py",
        "import shop.prescriptions.states",
        "Features are layers",
    ),
    "the web knows a feature": ("web/paging.py", "import shop.accounts", "Features are layers"),
    "rows know queries": (
        "accounts/models.py",
        "import shop.accounts.queries",
        "Inside a feature",
    ),
    "the sandbox looks into the shop": (
        "payments/sandbox/cards.py",
        "import shop.core.db",
        "The Stripe sandbox knows nothing of the shop",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shop's source, to be spoilt."""
    shutil.copytree(SHOP, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(where: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says; its program is a function of the package."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])",
        ],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_layers_hold(copy: Path) -> None:
    said = lint(copy)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("case", PLANTED)
def test_a_broken_layer_is_seen(copy: Path, case: str) -> None:
    file, line, contract = PLANTED[case]
    module = copy / "shop" / file
    module.write_text(f"{module.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")

    said = lint(copy)

    assert said.returncode == 1, said.stdout + said.stderr
    broken = [line for line in said.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), said.stdout


def test_a_package_without_a_layer_is_seen(copy: Path) -> None:
    stray = copy / "shop" / "extras"
    stray.mkdir()
    (stray / "__init__.py").write_text("")

    assert lint(copy).returncode == 1
