"""What tests of the catalogue stand on."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.catalog import dictionary
from tests.catalog.dictionaries import said


@pytest.fixture
def small(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dictionary of five substances."""
    monkeypatch.setattr(dictionary, "files", said)
    dictionary.load()
