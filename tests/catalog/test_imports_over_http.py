"""Imports over HTTP: the answer at once, or how far it is; and what was set aside, to be mended."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import api, listing, loading
from shop.catalog.models import Product
from shop.core.db import db
from tests import people
from tests.catalog.rows import an_ndc_row, csv_of
from tests.catalog.test_loading import a_sheet
from tests.storefront.test_shop import Caller, somebody


@pytest.fixture
def manager(app: Flask) -> Caller:
    return Caller(app, somebody(people.mona))


def hand_in(caller: Caller, data: bytes, source: str = "ndc", **more: str) -> Any:
    form = {"source": source, "file": (io.BytesIO(data), "sheet.csv")} | more
    return caller.client.post(
        "/api/v1/imports", data=form, headers=caller.headers, content_type="multipart/form-data"
    )


def rows_of(caller: Caller, import_id: str, query: str = "") -> Any:
    return caller.get(f"/imports/{import_id}/rows{query}").json


TWO = csv_of(an_ndc_row(), an_ndc_row(product_ndc="=cmd"))


def test_a_small_file_is_answered_at_once_and_its_report_kept(manager: Caller) -> None:
    answer = hand_in(manager, TWO)

    assert answer.status_code == 200
    assert answer.json["counts"] == {"created": 1, "changed": 0, "unchanged": 0, "quarantined": 1}
    kept = manager.get(f"/imports/{answer.json['id']}").json
    assert (kept["status"], kept["name"], kept["rows_done"]) == ("done", "sheet.csv", 2)
    assert kept["counts"] == answer.json["counts"]
    assert rows_of(manager, kept["id"])["items"] == answer.json["rows"]


def test_a_dry_run_keeps_nothing(manager: Caller) -> None:
    answer = hand_in(manager, TWO, dry_run="true")

    assert (answer.json["id"], answer.json["counts"]["created"]) == (None, 1)
    assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 0


def test_a_large_file_waits_for_the_worker(
    manager: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "AT_ONCE", 50)
    answer = hand_in(manager, a_sheet(), "csv")

    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert (answer.json["rows_total"], answer.json["rows_done"]) == (90, 0)
    again = hand_in(manager, a_sheet(), "csv")
    assert again.json["id"] == answer.json["id"]

    with manager.client.application.app_context():
        loading.work_off(uuid.UUID(answer.json["id"]))
    kept = manager.get(f"/imports/{answer.json['id']}").json
    assert (kept["status"], kept["rows_done"], kept["seconds_left"]) == ("done", 90, None)
    assert sum(kept["counts"].values()) == 90


def test_a_waiting_import_can_be_stopped(manager: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "AT_ONCE", 50)
    import_id = hand_in(manager, a_sheet(), "csv").json["id"]

    stopped = manager.call("POST", f"/imports/{import_id}/cancellation")

    assert (stopped.status_code, stopped.json["status"]) == (200, "stopped")
    with manager.client.application.app_context():
        loading.work_off(uuid.UUID(import_id))
        assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 0


def test_rows_come_in_pages_and_by_outcome(manager: Caller) -> None:
    import_id = hand_in(manager, a_sheet(), "csv").json["id"]

    seen, after = [], ""
    while after is not None:
        page = rows_of(manager, import_id, f"?limit=40{after and '&after=' + after}")
        seen += [row["row"] for row in page["items"]]
        after = page["next"]
    aside = rows_of(manager, import_id, "?outcome=quarantined&limit=100")["items"]

    assert seen == list(range(2, 92))
    assert {row["outcome"] for row in aside} == {"quarantined"}
    assert all(row["reasons"] and row["raw"] for row in aside)


def test_what_was_set_aside_is_mended_and_imported_again(manager: Caller) -> None:
    import_id = hand_in(manager, TWO).json["id"]

    answer = manager.get(f"/imports/{import_id}/rows.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))

    assert row["import_row"] == "3"
    assert row["import_reasons"].startswith("product_ndc: '=cmd' is not a labeler-product number")
    assert row["product_ndc"] == "'=cmd"  # harmless in a spreadsheet
    mended = hand_in(manager, csv_of(row | {"product_ndc": "0187-5162", "package_ndcs": ""}))
    assert mended.json["counts"]["created"] == 1


def test_a_listing_of_ours_is_mended_too(manager: Caller) -> None:
    row = dict.fromkeys(listing.COLUMNS, "") | {
        "source_key": "k",
        "name": "-Ten",
        "brand": "=House",
        "legal_class": "candy",
    }
    import_id = hand_in(manager, csv_of(row), "csv").json["id"]
    answer = manager.get(f"/imports/{import_id}/rows.csv")
    (aside,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (aside["name"], aside["brand"]) == ("'-Ten", "'=House")

    mended = hand_in(manager, csv_of(aside | {"legal_class": "cosmetic"}), "csv")

    assert mended.json["counts"]["created"] == 1
    assert db.session.scalars(sa.select(Product.name)).all() == ["-Ten"]


def test_there_is_no_such_import(manager: Caller) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/rows"),
        ("GET", "/rows.csv"),
        ("POST", "/cancellation"),
    ):
        answer = manager.call(method, f"/imports/{uuid.uuid4()}{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "no_such_import")


def test_a_file_beyond_the_limit_is_refused(
    manager: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LARGEST_FILE", 100)
    answer = hand_in(manager, TWO)
    assert (answer.status_code, answer.json["code"]) == (422, "file_too_large")
