"""How much runs: the short form of the gate, or the full figures of `make soak`. The code is the same.

`AFTERCARE_SOAK=1` asks for the full form and `AFTERCARE_SEED` for another seed. What a run counted is
appended, a JSON object a line, to the file that `AFTERCARE_FIGURES` names; `python -m tests.figures`
makes the table of docs/reliability.md of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

SOAK = os.environ.get("AFTERCARE_SOAK") == "1"
LOOK = SOAK or os.environ.get("AFTERCARE_LOOK") == "1"  # every page in every size and theme
SEED = int(os.environ.get("AFTERCARE_SEED", "20261123"))
FIGURES = os.environ.get("AFTERCARE_FIGURES")

RACE_THREADS = 20
RACE_ROUNDS = 500 if SOAK else 10  # times RACE_THREADS: transactions a family

MODEL_EXAMPLES = 200 if SOAK else 50  # a shard
MODEL_STEPS = 50 if SOAK else 20
MODEL_SHARDS = 10 if SOAK else 1

KILL_SHARDS = 10 if SOAK else 1  # each judged by itself, with a seed of its own
KILLS_EACH = 40 if SOAK else 6  # a shard: of the web process and of the worker, as the seed draws
POSTGRES_KILLS = 20 if SOAK else 5

WINDOW_EXAMPLES = 5_000 if SOAK else 200  # plans, a property


def counted(family: str, **figures: int | float | str) -> None:
    """Write down what a run counted, for docs/reliability.md; without a file it says nothing."""
    if FIGURES is None:
        return
    line = json.dumps({"family": family, "seed": SEED, **figures})
    with Path(FIGURES).open("a") as file:  # one short write: lines of two processes never mix
        file.write(line + "\n")
