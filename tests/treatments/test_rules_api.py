"""Rules of scope and windows over HTTP, and who may do what: asked by those who work here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.cli import rules_group
from shop.core.db import db
from shop.treatments.models import ScopeRuleRow, WindowRuleRow
from shop.treatments.procedures import LIBRARY
from tests.benchmarks.test_statements import a_token
from tests.catalog.rules import today
from tests.people import a_licence, alice, dr_chen, eva, mona, sam
from tests.treatments.rules import A_WINDOW, NEEDLING, a_scope

Call = Callable[..., Any]

COMMON = {
    "jurisdiction": "NV",
    "valid_from": "2026-01-01",
    "source": "A statute",
    "grade": "B",
    "review_by": "2027-01-01",
}
SCOPE = {"kind": "scope"} | COMMON | dict(NEEDLING)
WINDOW = {"kind": "window"} | COMMON | dict(A_WINDOW)


@pytest.fixture
def call(app: Flask) -> Call:
    web = app.test_client()

    def send(person: Any, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {a_token(person)}"}
        db.session.commit()
        return web.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    return send


def test_a_scope_goes_through_the_desk(call: Call) -> None:
    writer, chen = mona(), dr_chen()

    made = call(writer, "POST", "/rules", SCOPE)

    assert made.status_code == 201, made.json
    told = {name: made.json[name] for name in ("kind", "procedure", "licence", "verdict")}
    assert told == {
        "kind": "scope",
        "procedure": "microneedling",
        "licence": "esthetician",
        "verdict": "needs_supervision",
    }
    assert (made.json["legal_class"], made.json["subject"]) == (None, None)
    path = f"/rules/{made.json['id']}"
    assert call(writer, "POST", f"{path}/review").status_code == 403
    assert call(chen, "POST", f"{path}/review").json["status"] == "reviewed"
    assert call(chen, "POST", f"{path}/activation").json["status"] == "active"
    listed = call(chen, "GET", "/rules?kind=scope&jurisdiction=NV&status=active").json["items"]
    assert [one["number"] for one in listed] == [made.json["number"]]
    end = {"on": today().isoformat()}
    assert call(writer, "POST", f"{path}/end", end).status_code == 200
    ended = call(chen, "POST", f"{path}/end/approval")
    assert ended.json["valid_until"] == today().isoformat()


def test_a_window_says_on_the_way_out_what_it_said_on_the_way_in(call: Call) -> None:
    made = call(mona(), "POST", "/rules", WINDOW)

    assert made.status_code == 201, made.json
    assert {name: made.json[name] for name in A_WINDOW} == A_WINDOW


BAD = {
    "no procedure": (SCOPE | {"procedure": "haircut"}, "procedure"),
    "a field of another kind": (SCOPE | {"subject": "retinoid"}, "subject"),
    "a legal class": (SCOPE | {"legal_class": "rx"}, "legal_class"),
    "no verdict": ({name: SCOPE[name] for name in SCOPE if name != "verdict"}, "verdict"),
    "no such licence": (SCOPE | {"licence": "barber"}, "licence"),
    "a number of days that is none": (WINDOW | {"from_day": "5"}, "from_day"),
    "days too far away": (WINDOW | {"to_day": 401}, "to_day"),
    "no subject": (WINDOW | {"subject": "mud"}, "subject"),
    "a condition nobody knows": (WINDOW | {"when": {"moon": "full"}}, "when"),
    "a skin type there is not": (WINDOW | {"when": {"fitzpatrick_from": 9}}, "when"),
    "NUL in what was published": (WINDOW | {"published": "a\x00b"}, "published"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD)
def test_a_bad_rule_names_its_field(call: Call, body: dict[str, Any], field: str) -> None:
    answer = call(mona(), "POST", "/rules", body)

    assert answer.status_code == 422, answer.json
    assert field in answer.json["errors"], answer.json
    for kind in (ScopeRuleRow, WindowRuleRow):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(kind)) == 0


def test_what_columns_say_against_each_other_is_refused(call: Call) -> None:
    answer = call(mona(), "POST", "/rules", WINDOW | {"to_day": -9})

    assert answer.status_code == 422
    assert "to_day -9 is not after from_day -5" in answer.json["detail"]


def test_only_rules_of_law_are_simulated(call: Call) -> None:
    answer = call(mona(), "POST", "/rules/simulation", SCOPE)

    assert answer.status_code == 422
    assert "kind" in answer.json["errors"]


# Who may do what.


def test_the_library_is_listed_without_a_state(call: Call) -> None:
    items = call(eva(), "GET", "/procedures").json["items"]

    assert [one["code"] for one in items] == list(LIBRARY)
    peel = next(one for one in items if one["code"] == "superficial_peel")
    assert (peel["name"], peel["downtime"], peel["scope"]) == ("Superficial peel", [0, 5], None)


def test_each_is_answered_for_the_licence_i_hold_there(call: Call) -> None:
    someone = eva()
    a_licence(someone, kind="advanced_esthetician", state="NV")
    a_scope(licence="advanced_esthetician")
    a_scope(licence="advanced_esthetician", procedure="facial", verdict="allowed", supervision="")

    def verdicts(query: str) -> dict[str, str]:
        items = call(someone, "GET", f"/procedures?{query}").json["items"]
        return {one["code"]: one["scope"]["verdict"] for one in items}

    alone, watched = verdicts("state=NV"), verdicts("state=NV&supervised=true")
    assert (alone["microneedling"], watched["microneedling"]) == ("needs_supervision", "allowed")
    assert alone["facial"] == "allowed"
    assert alone["filler"] == watched["filler"] == "forbidden"  # nobody has ruled
    assert set(verdicts("state=TX&supervised=true").values()) == {"forbidden"}  # no licence


def test_a_licence_that_has_ended_counts_no_more(call: Call) -> None:
    someone = eva()
    a_licence(someone, kind="esthetician", state="NV", valid_until=today())
    a_scope(verdict="allowed", supervision="")

    answer = call(someone, "GET", "/procedures/microneedling/scope?state=NV").json

    assert (answer["verdict"], answer["kind"]) == ("forbidden", None)
    assert answer["why"] == "Nobody does microneedling in NV without a licence in force there."


def test_the_answer_names_the_rule(call: Call) -> None:
    rule = a_scope(number="SC-NV-1")

    answer = call(
        mona(),
        "GET",
        "/procedures/microneedling/scope?state=NV&kind=esthetician&supervised=true",
    ).json

    assert (answer["verdict"], answer["supervised"]) == ("allowed", True)
    assert answer["on"] == today().isoformat()
    (told,) = answer["rules"]
    assert told == {
        "number": "SC-NV-1",
        "version": 1,
        "jurisdiction": "US",
        "verdict": "needs_supervision",
        "supervision": "a physician is within call",
        "valid_from": rule.valid_from.isoformat(),
        "valid_until": None,
        "source": rule.source,
        "grade": "B",
    }


def test_an_esthetician_tries_microneedling_in_texas_and_in_nevada(app: Flask, call: Call) -> None:
    """With the book as it comes, switched on."""
    writer, chen = mona(), dr_chen()
    db.session.commit()
    loaded = app.test_cli_runner().invoke(rules_group, ["load", "--by", writer.email])
    assert loaded.exit_code == 0, loaded.stderr
    for state in ("TX", "NV"):
        query = f"/rules?kind=scope&jurisdiction={state}&status=draft&limit=100"
        for one in call(chen, "GET", query).json["items"]:
            for step in ("review", "activation"):
                assert call(chen, "POST", f"/rules/{one['id']}/{step}").status_code == 200

    def asked(state: str, kind: str) -> tuple[str, str]:
        path = f"/procedures/microneedling/scope?state={state}&kind={kind}"
        answer = call(eva(), "GET", path).json
        return answer["verdict"], answer["why"]

    assert asked("TX", "esthetician") == (
        "forbidden",
        "In TX, an esthetician may not do microneedling.",
    )
    assert asked("NV", "esthetician")[0] == "forbidden"
    verdict, why = asked("NV", "advanced_esthetician")
    assert verdict == "needs_supervision"
    assert "within 60 miles or 60 minutes" in why


BAD_QUESTIONS = {
    "no such procedure": ("/procedures/haircut/scope?state=NV", 404),
    "no state": ("/procedures/microneedling/scope", 422),
    "a state there is not": ("/procedures/microneedling/scope?state=ZZ", 422),
    "the whole country": ("/procedures?state=US", 422),
    "a licence there is not": ("/procedures/microneedling/scope?state=NV&kind=barber", 422),
    "a word that is neither": ("/procedures?state=NV&supervised=perhaps", 422),
}


@pytest.mark.parametrize(("path", "status"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_a_question_that_cannot_be_answered(call: Call, path: str, status: int) -> None:
    assert call(eva(), "GET", path).status_code == status


def test_clients_and_staff_do_not_ask(call: Call) -> None:
    for person in (alice(), sam()):
        assert call(person, "GET", "/procedures").status_code == 403


def test_the_day_of_a_rule_is_the_day_of_the_answer(call: Call) -> None:
    a_scope(verdict="allowed", supervision="", valid_from=today() + timedelta(days=1))

    answer = call(mona(), "GET", "/procedures/microneedling/scope?state=NV&kind=esthetician").json

    assert answer["verdict"] == "forbidden"
