"""Photos of reports: a consent of its own, sealed, seen by who treats, erased by whose they are."""

from __future__ import annotations

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
    today,
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
    her, session = Reader(app, cast["alice"]), db.session.get_one(SessionReport, report.id).session
    page = f"/plan/{report.plan}/sessions/{session.id}/reports"
    form = f"/plan/{report.plan}/reports/{report.id}/photos"

    her.get(page)
    her.send(form, file=(BytesIO(PICTURE), "skin.jpg"))
    assert (her.status, "Agree to it, or leave the photo out." in her.text) == (422, True)
    refused = her.text.partition(f'action="{form}"')[2].partition("</form>")[0]
    assert 'href="#f-consent"' in her.text
    assert (refused.count('id="f-consent"'), her.text.count('id="f-consent"')) == (1, 1)
    her.send(form, file=(BytesIO(PICTURE), "skin.jpg"), consent="true")
    assert (her.status, her.path) == (200, page)
    (kept,) = photos()
    assert f"photos/{kept.id}" in her.text
    her.send(f"{form}/{kept.id}/erasure")
    assert "Photo 1 was erased" in her.text


@pytest.mark.parametrize(
    ("sent", "status", "says", "kept"),
    [
        ({"consent": "true"}, 200, "Thank you.", (1, 1)),
        ({"file": (b"", "")}, 200, "Thank you.", (1, 0)),  # what a browser sends of no file
        ({}, 422, "Agree to it, or leave the photo out.", (0, 0)),
        ({"consent": "true", "file": (b"GIF89a", "x.gif")}, 422, "This is no PNG", (0, 0)),
        ({"consent": "true", "comfort": "11"}, 422, "from 0 to 10", (0, 0)),
    ],
    ids=["agreed", "no photo", "not agreed", "no picture", "bad report"],
)
def test_a_photo_goes_with_its_report_or_neither_does(
    app: Flask,
    cast: dict[str, Person],
    sent: dict[str, Any],
    status: int,
    says: str,
    kept: tuple[int, int],
) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    session = a_performed_session(plan)
    db.session.commit()
    her, page = Reader(app, cast["alice"]), f"/plan/{plan.number}/sessions/{session.id}/reports"
    data, name = sent.get("file", (PICTURE, "skin.jpg"))
    typed = {"on": today(session).isoformat(), "redness": "mild", "peeling": "none", "comfort": 7}

    her.get(page)
    her.send(page, **(typed | sent | {"file": (BytesIO(data), name)}))

    assert (her.status, says in her.text) == (status, True)
    made = db.session.scalar(sa.select(sa.func.count()).select_from(SessionReport))
    assert (made, len(photos())) == kept


def test_what_was_not_done_has_nothing_to_report_of(app: Flask, cast: dict[str, Person]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    (session,) = plan.sessions
    db.session.commit()
    page = f"/plan/{plan.number}/sessions/{session.id}/reports"
    her = Reader(app, cast["alice"])
    assert "Once it is done" in her.get(page)
    assert "<form" not in her.text.partition("<main")[2].partition("</main")[0]
    him = Reader(app, cast["bob"])
    assert (him.get(page) and him.status) == 404
