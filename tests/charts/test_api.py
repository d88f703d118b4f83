"""Charts over HTTP: her own, and that of a client one treats, written down before it is shown."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting, queries
from shop.charts.facts import Allergy, Condition, ConditionCode, Pregnancy, PregnancyStatus
from shop.charts.models import Access, ChartEntry, Source
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.sealed import keyring
from shop.web.models import KeptAnswer
from tests.accounts.test_api import Browser, somebody
from tests.people import alice, bob, dr_chen, eva
from tests.prescriptions.builders import a_draft, a_prescription, a_request

WOOL = {"substance": "Wool wax", "reaction": "Hives", "severity": "moderate"}


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "eva": somebody(eva),
    }


@pytest.fixture
def client(app: Flask, cast: dict[str, Person]) -> Browser:
    return Browser(app, cast["alice"])


def entries() -> list[ChartEntry]:
    """What was written here: not what a request's answers wrote before."""
    query = sa.select(ChartEntry).where(ChartEntry.source != Source.INTAKE)
    return list(db.session.scalars(query.order_by(ChartEntry.stated_at)))


def accesses() -> list[tuple[str, str]]:
    query = sa.select(Access).order_by(Access.at)
    return [(one.reader.name, one.record) for one in db.session.scalars(query)]


def says(client: Browser, **fact: Any) -> str:
    answer = client.post("/me/chart", fact)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def test_a_client_says_what_the_clinic_should_know(client: Browser) -> None:
    facts = {
        "allergy": WOOL,
        "condition": {"code": "other", "text": "Vitiligo"},
        "pregnancy": {"status": "pregnant", "due_on": (now() + timedelta(days=90)).date()},
        "medicine": {"name": "Accutane", "dose": "20 mg", "last_taken_on": "2025-03-01"},
        "fitzpatrick": {"phototype": "IV"},
        "concern": {"concern": "melasma"},
        "guardian": {"name": "Rosa Moreno", "relationship": "mother", "phone": "510 555 0100"},
    }
    facts["pregnancy"]["due_on"] = str(facts["pregnancy"]["due_on"])
    ids = {kind: says(client, **{kind: said}) for kind, said in facts.items()}

    shown = client.get("/me/chart").json

    lists = {"allergies": "allergy", "conditions": "condition", "medicines": "medicine",
             "concerns": "concern", "guardians": "guardian"}  # fmt: skip
    told = {kind: shown[name][0] for name, kind in lists.items()}
    told |= {kind: shown[kind] for kind in ("pregnancy", "fitzpatrick")}
    assert {kind: one["id"] for kind, one in told.items()} == ids
    content = {kind: one["content"] for kind, one in told.items()}
    for kind in ("allergy", "medicine"):
        assert content[kind].pop("way") == "none"
    assert content == facts
    assert {(one["stated_by"], one["source"]) for one in told.values()} == {
        ("Alice Moreno", "client")
    }
    assert (shown["none_known"], shown["history"]) == ([], None)
    assert accesses() == []


def test_a_client_knows_of_no_allergy(client: Browser) -> None:
    entry = says(client, none_known="allergy")
    (none,) = client.get("/me/chart").json["none_known"]
    assert (none["kind"], none["id"], none["stated_by"]) == ("allergy", entry, "Alice Moreno")


def test_what_was_said_before_is_shown_where_it_is_asked_for(client: Browser) -> None:
    wrong = says(client, allergy=WOOL)
    right = client.post(
        f"/me/chart/{wrong}/correction", {"allergy": WOOL | {"severity": "severe"}}
    ).json
    ended = client.post(f"/me/chart/{right['id']}/end", {"ending": "entered_in_error"})
    assert ended.status_code == 201
    assert ended.json["ended_at"] is not None

    shown = client.get("/me/chart?history=true").json

    assert shown["allergies"] == []
    assert [
        (one["content"]["severity"], one["supersedes"], one["ending"], one["ended_by"])
        for one in shown["history"]
    ] == [
        ("moderate", None, "superseded", "Alice Moreno"),
        ("severe", wrong, "entered_in_error", "Alice Moreno"),
    ]


def test_a_physician_opens_the_chart_of_a_client_who_asked_her(
    app: Flask, cast: dict[str, Person], client: Browser
) -> None:
    says(client, allergy=WOOL)
    physician = Browser(app, cast["chen"])
    path = f"/clients/{cast['alice'].id}/chart"
    assert physician.get(path).status_code == 404
    assert accesses() == []

    act_as("system:test")
    a_request(cast["alice"])
    db.session.commit()
    shown = physician.get(path).json

    assert shown["client"]["name"] == "Alice Moreno"
    assert shown["allergies"][0]["content"]["substance"] == "Wool wax"
    assert accesses() == [("Dr Wei Chen", "chart")]
    seen = client.get("/me/accesses").json["items"]
    assert [(one["reader"], one["purpose"]) for one in seen] == [("Dr Wei Chen", "treatment")]


