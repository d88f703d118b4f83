"""What attacks are played on: the stage of direct SQL, and the clinic of the bypasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from shop import create_app
from tests.attacks.bypass import Desk
from tests.attacks.stage import built
from tests.conftest import Database, config_for
from tests.journeys.conftest import Clinic, clinic

__all__ = ["clinic", "desk", "evening", "stage"]


@dataclass(frozen=True)
class Stage:
    """A database with every scene in it, and the facts of each."""

    database: Database
    facts: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def stage(clone: Any) -> Stage:
    database = clone()
    return Stage(database, built(create_app(config_for(database))))


@pytest.fixture(scope="module")
def desk(clinic: Clinic) -> Iterator[Desk]:
    desk = Desk.of(clinic)
    yield desk
    desk.admin.close()


@pytest.fixture
def evening(desk: Desk) -> None:
    """Every test begins at the same time of the shop's day."""
    desk.turn_back_the_clock()
