"""Counts and adjustments over HTTP and on the pages: blind, by two, and refused in words."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.core.db import db
from shop.inventory.models import Lot
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.inventory.counts import lying
from tests.inventory.lots import a_lot
from tests.people import mona, sam
from tests.prescriptions.test_pages import Reader

CANARY = 7919  # units that no page shows by chance


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {"sam": somebody(sam), "mona": somebody(mona)}


@pytest.fixture
def lot(app: Flask) -> Lot:
    made = a_lot(a_variant(), CANARY)
    assert made.variant  # read before its session ends
    db.session.commit()
    return made


def test_who_counts_is_not_told_what_is_expected(
    app: Flask, cast: dict[str, Person], lot: Lot
) -> None:
    program, reader = Browser(app, cast["sam"]), Reader(app, cast["sam"])
    reader.get("/stock/counts")
    reader.send("/stock/counts", location="SHELF")
    path = reader.path
    api = path.removeprefix("/stock")
    shown = [reader.text, reader.send(f"{path}/start"), program.get(api).text]
    shown.append(reader.send(f"{path}/entries", **{f"units.{lot.number}": "12"}))
    shown.append(program.get(api).text)
    assert all(str(CANARY) not in text and lot.lot_number in text for text in shown[1:])
    assert all(str(CANARY - 12) not in text for text in shown)
    assert (
        program.get(api).json["lines"][0] | {"variance": None, "expected": None}
        == (program.get(api).json["lines"][0])
    )

    assert str(CANARY) in reader.send(f"{path}/finish")
    assert program.get(api).json["lines"][0]["variance"] == 12 - CANARY


def test_a_count_goes_its_way_on_the_pages(app: Flask, cast: dict[str, Person], lot: Lot) -> None:
    reader, other = Reader(app, cast["sam"]), Reader(app, cast["mona"])
    reader.get("/stock/counts")
    reader.send("/stock/counts", location="SHELF")
    path = reader.path
    reader.send(f"{path}/start")
    assert "Enter whole packs" in reader.send(f"{path}/entries", **{f"units.{lot.number}": "1.5"})
    assert reader.status == 422
    assert "Nothing was typed in" in reader.send(f"{path}/entries")
    assert "No lot has the number L-NONE" in reader.send(
        f"{path}/entries", stray="L-NONE", stray_units="1"
    )
    assert "Not counted yet" in reader.send(f"{path}/finish")
    reader.send(f"{path}/entries", **{f"units.{lot.number}": str(CANARY - 6)})
    reader.send(f"{path}/finish")
    assert "fits what differs" in reader.send(f"{path}/explanations", reason="found", note="x")
    reader.send(f"{path}/explanations", reason="theft_or_loss", note="Behind nothing.")
    assert "who has not counted" in reader.send(f"{path}/approval")
    assert reader.status == 403
    other.get(path)
    other.send(f"{path}/approval")
    assert "The ledger says what is there." in other.send(f"{path}/posting")
    assert lying(lot) == CANARY - 6


def test_a_count_goes_its_way_over_the_api(app: Flask, cast: dict[str, Person], lot: Lot) -> None:
    mine, hers = Browser(app, cast["sam"]), Browser(app, cast["mona"])
    for wrong, status in (
        ({"location": "NOWHERE"}, 404),
        ({"location": "SHELF", "lots": ["L-NONE"]}, 422),
        ({"location": "SHELF", "cause": "boredom"}, 422),
        ({"location": "RETURNS"}, 422),
        ({"location": "SHELF", "cause": "cycle"}, 422),
    ):
        assert mine.post("/counts", wrong).status_code == status, wrong
    made = mine.post("/counts", {"location": "SHELF", "lots": [lot.number]})
    assert made.status_code == 201
    path = f"/counts/{made.json['number']}"
    assert mine.post(f"{path}/finish").status_code == 409
    mine.post(f"{path}/start")
    found = {"found": [{"lot": lot.number, "units": CANARY - 6}]}
    assert mine.post(f"{path}/entries", found).status_code == 200
    assert mine.post(f"{path}/finish").json["lines"][0]["variance"] == -6
    mine.post(f"{path}/recount")
    mine.post(f"{path}/entries", found)
    mine.post(f"{path}/finish")
    why = {"lot": lot.number, "reason": "theft_or_loss", "note": "Gone."}
    assert mine.post(f"{path}/explanations", why).status_code == 200
    assert mine.post(f"{path}/approval").json["code"] == "second_person_needed"
    assert hers.post(f"{path}/approval").json["approved_by"] == cast["mona"].name
    assert mine.post(f"{path}/posting").json["status"] == "posted"
    assert lying(lot) == CANARY - 6
    assert mine.post(f"{path}/cancellation", {"reason": "Late."}).status_code == 409
    listed = mine.get("/counts?status=posted").json["items"]
    assert [one["number"] for one in listed] == [made.json["number"]]
    (due,) = mine.get("/count-plan?location=SHELF").json["items"]
    assert (due["sku"], due["class"], due["lots"]) == (lot.variant.sku, "C", 1)


def test_an_adjustment_by_one_and_by_two(app: Flask, cast: dict[str, Person], lot: Lot) -> None:
    mine, reader = Browser(app, cast["sam"]), Reader(app, cast["mona"])
    body = {"lot": lot.number, "location": "SHELF", "reason": "damaged", "note": "Fell."}
    assert mine.post("/adjustments", body | {"units": -1}).json["status"] == "booked"
    refused = mine.post("/adjustments", body | {"units": 1})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["reason"])
    large = mine.post("/adjustments", body | {"units": -6}).json
    assert (large["status"], large["value_cents"], lying(lot)) == ("proposed", 14400, CANARY - 1)
    path = f"/adjustments/{large['number']}"
    assert mine.post(f"{path}/confirmation").status_code == 403

    reader.get("/stock/adjustments")
    assert "It is booked." in reader.send(f"/stock{path}/confirmation")
    assert lying(lot) == CANARY - 7
    typed = {"lot": lot.number, "location": "SHELF", "reason": "found", "note": "Behind it."}
    assert "whole number" in reader.send("/stock/adjustments", units="1.5", **typed)
    reader.send("/stock/adjustments", units="2", **typed)
    assert lying(lot) == CANARY - 5
    waiting = mine.post("/adjustments", body | {"units": -9}).json["number"]
    reader.get("/stock/adjustments")
    assert "Nothing moves." in reader.send(f"/stock/adjustments/{waiting}/refusal")
    assert len(mine.get("/adjustments").json["items"]) == 4


def test_on_a_phone_each_lot_is_written_down_at_once_and_blind(
    app: Flask, cast: dict[str, Person], lot: Lot
) -> None:
    other = a_lot(a_variant(), CANARY)
    db.session.commit()
    numbers = [lot.number, other.number]
    reader = Reader(app, cast["sam"])
    reader.get("/stock/counts")
    reader.send("/stock/counts", location="SHELF")
    path = reader.path
    assert "not being counted now" in reader.get(f"{path}/walk")
    reader.get(path)
    reader.send(f"{path}/start")

    shown = reader.get(f"{path}/walk")
    assert (shown.count('inputmode="numeric"'), "0 of 2" in shown) == (2, True)
    assert str(CANARY) not in shown
    assert "Enter whole packs" in reader.send(f"{path}/lines/{numbers[0]}", units="1.5")
    assert reader.status == 422
    told = reader.send(f"{path}/lines/{numbers[0]}", units="12")
    assert ("1 of 2" in told, "Written down: 12" in told) == (True, True)
    assert str(CANARY - 12) not in told
    assert reader.send(f"{path}/lines/{numbers[0]}", units="13").count("Written down: 13") == 1


def test_a_phone_that_sends_by_itself_is_answered_in_a_word(
    app: Flask, cast: dict[str, Person], lot: Lot
) -> None:
    reader = Reader(app, cast["sam"])
    number = lot.number
    reader.get("/stock/counts")
    reader.send("/stock/counts", location="SHELF")
    path = reader.path
    reader.send(f"{path}/start")
    token = reader.text.split('name="csrf_token" value="')[1].split('"')[0]

    def post(name: str, units: str) -> tuple[int, str, str]:
        answer = reader.client.post(
            f"{path}/lines/{name}",
            data={"csrf_token": token, "units": units},
            headers={"HX-Request": "true"},
        )
        return answer.status_code, answer.mimetype, answer.text

    assert post(number, "12")[0] == 204
    assert post(number, "-1") == (422, "text/plain", "Enter whole packs, such as 12.")
    assert post(number, "999999999")[:2] == (422, "text/plain")
    assert post("L-NONE", "1")[:2] == (422, "text/plain")
    assert "Written down: 12" in reader.get(f"{path}/walk")
    reader.get(path)
    reader.send(f"{path}/finish")
    assert post(number, "12")[:2] == (409, "text/plain")
