"""The clinic of the bypasses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.bypass import Desk
from tests.journeys.conftest import Clinic, clinic

__all__ = ["clinic", "desk", "evening"]


@pytest.fixture(scope="module")
def desk(clinic: Clinic) -> Iterator[Desk]:
    desk = Desk.of(clinic)
    yield desk
    desk.admin.close()


@pytest.fixture
def evening(desk: Desk) -> None:
    """Every test begins at the same time of the shop's day."""
    desk.turn_back_the_clock()
