"""The NPI's check digit, in Python and in the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import npi
from shop.core.db import db

VECTORS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("npi_check_digit.json").read_text(encoding="utf-8")
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["npi"] or "empty")
def test_published_numbers(vector: dict[str, Any]) -> None:
    assert npi.valid(vector["npi"]) is vector["valid"]


@pytest.mark.parametrize(
    "odd",
    ["\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff13", "1234567893\n", " 1234567893"],
)
def test_only_ten_ascii_digits(odd: str) -> None:
    assert not npi.valid(odd)


def test_the_database_agrees(app: Flask) -> None:
    for vector in VECTORS:
        said = db.session.scalar(sa.select(sa.func.npi_valid(vector["npi"])))
        assert said is vector["valid"], vector
