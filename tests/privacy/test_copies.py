"""A copy of the record: asked for, made by the worker, fetched once, or gone."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from shop.accounts import passwords
from shop.accounts.models import Person
from shop.charts import charting, reading
from shop.charts.facts import Allergy
from shop.core.clock import now
from shop.core.db import act_as, db
from tests import people
from tests.accounts.test_api import WORD, Browser
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.prescriptions.builders import a_prescription
from tests.privacy.conftest import Clinic
from tests.returns.builders import left
from tests.treatments.builders import (
    a_performed_session,
    a_photo,
    a_report,
    an_active_plan,
    licensed_eva,
    ruled,
)


@pytest.fixture(scope="module")
def record(clinic: Clinic) -> dict[str, str]:
    """Alice with all a client can have here; Bob with nothing of it."""
    with clinic.app.app_context():
        act_as("system:test")
        ruled("superficial_peel")
        client = people.alice(password_hash=passwords.hash_of(WORD))
        other = people.bob(password_hash=passwords.hash_of(WORD))
        chen, eva = people.dr_chen(), licensed_eva()
        cream, soap = a_cream(), a_variant()
        a_lot(cream), a_lot(soap)
        prescription = a_prescription(client, cream, by=chen)
        order = left(soap, client=client)
        plan = an_active_plan(client, by=eva, chen=chen)
        photo = a_photo(a_report(a_performed_session(plan)))
        charting.state(client, Allergy("Lanolin", "hives"), by=client, at=now())
        reading.open_record(chen, client, record=f"plan {plan.number}", purpose="treatment")
        manager = people.mona(password_hash=passwords.hash_of(WORD))
        db.session.commit()
        told = {
            "alice": client.email,
            "bob": other.email,
            "mona": manager.email,
            "client": str(client.id),
            "order": order.number,
            "prescription": prescription.number,
            "plan": plan.number,
            "photo": str(photo.id),
        }
        db.session.remove()
    clinic.work()
    return told


def at_home(clinic: Clinic, email: str, *, proven: bool = True) -> Browser:
    """The browser of whoever has this address; she has shown her password again."""
    with clinic.app.app_context():
        person = db.session.query(Person).filter_by(email=email).one()
        browser = Browser(clinic.app, person)
        if proven:
            assert browser.post("/session/fresh", {"password": WORD}).status_code == 200
        return browser


def asked(browser: Browser) -> str:
    answer = browser.post("/me/record-exports")
    assert answer.status_code == 201, answer.json
    return str(answer.json["number"])


def fetched(browser: Browser, number: str) -> Any:
    return browser.post(f"/me/record-exports/{number}/download")


def test_the_copy_holds_all_that_is_hers_and_is_fetched_once(
    clinic: Clinic, record: dict[str, str]
) -> None:
    browser = at_home(clinic, record["alice"])
    number = asked(browser)
    again = browser.post("/me/record-exports")
    assert (again.status_code, again.json["code"]) == (409, "export_under_way")

    clinic.work()

    (one,) = browser.get("/me/record-exports").json["items"]
    assert (one["status"], one["parts_done"], one["parts_total"]) == ("ready", 9, 9)
    answer = fetched(browser, number)
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    names = set(archive.namelist())
    read = {name: json.loads(archive.read(name)) for name in names if name.endswith(".json")}
    assert read["account.json"]["email"] == record["alice"]
    assert read["health.json"]["allergies"][0]["content"]["substance"] == "Lanolin"
    assert record["order"] in {order["number"] for order in read["orders.json"]}
    assert [one["number"] for one in read["prescriptions.json"]] == [record["prescription"]]
    assert [one["number"] for one in read["plans.json"]] == [record["plan"]]
    assert read["requests.json"][0]["answers"] != {}
    assert f"plan {record['plan']}" in {one["record"] for one in read["opened.json"]}
    assert f"photos/{record['photo']}.webp" in names
    assert {name for name in names if name.startswith("papers/")} == {
        f"papers/{paper['number']}.pdf" for paper in read["papers.json"]
    }
    assert read["papers.json"] != []
    page = archive.read("record.html").decode()
    assert "Lanolin" in page
    assert record["prescription"] in page
    hashes = read["index.json"]["files_sha256"]
    for name in names - {"index.json", "record.css"}:
        assert hashes[name] == hashlib.sha256(archive.read(name)).hexdigest(), name

    assert fetched(browser, number).json["code"] == "export_not_ready"
    assert clinic.rows("SELECT count(*) FROM export_files") == [(0,)]
    assert browser.get("/me/record-exports").json["items"][0]["status"] == "fetched"


def test_nothing_lies_open_while_it_waits(clinic: Clinic, record: dict[str, str]) -> None:
    browser = at_home(clinic, record["alice"])
    number = asked(browser)
    clinic.work()

    kept = clinic.rows("SELECT content_sealed FROM export_files")
    assert kept
    assert not [row for row in kept if b"Lanolin" in row[0] or record["alice"].encode() in row[0]]
    assert at_home(clinic, record["bob"]).get("/me/record-exports").json["items"] == []
    assert fetched(at_home(clinic, record["bob"]), number).status_code == 404
    stale = fetched(at_home(clinic, record["alice"], proven=False), number)
    assert (stale.status_code, stale.json["code"]) == (422, "fresh_sign_in_missing")
    assert fetched(browser, number).status_code == 200


def test_what_nobody_fetches_in_seven_days_is_gone(clinic: Clinic, record: dict[str, str]) -> None:
    number = asked(at_home(clinic, record["alice"]))
    clinic.work()
    clinic.travel(timedelta(days=7, seconds=1))

    browser = at_home(clinic, record["alice"])
    late = fetched(browser, number)
    assert late.json["code"] == "export_not_ready"
    clinic.tend()

    (latest, *_) = browser.get("/me/record-exports").json["items"]
    assert (latest["number"], latest["status"]) == (number, "lapsed")
    assert clinic.rows("SELECT count(*) FROM export_files") == [(0,)]


def test_what_cannot_be_opened_fails_and_is_begun_again_by_the_manager(
    clinic: Clinic, record: dict[str, str]
) -> None:
    browser = at_home(clinic, record["bob"])
    with clinic.app.app_context():
        act_as("system:test")
        bob = db.session.query(Person).filter_by(email=record["bob"]).one()
        entry = charting.state(bob, Allergy("Wool"), by=bob, at=now())
        db.session.commit()
        spoilt, entry_id = bytes(entry.content_sealed), entry.id
        db.session.remove()
    _spoil(clinic, entry_id, spoilt[:-1] + bytes([spoilt[-1] ^ 1]))
    number = asked(browser)
    clinic.work()
    assert browser.get("/me/record-exports").json["items"][0]["status"] == "failed"
    assert clinic.rows("SELECT count(*) FROM export_files") == [(0,)]

    _spoil(clinic, entry_id, spoilt)
    mona = at_home(clinic, record["mona"])
    board = mona.get("/privacy-requests").json
    assert (board["exports"][0]["number"], board["exports"][0]["status"]) == (number, "failed")
    assert mona.post(f"/privacy-requests/{number}/second-try").status_code == 201
    clinic.work()

    assert browser.get("/me/record-exports").json["items"][0]["status"] == "ready"
    assert fetched(browser, number).status_code == 200


def test_an_interrupted_copy_goes_on_where_it_stopped(
    clinic: Clinic, record: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.privacy import jobs as making

    browser = at_home(clinic, record["alice"])
    number = asked(browser)
    parts = list(making.PARTS)
    with clinic.app.app_context():
        act_as("system:test")
        key = clinic.rows("SELECT id FROM record_exports WHERE number = %s", number)[0][0]
        with clinic.worker.app_context():
            act_as("system:worker")
            for _ in range(3):
                assert making._next_part(key)
            db.session.remove()
    made: list[str] = []
    watched = tuple(
        lambda c, at, part=part: made.append(part.__name__) or part(c, at) for part in parts
    )
    monkeypatch.setattr(making, "PARTS", watched)

    clinic.work()

    assert made == [part.__name__ for part in parts[3:]]
    assert fetched(browser, number).status_code == 200


def test_colleagues_without_the_duty_see_nothing(clinic: Clinic) -> None:
    with clinic.app.app_context():
        act_as("system:test")
        sam = people.sam(password_hash=passwords.hash_of(WORD))
        officer = people.eva(password_hash=passwords.hash_of(WORD))
        _officer(officer, people.mona())
        db.session.commit()
        emails = sam.email, officer.email
        db.session.remove()

    assert at_home(clinic, emails[0]).get("/privacy-requests").status_code == 404
    assert at_home(clinic, emails[1]).get("/privacy-requests").status_code == 200


def _officer(person: Person, manager: Person) -> None:
    from shop.accounts import duties
    from shop.accounts.models import Duty

    duties.grant(
        person,
        duty=Duty.PRIVACY_OFFICER,
        valid_from=now().date(),
        valid_until=None,
        by=manager,
    )


def _spoil(clinic: Clinic, entry_id: object, content: bytes) -> None:
    with clinic.database.as_role() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE chart_entries SET content_sealed = %s WHERE id = %s", [content, entry_id]
        )
