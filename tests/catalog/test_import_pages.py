"""A supplier's file from a manager's hand to the catalogue: columns, dry run, start, refused rows."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.catalog import handing_in, loading, mapping, queries
from shop.catalog.models import Import, ImportProfile, ImportSheet, Product, Variant
from shop.catalog.states import ImportStatus
from shop.core.clock import now
from shop.core.db import act_as, db
from tests.builders import a_variant
from tests.people import a_browser, mona, sam

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SHEET = """Item no.;Title;Size;RRP;INCI;Notes
A-1;Calm Balm;30 mL;$12.50;Aqua, Mica;x
A-2;Calm Oil;50 mL;free;Squalane;y
A-3;Calm Soap;100 g;$8.00;"Aqua, Glycerin";
"""
CHOSEN = {
    "column-0": "sku",
    "column-1": "name",
    "column-2": "pack_name",
    "column-3": "price",
    "column-4": "ingredients_text",
    "column-5": "",
    "brand": "Acme",
    "legal_class": "cosmetic",
}


class Desk:
    """Mona at the imports, with a file that nobody else has: `word` begins its SKUs."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.word = uuid.uuid4().hex[:8].upper()
        self.products = _products()
        self.imports = _imports()
        self.sheets = _sheets()

    @property
    def file(self) -> str:
        return SHEET.replace("A-", f"{self.word}-")

    def post(self, path: str, **form: Any) -> Any:
        token = TOKEN.search(self.client.get("/manage/imports").text)
        assert token
        return self.client.post(path, data={"csrf_token": token[1]} | form)

    def hand_in(self, text: str, source: str = "csv") -> Any:
        return self.post(
            "/manage/imports", source=source, file=(io.BytesIO(text.encode()), "acme.csv")
        )

    def sheet(self, text: str = "") -> str:
        return str(self.hand_in(text or self.file).headers["Location"])

    def handed_over(self, sheet: str, **form: str) -> str:
        """Where the trial, or the import, is watched that the worker has not begun."""
        answer = self.post(sheet, **form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def tried(self, **changed: str) -> str:
        return self.worked_off(self.handed_over(self.sheet(), **(CHOSEN | changed)))

    def worked_off(self, path: str) -> str:
        """The same, once the worker is done with it."""
        act_as("system:worker")
        loading.work_off(uuid.UUID(path.rpartition("/")[2]))
        return path


@pytest.fixture
def desk(live_app: Flask) -> Iterator[Desk]:
    """Committed for real: how far a trial is is told on a connection of its own."""
    with live_app.app_context():
        act_as("system:test")
        manager = mona()
        db.session.commit()
        yield Desk(a_browser(live_app, manager))
        db.session.rollback()
        db.session.remove()


def _products() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count(Product.id))) or 0


def _imports() -> int:
    return db.session.scalar(sa.select(sa.func.count(Import.id))) or 0


def _sheets() -> int:
    return db.session.scalar(sa.select(sa.func.count(ImportSheet.id))) or 0


def test_columns_are_guessed_and_shown_with_their_first_rows(desk: Desk) -> None:
    page = desk.client.get(desk.sheet()).text

    assert "Calm Oil" in page
    chosen = re.findall(r'<option value="([a-z_]+)" selected>', page)
    assert chosen == ["sku", "name", "pack_name", "price", "ingredients_text"]


def test_a_sheet_is_tried_and_then_taken_in(desk: Desk) -> None:
    trial = desk.tried()
    page = desk.client.get(trial).text
    assert "Dry run" in page
    assert "is not an amount of money" in page
    assert "Take in 2 rows" in page
    assert _products() == desk.products

    started = desk.worked_off(desk.handed_over(f"{trial}/start"))
    shown = desk.client.get(started)
    assert "Dry run" not in shown.text
    hers = sa.select(Variant).where(Variant.sku.startswith(desk.word))
    found = {row.sku.removeprefix(desk.word): row for row in db.session.scalars(hers)}
    assert sorted(found) == ["-1", "-3"]
    price = found["-1"].price_at(now())
    assert price is not None
    assert price.cents == 1_250
    assert found["-1"].product.source_key == found["-1"].sku  # without a key of its own
    assert _imports() == desk.imports + 2
    assert "acme.csv" in desk.client.get("/manage/imports").text


def test_refused_rows_come_as_a_file_with_row_and_reason(desk: Desk) -> None:
    trial = desk.tried()
    (address,) = re.findall(r'href="(/api/v1/imports/[^"]+rows\.csv)"', desk.client.get(trial).text)
    lines = desk.client.get(address).text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("import_row,import_reasons,")
    assert lines[1].startswith("3,price: 'free' is not an amount of money,")


