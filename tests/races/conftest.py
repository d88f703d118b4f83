"""A race on the module's own database, and databases to break for the controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from shop import create_app
from shop.core.db import db
from tests.conftest import Database, FreshClient, config_for
from tests.payments.conftest import (  # noqa: F401 - fixtures: a provider for the races that need one
    browser,
    control,
    gateway,
    inbox,
    sandbox,
    sandbox_app,
    visitor,
)
from tests.races.race import Race


@pytest.fixture
def race(live: Database, live_app: Flask) -> Race:
    """On the module's own database."""
    return Race(live_app, live)


@pytest.fixture
def unguarded(clone: Any) -> Iterator[Callable[..., Race]]:
    """A race on a fresh database that lacks what these statements of the owner take away."""
    apps: list[Flask] = []

    def made(*statements: str) -> Race:
        database = clone()
        apps.append(create_app(config_for(database)))
        apps[-1].test_client_class = FreshClient
        race = Race(apps[-1], database)
        race.ddl(*statements)
        return race

    yield made
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
