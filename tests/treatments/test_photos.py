"""Photos of reports: a consent of its own, sealed, seen by who treats, erased by whose they are."""

from __future__ import annotations

import re
import uuid
from io import BytesIO
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.treatments.models import ReportPhoto, SessionReport
from shop.treatments.models.photos import MOST
from tests.accounts.test_api import API, somebody
from tests.catalog.picture_files import a_file
from tests.people import alice, bob, dr_chen
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    a_performed_session,
    a_photo,
    a_report,
    an_active_plan,
    licensed_eva,
)
from tests.treatments.test_api import Caller, accesses

PICTURE = a_file("JPEG", size=(400, 300))


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "eva": somebody(licensed_eva),
    }


@pytest.fixture
def callers(app: Flask, cast: dict[str, Person]) -> dict[str, Caller]:
    return {name: Caller(app, person) for name, person in cast.items()}


class Reported(NamedTuple):
    """A report of Alice's, by its names."""

    plan: str
    id: uuid.UUID

    @property
    def photos(self) -> str:
        return f"/plans/{self.plan}/reports/{self.id}/photos"


@pytest.fixture
def report(cast: dict[str, Person]) -> Reported:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    made = Reported(plan.number, a_report(a_performed_session(plan)).id)
    db.session.commit()
    return made


def send(caller: Caller, path: str, picture: bytes = PICTURE, **form: Any) -> Any:
    return caller.client.post(
        API + path,
        data={"consent": "true", "file": (BytesIO(picture), "skin.jpg")} | form,
        headers=caller._headers({}),
    )


def photos() -> list[ReportPhoto]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(ReportPhoto)))


def test_a_photo_from_added_to_erased(report: Reported, callers: dict[str, Caller]) -> None:
    her, eva, path = callers["alice"], callers["eva"], report.photos

    added = send(her, path)
    assert (added.status_code, added.json["number"]) == (201, 1), added.json
    assert added.json["statement"] == "2026-1"
    (kept,) = photos()
    assert kept.picture_sealed is not None
    assert b"WEBP" not in kept.picture_sealed
    plan = her.get(f"/plans/{report.plan}/reports").json
    assert "for my treatment only" in plan["photo_statement"]
    assert plan["sessions"][0]["reports"][0]["photos"][0]["id"] == added.json["id"]

    seen = eva.get(f"{path}/{added.json['id']}")
    assert (seen.status_code, seen.content_type) == (200, "image/webp")
    assert "no-store" in seen.headers["Cache-Control"]
    with Image.open(BytesIO(seen.data)) as shown:
        assert (shown.format, shown.size, dict(shown.getexif())) == ("WEBP", (400, 300), {})
    assert [record for _, record in accesses()] == [f"photo 1 of a report of plan {report.plan}"]
    assert callers["bob"].get(f"{path}/{added.json['id']}").status_code == 404
    assert eva.delete(f"{path}/{added.json['id']}").status_code == 403

    erased = her.delete(f"{path}/{added.json['id']}")
    assert (erased.status_code, erased.json["erased_at"] is not None) == (200, True)
    assert her.delete(f"{path}/{added.json['id']}").json == erased.json
    assert eva.get(f"{path}/{added.json['id']}").status_code == 404
    assert [one.picture_sealed for one in photos()] == [None]
    kinds = [event.kind for event in events.of(report.id)]
    assert kinds == ["skin_reported", "skin_photo_added", "skin_photo_erased"]


@pytest.mark.parametrize(
    ("who", "given", "status", "code"),
    [
        ("alice", {"consent": "false"}, 422, "report_refused"),
        ("alice", {"picture": b"GIF89a"}, 422, "bad_picture"),
        ("alice", {"picture": b""}, 422, "bad_picture"),
        ("bob", {}, 404, "not_found"),
        ("eva", {}, 403, "not_allowed"),
    ],
)
def test_what_is_no_photo_of_hers_with_consent_is_not_kept(
    report: Reported,
    callers: dict[str, Caller],
    who: str,
    given: dict[str, Any],
    status: int,
    code: str,
) -> None:
    refused = send(callers[who], report.photos, **given)
    assert (refused.status_code, refused.json["code"]) == (status, code), refused.json
    assert photos() == []


def test_a_report_takes_so_many(report: Reported, callers: dict[str, Caller]) -> None:
    for _ in range(MOST):
        a_photo(db.session.get_one(SessionReport, report.id))
    db.session.commit()
    refused = send(callers["alice"], report.photos)
    assert (refused.status_code, "file" in str(refused.json)) == (422, True), refused.json
    assert len(photos()) == MOST


def test_on_the_page_without_javascript(
    app: Flask, report: Reported, cast: dict[str, Person]
) -> None:
    her = Reader(app, cast["alice"])
    form = f"/plan/{report.plan}/reports/{report.id}/photos"

    def picture() -> dict[str, Any]:
        return {"file": (BytesIO(PICTURE), "skin.jpg")}

    token = re.search(r'name="csrf_token" value="([^"]+)"', her.get("/plan"))
    assert token is not None
    signed = {"csrf_token": token[1]}
    again = her.client.post(form, data=signed | picture())
    assert again.status_code == 422
    assert "Agree to it, or leave the photo out." in again.text
    sent = her.client.post(form, data=signed | picture() | {"consent": "true"})
    assert sent.status_code == 303
    (kept,) = photos()
    assert f"photos/{kept.id}" in her.get("/plan")
    her.send(f"{form}/{kept.id}/erasure")
    assert "Photo 1 was erased" in her.get("/plan")
