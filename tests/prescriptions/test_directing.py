"""Templates for directions: whose they are, how they change, where they are offered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import duties
from shop.accounts.models import Duty, Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import NotAllowed, NotFound
from shop.prescriptions import directing, directions
from shop.prescriptions.directing import Wording
from shop.prescriptions.errors import TemplateChanged, TemplateNameTaken, TemplateRefused
from shop.prescriptions.models import DirectionsTemplate
from tests.accounts.test_api import Browser, somebody
from tests.at_once import at_once
from tests.people import alice, dr_chen, mona
from tests.prescriptions.test_pages import Reader

PEA = Wording("Evening, pea-sized", "A pea-sized amount in the evening.", "cream", "tretinoin")

pytestmark = pytest.mark.usefixtures("app")


def a_director(**given: Any) -> Person:
    person = dr_chen(name="Dr Ana Ruiz", **given)
    today = now().date()
    duties.grant(
        person,
        Duty.MEDICAL_DIRECTOR,
        valid_from=today - timedelta(days=9),
        valid_until=None,
        by=mona(),
    )
    return person


def written(by: Person, wording: Wording = PEA, *, clinic: bool = False) -> DirectionsTemplate:
    return directing.write(wording, for_the_clinic=clinic, by=by, at=now())


def count() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(DirectionsTemplate)) or 0


def test_it_is_kept_tidy_and_told() -> None:
    chen = dr_chen()
    one = written(chen, Wording("  Evening,   pea-sized ", " A pea.\r\nThen wait. ", "cream", ""))
    db.session.refresh(one)
    assert (one.name, one.directions) == ("Evening, pea-sized", "A pea.\nThen wait.")
    assert (one.form, one.active, one.version) == ("CREAM", "", 1)
    assert one.written_at is not None
    assert [event.kind for event in events.of(one.id)] == ["directions_written"]
    assert "pea" not in str([event.facts for event in events.of(one.id)])


def test_her_own_come_first_then_the_clinics_and_nobody_elses() -> None:
    chen, ruiz = dr_chen(), a_director()
    mine = written(chen, Wording("B", "Mine."))
    clinics = written(ruiz, Wording("A", "The clinic's."), clinic=True)
    written(ruiz, Wording("C", "Her own."))
    assert [one.id for one in directions.offered(chen)] == [mine.id, clinics.id]
    assert directions.offered(alice()) == []
    with pytest.raises(NotFound):
        directions.template_for(dr_chen(), mine.series_id)


def test_only_the_medical_director_writes_for_the_clinic() -> None:
    chen, ruiz = dr_chen(), a_director()
    with pytest.raises(NotAllowed):
        written(chen, clinic=True)
    with pytest.raises(NotAllowed):
        written(mona())
    shared = written(ruiz, clinic=True)
    with pytest.raises(NotAllowed):
        directing.end(shared, read=1, by=chen, at=now())
    another = a_director()
    directing.end(shared, read=1, by=another, at=now())  # whoever is director then
    assert directions.offered(chen) == []


def test_a_new_version_follows_and_the_one_before_is_kept() -> None:
    chen = dr_chen()
    first = written(chen)
    second = directing.rewrite(first, Wording("Evening", "Less."), read=1, by=chen, at=now())
    assert (second.version, second.series_id) == (2, first.series_id)
    assert [one.id for one in directions.offered(chen)] == [second.id]
    assert [one.directions for one in directions.versions(chen, first.series_id)] == [
        "Less.",
        "A pea-sized amount in the evening.",
    ]
    with pytest.raises(TemplateChanged):
        directing.rewrite(first, PEA, read=1, by=chen, at=now())
    with pytest.raises(TemplateChanged):
        directing.end(second, read=1, by=chen, at=now())
    with pytest.raises(NotAllowed):
        directing.rewrite(second, PEA, read=2, by=dr_chen(), at=now())


def test_what_was_ended_is_offered_no_more_and_frees_its_name() -> None:
    chen = dr_chen()
    one = written(chen)
    directing.end(one, read=1, by=chen, at=now())
    assert directions.offered(chen) == []
    assert [event.kind for event in events.of(one.id)][-1] == "directions_ended"
    with pytest.raises(NotFound):
        directions.template_for(chen, one.series_id)
    assert directions.versions(chen, one.series_id)[0].ended_at is not None
    assert written(chen).series_id != one.series_id


def test_a_name_is_taken_once_by_each() -> None:
    chen, ruiz = dr_chen(), a_director()
    written(chen)
    with pytest.raises(TemplateNameTaken) as refused:
        written(chen)
    assert refused.value.fields["name"]
    written(ruiz)
    written(ruiz, clinic=True)
    with pytest.raises(TemplateNameTaken):
        written(ruiz, clinic=True)


@pytest.mark.parametrize(
    ("wording", "field"),
    [
        (Wording(" ", "Words."), "name"),
        (Wording("x" * 81, "Words."), "name"),
        (Wording("Name", " \n"), "directions"),
        (Wording("Name", "x" * 2001), "directions"),
        (Wording("Name", "Words.", "x" * 81), "form"),
        (Wording("Name", "Words.", "", "x" * 81), "active"),
    ],
)
def test_what_cannot_be_kept_names_its_field(wording: Wording, field: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        written(dr_chen(), wording)
    assert list(refused.value.fields) == [field]
    assert count() == 0


def a_template(form: str = "", active: str = "") -> DirectionsTemplate:
    return DirectionsTemplate(name=f"{form}/{active}", form=form, active=active)


@pytest.mark.parametrize(
    ("form", "active", "fits"),
    [
        ("", "", True),
        ("CREAM", "", True),
        ("GEL", "", False),
        ("", "TRETINOIN", True),
        ("", "TRETIN", False),
        ("", "HYDROQUINONE", True),
        ("", "ADAPALENE", False),
        ("CREAM", "ADAPALENE", False),
        ("GEL", "TRETINOIN", False),
    ],
)
def test_it_is_offered_where_form_and_active_fit(form: str, active: str, fits: bool) -> None:
    found = directions.fitting(
        [a_template(form, active)],
        form="cream, augmented",
        actives=["Tretinoin microspheres", "HYDROQUINONE"],
    )
    assert bool(found) is fits


def test_the_most_exact_is_offered_first() -> None:
    anything, exact, half = a_template(), a_template("GEL", "ADAPALENE"), a_template("GEL")
    found = directions.fitting([anything, half, exact], form="GEL", actives=["ADAPALENE"])
    assert [one.name for one in found] == ["GEL/ADAPALENE", "GEL/", "/"]


def test_over_the_api(app: Flask) -> None:
    act_as("system:test")
    chen, ruiz = somebody(dr_chen), somebody(a_director)
    db.session.commit()
    browser, other = Browser(app, chen), Browser(app, ruiz)
    body = {"name": "Evening", "directions": "A pea.", "form": "cream"}
    made = browser.post("/directions-templates", body)
    assert made.status_code == 201, made.json
    key = made.json["id"]
    refused = browser.post("/directions-templates", body | {"name": "B", "clinic": True})
    assert (refused.status_code, count()) == (403, 1)
    assert browser.post("/directions-templates", body).status_code == 409
    assert browser.post("/directions-templates", {"name": "x"}).status_code == 422
    path = f"/directions-templates/{key}"
    new = body | {"directions": "Half a pea.", "version": 1}
    assert other.post(f"{path}/versions", new).status_code == 404
    assert browser.post(f"{path}/versions", new).json["version"] == 2
    assert browser.post(f"{path}/versions", new).status_code == 409
    said = [one["directions"] for one in browser.get(f"{path}/versions").json["items"]]
    assert said == ["Half a pea.", "A pea."]
    assert [one["version"] for one in browser.get("/directions-templates").json["items"]] == [2]
    assert other.get("/directions-templates").json["items"] == []
    assert browser.post(f"{path}/end", {"version": 2}).status_code == 200
    assert browser.get("/directions-templates").json["items"] == []


def test_on_its_pages(app: Flask) -> None:
    act_as("system:test")
    chen, ruiz = somebody(dr_chen), somebody(a_director)
    db.session.commit()
    reader, director = Reader(app, chen), Reader(app, ruiz)
    assert "No template yet" in reader.get("/review/templates")
    assert "whole clinic" not in reader.text
    reader.send("/review/templates", name="", directions="A pea.", form="", active="")
    assert reader.status == 422
    reader.send("/review/templates", name="Evening", directions="A pea.", form="", active="")
    assert (reader.status, reader.path) == (200, "/review/templates")
    key = directions.offered(chen)[0].series_id
    page = f"/review/templates/{key}"
    reader.get(page)
    reader.send(page, name="Evening", directions="Half a pea.", form="", active="Tretinoin")
    assert "Half a pea." in reader.text
    assert "A pea." in reader.text
    assert director.get(page)
    assert director.status == 404
    director.get("/review/templates")
    director.send("/review/templates", name="Ours", directions="Sunscreen.", clinic="yes")
    assert "Sunscreen." in reader.get("/review/templates")
    reader.get(page)
    reader.send(f"{page}/end")
    assert "Half a pea." not in reader.get("/review/templates")


def test_of_two_versions_at_once_one_is_kept(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        key, by_id = written(chen).series_id, chen.id
        db.session.commit()

    def rewrite(number: int) -> int:
        by = db.session.get_one(Person, by_id)
        current = directions.template_for(by, key, lock=True)
        said = Wording("Evening", f"Words {number}.")
        return directing.rewrite(current, said, read=1, by=by, at=now()).version

    answers = at_once(live_app, [lambda n=n: rewrite(n) for n in range(6)])
    assert answers.count(2) == 1
    assert {type(one) for one in answers} <= {int, NotFound, TemplateChanged}


def test_of_one_name_at_once_one_is_kept(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        by_id = dr_chen().id
        db.session.commit()

    def write() -> str:
        return written(db.session.get_one(Person, by_id)).name

    answers = at_once(live_app, [write] * 6)
    assert answers.count(PEA.name) == 1
    assert {type(one) for one in answers} == {str, TemplateNameTaken}
