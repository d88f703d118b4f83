"""After every step of any story, ledger, places, heads and promises agree, and so does a model."""

from __future__ import annotations

from collections import Counter

import hypothesis
import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import IntegrityError

from shop.core.db import db
from shop.inventory import picking
from shop.inventory.models import Lot
from tests.inventory.shelf_machine import Shelf
from tests.regime import MODEL_EXAMPLES, MODEL_STEPS, SEED, counted

RUN = 10  # past its first ten, Hypothesis varies what it had (tests/model/walk.py)
STEPS = {"receive", "receive more", "reserve", "release", "ship", "hold", "quarantine", "carry"}
STEPS |= {"write off", "find", "count", "reallocate", "expire", "recall"}


def run(examples: int, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> Counter[str]:
    seen: Counter[str] = Counter()

    class Undone(Shelf):
        """A shelf of its own for every story."""

        def __init__(self) -> None:
            db.session.close()
            self.story = db.engine.begin_nested()  # type: ignore[attr-defined]  # `app` put its connection there
            self.seen = seen
            super().__init__()

        def teardown(self) -> None:
            super().teardown()
            db.session.close()
            self.story.rollback()

    for part in range(examples // RUN):
        run_state_machine_as_test(
            hypothesis.seed(SEED * 1000 + part)(Undone),
            settings=settings(
                max_examples=RUN,
                stateful_step_count=MODEL_STEPS,
                phases=phases,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return seen


def test_any_story_adds_up(app: Flask) -> None:
    seen = run(MODEL_EXAMPLES)

    counted("shelf, any story", stories=MODEL_EXAMPLES, steps=seen.total())
    assert set(seen) >= STEPS | {"no reserve", "no carry", "no write off"}


@pytest.mark.parametrize("planted", ["last out first", "expired too"])
def test_the_machine_sees_a_planted_bug(
    app: Flask, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    take = picking._take
    if planted == "last out first":
        monkeypatch.setattr(picking, "_take", lambda lots, *rest: take(lots[::-1], *rest))
    else:
        monkeypatch.setattr(Lot, "sellable", lambda lot, today: True)

    with pytest.raises((AssertionError, IntegrityError)):
        run(5 * RUN, phases=(Phase.generate,))
