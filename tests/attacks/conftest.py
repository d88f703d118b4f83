"""The stage that all attacks share: built once, for whoever plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from shop import create_app
from tests.attacks.stage import built
from tests.conftest import Database, config_for


@dataclass(frozen=True)
class Stage:
    """A database with every scene in it, and the facts of each."""

    database: Database
    facts: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def stage(clone: Any) -> Stage:
    database = clone()
    return Stage(database, built(create_app(config_for(database))))