def test_the_opening_is_kept_although_the_chart_cannot_be_shown(
    app: Flask, cast: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_request(cast["alice"])
    charting.state(cast["alice"], Allergy("Wool"), by=cast["alice"], at=now())
    db.session.commit()
    physician = Browser(app, cast["chen"])

    monkeypatch.setattr(keyring, "keys", {})
    lost = physician.get(f"/clients/{cast['alice'].id}/chart")
    assert (lost.status_code, lost.json["code"]) == (503, "sealed_value_not_opened")
    assert accesses() == [("Dr Wei Chen", "chart")]


def test_a_physician_keeps_seeing_whom_she_prescribed_for(
    app: Flask, cast: dict[str, Person]
) -> None:
    a_prescription(cast["alice"], by=cast["chen"])
    cast["alice"].state = "TX"  # where Dr Chen has no licence
    db.session.commit()
    path = f"/clients/{cast['alice'].id}/chart"
    assert Browser(app, cast["chen"]).get(path).status_code == 200


def test_a_physician_without_a_licence_there_has_no_need(
    app: Flask, cast: dict[str, Person]
) -> None:
    a_request(cast["bob"], ship_to_state="TX")
    db.session.commit()
    path = f"/clients/{cast['bob'].id}/chart"
    for answer in (
        Browser(app, cast["chen"]).get(path),
        Browser(app, cast["chen"]).post(path, {"allergy": WOOL}),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert (accesses(), entries()) == ([], [])


def test_a_draft_is_nobodys_need_but_hers_who_began_it(app: Flask, cast: dict[str, Person]) -> None:
    a_draft(cast["alice"], by=cast["eva"])
    db.session.commit()
    path = f"/clients/{cast['alice'].id}/chart"
    assert Browser(app, cast["chen"]).get(path).status_code == 404
    assert Browser(app, cast["eva"]).get(path).status_code == 200
    assert accesses() == [("Eva Lind", "chart")]


def test_who_treats_her_notes_corrects_and_ends(app: Flask, cast: dict[str, Person]) -> None:
    a_request(cast["alice"])
    db.session.commit()
    physician = Browser(app, cast["chen"])
    path = f"/clients/{cast['alice'].id}/chart"

    first = physician.post(path, {"fitzpatrick": {"phototype": "III"}}).json
    second = physician.post(
        f"{path}/{first['id']}/correction", {"fitzpatrick": {"phototype": "IV"}}
    )
    assert (second.status_code, second.json["source"]) == (201, "physician")
    assert physician.post(f"{path}/{second.json['id']}/end").status_code == 201

    assert [(one.source, one.ending) for one in entries()] == [
        ("physician", "superseded"),
        ("physician", "resolved"),
    ]
    assert accesses() == [("Dr Wei Chen", "chart")] * 3


def test_a_client_cannot_take_back_what_the_physician_noted(
    client: Browser, cast: dict[str, Person]
) -> None:
    act_as("system:test")
    noted = charting.state(cast["alice"], Allergy("Nickel"), by=cast["chen"], at=now())
    db.session.commit()
    number = noted.id
    for answer in (
        client.post(f"/me/chart/{number}/end"),
        client.post(f"/me/chart/{number}/correction", {"allergy": WOOL}),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "said_by_the_clinic")
    assert [(one.id, one.ending) for one in entries()] == [(number, None)]


def test_what_a_writing_route_answers_says_nothing_medical(client: Browser) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = client.post("/me/chart", {"allergy": WOOL}, **key)
    again = client.post("/me/chart", {"allergy": WOOL}, **key)

    assert again.data == first.data
    assert set(first.json) == {"id", "stated_at", "source", "ended_at"}
    assert len(entries()) == 1
    kept = db.session.scalars(sa.select(KeptAnswer.body)).one()
    assert b"ool" not in bytes(kept)


BAD: dict[str, tuple[Any, list[str]]] = {
    "nothing": ({}, ["body"]),
    "two things": ({"allergy": WOOL, "none_known": "condition"}, ["body"]),
    "an unknown kind": ({"horoscope": {"sign": "virgo"}}, ["horoscope"]),
    "a list": ([], ["body"]),
    "a number for a fact": ({"allergy": 5}, ["allergy._schema"]),
    "null for a fact": ({"allergy": None}, ["allergy"]),
    "no substance": ({"allergy": {}}, ["allergy.substance"]),
    "a blank substance": ({"allergy": {"substance": "  "}}, ["allergy.substance"]),
    "a number for a substance": ({"allergy": {"substance": 5}}, ["allergy.substance"]),
    "a NUL": ({"allergy": {"substance": "a\x00"}}, ["allergy.substance"]),
    "10,000 letters": (
        {"allergy": {"substance": "Wool", "reaction": "x" * 10_000}},
        ["allergy.reaction"],
    ),
    "an unknown severity": ({"allergy": WOOL | {"severity": "deadly"}}, ["allergy.severity"]),
    "a list for a severity": ({"allergy": WOOL | {"severity": ["mild"]}}, ["allergy.severity"]),
    "an object for a code": ({"condition": {"code": {}}}, ["condition.code"]),
    "another condition without words": ({"condition": {"code": "other"}}, ["condition.text"]),
    "a match of her own making": (
        {"allergy": {"substance": "Wool", "inci_name": "WATER"}},
        ["allergy.inci_name"],
    ),
    "no day": ({"pregnancy": {"status": "pregnant", "due_on": "soon"}}, ["pregnancy.due_on"]),
    "a due date gone by": (
        {"pregnancy": {"status": "pregnant", "due_on": "2020-01-01"}},
        ["pregnancy.due_on"],
    ),
    "taken in the future": (
        {"medicine": {"name": "Accutane", "last_taken_on": "2999-01-01"}},
        ["medicine.last_taken_on"],
    ),
    "the year 10,000": (
        {"medicine": {"name": "Accutane", "last_taken_on": "10000-01-01"}},
        ["medicine.last_taken_on"],
    ),
    "a seventh type": ({"fitzpatrick": {"phototype": "VII"}}, ["fitzpatrick.phototype"]),
    "a type in figures": ({"fitzpatrick": {"phototype": 4}}, ["fitzpatrick.phototype"]),
    "a concern of her own": ({"concern": {"concern": "vanity"}}, ["concern.concern"]),
    "none of what nobody has": ({"none_known": "pregnancy"}, ["none_known"]),
    "none of a number": ({"none_known": 0}, ["none_known"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_named_and_nothing_is_written(client: Browser, case: str) -> None:
    body, fields = BAD[case]

    refused = client.post("/me/chart", body)

    assert (refused.status_code, refused.content_type) == (422, "application/problem+json")
    assert list(refused.json["errors"]) == fields
    assert entries() == []


@pytest.mark.parametrize("ending", ["superseded", "forgotten", 5, None])
def test_an_entry_ends_in_two_ways_only(client: Browser, ending: Any) -> None:
    entry = says(client, allergy=WOOL)
    refused = client.post(f"/me/chart/{entry}/end", {"ending": ending})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["ending"])
    assert [one.ending for one in entries()] == [None]


def test_another_clients_entry_is_not_there(
    app: Flask, client: Browser, cast: dict[str, Person]
) -> None:
    entry, other = says(client, allergy=WOOL), Browser(app, cast["bob"])
    for answer in (
        other.post(f"/me/chart/{entry}/end"),
        other.post(f"/me/chart/{entry}/correction", {"allergy": WOOL}),
        other.post("/me/chart/nonsense/end"),
    ):
        assert answer.status_code == 404
    assert [one.ending for one in entries()] == [None]


def test_a_physician_ends_nothing_through_another_clients_chart(
    app: Flask, client: Browser, cast: dict[str, Person]
) -> None:
    entry = says(client, allergy=WOOL)
    act_as("system:test")
    nevadan = bob(state="NV")
    a_request(nevadan, ship_to_state="NV")
    db.session.commit()
    physician = Browser(app, cast["chen"])
    assert physician.post(f"/clients/{nevadan.id}/chart/{entry}/end").status_code == 404
    assert [one.ending for one in entries()] == [None]


def test_what_ended_is_told_so(client: Browser) -> None:
    entry = says(client, allergy=WOOL)
    assert client.post(f"/me/chart/{entry}/end").status_code == 201
    again = client.post(f"/me/chart/{entry}/end")
    assert (again.status_code, again.json["code"]) == (409, "entry_ended")


def test_a_query_that_is_none_is_named(client: Browser) -> None:
    refused = client.get("/me/chart?history=perhaps")
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["history"])


def test_a_chart_is_read_with_one_query(client: Browser, cast: dict[str, Person]) -> None:
    act_as("system:test")
    her = cast["alice"]
    for number in range(8):
        charting.state(her, Allergy(f"Thing {number}"), by=cast["chen"], at=now())
        charting.state(her, Condition(ConditionCode.OTHER, f"No {number}"), by=her, at=now())
    charting.state(her, Pregnancy(PregnancyStatus.NONE), by=her, at=now())
    db.session.commit()
    asked: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        chart = queries.chart_of(her, at=now())
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert len(chart.allergies) == len(chart.conditions) == 8
    assert len([one for one in asked if "FROM" in one]) == 1
