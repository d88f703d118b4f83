"""`python -m tests.figures FILE`: what `make soak` counted, as the table of docs/reliability.md.

Figures of one family (its shards, its two processes) are added up.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def table(lines: list[dict[str, Any]]) -> str:
    """One row a family: its figures added up, in the order in which they were first named."""
    families: dict[str, dict[str, Any]] = defaultdict(dict)
    for line in lines:
        figures = families[line["family"]]
        for name, value in line.items():
            if name in ("family", "seed"):
                continue
            figures[name] = figures[name] + value if name in figures else value
    rows = [
        f"| {family} | {' · '.join(f'{_number(value)} {name}' for name, value in figures.items())} |"
        for family, figures in families.items()
    ]
    return "\n".join(["| Family | Counted |", "|---|---|", *rows])


def heading(lines: list[dict[str, Any]]) -> str:
    """Where, when and of what the figures are."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    seeds = sorted({str(line["seed"]) for line in lines})
    return (
        f"Seed {', '.join(seeds)} · commit {commit.stdout.strip()} · {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()} · "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    found = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    sys.stdout.write(f"{heading(found)}\n\n{table(found)}\n")
