"""The clinic of a module: its own database, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import Database
from tests.model import clinic as clinics
from tests.model.clinic import Clinic


@pytest.fixture(scope="module")
def clinic(live: Database, live_app: Flask) -> Iterator[Clinic]:
    with clinics.opened(live_app, live) as clinic:
        yield clinic
