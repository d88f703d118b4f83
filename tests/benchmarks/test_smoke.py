"""`make bench` at its smallest: every operation gets its figures, both floors among them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import screening, windows

CHECKOUT = Path(__file__).parents[2]
NAMES = [
    "list of 24, filtered",
    "search, 24 hits",
    "search of all kinds, 24 hits",
    "product",
    "product and gate, signed in",
    "physician's case",
    "placing",
    "whole checkout, to paid",
    "webhook",
]


def test_every_operation_is_measured(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--output", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    (kept,) = tmp_path.glob("*.json")
    figures = json.loads(kept.read_text())["cases"]
    assert [case["name"] for case in figures] == NAMES
    for case in figures:
        (turn,) = case["shop"]
        assert turn["count"] == len(turn["latencies"]) > 0
        assert turn["statements"]["aftercare_app"] > 1
        assert turn["cpu"]["programs"]["server"] > 0
        assert case["bare"][0]["count"] > 0
        assert bool(case["pgbench"]) == (case["name"] not in NAMES[-2:])
    for name in NAMES:
        assert f"| {name} |" in done.stdout
        assert f"### {name}:" in done.stdout


@pytest.mark.parametrize("measured", [screening, windows])
def test_what_is_pure_is_measured(measured: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """How long it took is not looked at: another program may run beside."""
    assert measured.main(["--times", "2"]) in (0, 1)
    assert "allowed" in capsys.readouterr().out
