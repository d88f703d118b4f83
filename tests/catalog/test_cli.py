"""`flask catalog`: exit 0 only when it worked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.cli import cli_group
from shop.catalog.models import Product
from shop.core.db import db
from tests.catalog.rows import an_ndc_row, csv_of


def _run(app: Flask, *arguments: str) -> tuple[int, str, str]:
    result = app.test_cli_runner().invoke(cli_group, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def _products() -> int:
    return db.session.scalar(sa.select(sa.func.count(Product.id))) or 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(csv_of(an_ndc_row(), an_ndc_row(product_ndc="x")))
    return path


def test_import_says_what_it_did_with_every_row(app: Flask, file: Path) -> None:
    code, out, _ = _run(app, "import", str(file), "--source", "ndc", "--json")

    report = json.loads(out)
    assert code == 0
    assert report["counts"] == {"created": 1, "changed": 0, "unchanged": 0, "quarantined": 1}
    assert [(row["row"], row["outcome"]) for row in report["rows"]] == [
        (2, "created"),
        (3, "quarantined"),
    ]
    assert report["rows"][1]["raw"]["product_ndc"] == "x"
    assert _products() == 1


def test_a_dry_run_writes_nothing(app: Flask, file: Path) -> None:
    code, out, _ = _run(app, "import", str(file), "--source", "ndc", "--dry-run")

    assert code == 0
    assert "1 created, 0 changed, 0 unchanged, 1 quarantined, 2 rows (nothing written)" in out
    assert _products() == 0


def test_a_bad_file_fails(app: Flask, file: Path) -> None:
    file.write_bytes(b"product_ndc\n1\n")

    code, out, error = _run(app, "import", str(file), "--source", "ndc", "--json")

    assert code == 1
    assert json.loads(out)["facts"]["field"] == "product_type"
    assert error.startswith("Nothing was imported. The first row lacks the columns product_type")
    assert _products() == 0


def test_export_goes_to_a_file_that_imports(app: Flask, file: Path, tmp_path: Path) -> None:
    _run(app, "import", str(file), "--source", "ndc")
    target = tmp_path / "out.csv"

    assert _run(app, "export", str(target))[0] == 0
    code, out, _ = _run(app, "import", str(target), "--source", "csv")

    assert (code, out.splitlines()[-1]) == (
        0,
        "0 created, 0 changed, 1 unchanged, 0 quarantined, 1 rows",
    )


def test_uses_are_filled_in_where_there_are_none(app: Flask, file: Path) -> None:
    _run(app, "import", str(file), "--source", "ndc")
    db.session.execute(sa.text("UPDATE products SET concerns = '{}', skin_types = '{}'"))
    db.session.commit()
    db.session.expire_all()

    assert _run(app, "uses")[:2] == (0, "1 products have concerns or skin types now.\n")
    assert "acne" in db.session.scalars(sa.select(Product.concerns)).one()
    assert _run(app, "uses")[:2] == (0, "0 products have concerns or skin types now.\n")