def test_what_does_not_make_a_product_is_told_at_its_column(desk: Desk) -> None:
    sheet = desk.sheet()
    answer = desk.post(sheet, **(CHOSEN | {"column-1": "sku", "brand": "", "column-5": "no_such"}))

    assert answer.status_code == 422
    for name in ("column-1", "column-5"):
        assert f'id="e-{name}"' in answer.text
    assert "Say which column is the brand" in answer.text
    assert "Say which column is the product" in answer.text
    assert _imports() == desk.imports


def test_a_mapping_is_remembered_and_used_again(desk: Desk) -> None:
    desk.tried(keep_as="acme", decimal_comma="on")
    kept = db.session.get_one(ImportProfile, "acme").mapping
    assert kept["columns"]["brand"] == {"const": "Acme"}
    assert kept["decimal_comma"] is True

    page = desk.client.get(f"{desk.sheet()}?profile=acme").text
    assert 'value="Acme"' in page
    assert 'name="decimal_comma" checked' in page
    assert desk.post(desk.sheet(), **CHOSEN, keep_as="Not So").status_code == 422


def test_a_trial_may_be_changed_and_tried_again(desk: Desk) -> None:
    trial = desk.tried(**{"column-4": ""})
    record = queries.import_of(uuid.UUID(trial.rpartition("/")[2]))
    page = desk.client.get(f"{desk.sheet()}?as={record.id}").text
    assert "ingredients_text" not in re.findall(r'<option value="([a-z_]+)" selected>', page)
    assert "selected" in page


def test_the_same_file_is_one_sheet_and_an_old_one_is_forgotten(desk: Desk) -> None:
    assert desk.sheet() == desk.sheet()
    assert _sheets() == desk.sheets + 1
    trial = desk.tried()

    assert handing_in.forget_old(at=now()) == 0
    later = now() + handing_in.KEPT + timedelta(minutes=1)
    assert handing_in.forget_old(at=later) == desk.sheets + 1
    db.session.commit()
    gone = desk.post(f"{trial}/start")
    assert gone.status_code == 404
    assert "not kept any more" in gone.text
    assert "Take in" not in desk.client.get(trial).text
    assert _products() == desk.products


@pytest.mark.parametrize(
    ("text", "source", "said"),
    [
        ("", "csv", "not empty"),
        ("a;b\n", "csv", "nothing beneath"),
        ("a;b\n1;2\n", "gossip", "Choose one"),
        ("a;b\n1;2\n", "ndc", "column"),
    ],
)
def test_a_file_that_is_none_is_refused(desk: Desk, text: str, source: str, said: str) -> None:
    answer = desk.hand_in(text, source)
    assert answer.status_code == 422
    assert said in answer.text
    assert _sheets() == desk.sheets


def test_a_list_of_our_own_needs_no_columns_said(desk: Desk) -> None:
    act_as("system:test")
    a_variant(sku=f"{desk.word}-OURS")
    db.session.commit()
    ours = desk.client.get("/api/v1/exports/products.csv").text
    sheet = desk.sheet(ours)
    page = desk.client.get(sheet).text
    assert "need no saying" in page
    trial = desk.worked_off(desk.handed_over(sheet))
    record = queries.import_of(uuid.UUID(trial.rpartition("/")[2]))
    assert (record.status, record.mapping) == ("done", {})
    assert record.unchanged == record.rows_total >= 1


def test_a_file_is_the_workers_and_is_watched(desk: Desk) -> None:
    trial = desk.handed_over(desk.sheet(), **CHOSEN)
    page = desk.client.get(trial).text
    assert 'hx-trigger="every 2s"' in page
    assert desk.post(f"{trial}/start").status_code == 409  # not before the trial is over

    part = desk.client.get(trial, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section id="import"')
    assert "<html" not in part

    desk.worked_off(trial)
    assert "hx-trigger" not in desk.client.get(trial).text
    started = desk.post(f"{trial}/start").headers["Location"]
    stopped = desk.post(f"{started}/stop")
    assert stopped.status_code == 303
    real = queries.import_of(uuid.UUID(started.rpartition("/")[2]))
    assert real.status is ImportStatus.STOPPED
    assert _products() == desk.products


def test_only_the_last_run_of_a_file_counts_as_a_problem(desk: Desk) -> None:
    trial = desk.tried()
    desk.worked_off(desk.handed_over(f"{trial}/start"))
    mine = queries.import_of(uuid.UUID(trial.rpartition("/")[2])).sha256
    last = db.session.scalars(queries.last_imports().where(Import.sha256 == mine)).all()
    assert [(one.dry_run, one.quarantined) for one in last] == [(False, 1)]


def test_nobody_else_hands_anything_in(app: Flask) -> None:
    assert a_browser(app, sam()).get("/manage/imports").status_code == 403


def test_guesses_take_each_of_ours_once() -> None:
    assert mapping.guessed(["Colour of the box", "Title", "Product name", "EAN", "RRP"]) == {
        "Title": "name",
        "EAN": "gtin",
        "RRP": "price",
    }
