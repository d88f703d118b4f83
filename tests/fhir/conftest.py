"""One clinic for each module that asks for it, with real commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from shop.core.db import act_as, db
from tests.fhir.world import World, a_world


@pytest.fixture(scope="module")
def world(live_app: Flask) -> Iterator[World]:
    with live_app.app_context():
        act_as("system:test")
        yield a_world(live_app)
        db.session.remove()
