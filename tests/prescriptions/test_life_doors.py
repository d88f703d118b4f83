"""The life of a prescription over HTTP and on pages, as people meet it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import renewing
from shop.prescriptions.models import ApprovalRequest, ErrorReport, Prescription
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.orders.things import paid, placed
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription, a_request
from tests.prescriptions.test_checking import counted
from tests.prescriptions.test_life import renewed, ship
from tests.prescriptions.test_pages import Reader

NEWS = {"used_before": True, "used_before_result": "Well.", "goal": "More of it."}


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob, state="CA"),
        "chen": somebody(dr_chen),
        "ruiz": somebody(dr_chen),
        "mona": somebody(mona),
        "sam": somebody(sam),
    }


@pytest.fixture
def cream(app: Flask) -> Variant:
    cream = a_cream()
    a_lot(cream, 20)
    return cream


def ending(cast: dict[str, Person], cream: Variant, **given: Any) -> Prescription:
    """In force for twenty days more."""
    act_as("system:test")
    soon = now().date() + timedelta(days=20)
    one = a_prescription(cast["alice"], cream, by=cast["chen"], valid_until=soon, **given)
    db.session.commit()
    return one


def test_a_client_reads_how_it_stands_and_renews_it_in_one_call(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream, interval_days=23)
    paid(cast["alice"], {cream: 1})
    client = Browser(app, cast["alice"])

    shown = client.get(f"/prescriptions/{one.number}").json
    today = now().date()
    assert (shown["status"], shown["standing"]) == ("active", "active")
    assert (shown["supersedes"], shown["superseded_by"]) == ([], None)
    assert shown["outlook"] == {
        "standing": "active",
        "until": (today + timedelta(days=20)).isoformat(),
        "last_fill_on": today.isoformat(),
        "next_fill_on": None,  # it ends before
        "runs_out_on": (today + timedelta(days=30)).isoformat(),
    }
    assert shown["renewal"]["eligible"] is True
    assert shown["renewal"]["to_ask"] == ["used_before", "goal"]

    asked = client.post(f"/prescriptions/{one.number}/renewal", {"consent": True, "answers": NEWS})
    assert (asked.status_code, asked.json["status"]) == (201, "queued")
    assert asked.json["renews"] == one.number
    again = client.post(f"/prescriptions/{one.number}/renewal", {"consent": True})
    assert (again.status_code, again.json["code"]) == (422, "renewal_refused")
    assert [one["code"] for one in again.json["facts"]["reasons"]] == ["already_asked"]


def test_the_physician_sees_what_is_renewed_with_the_fills_and_when(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream)
    ship(paid(cast["alice"], {cream: 1}))
    asked = renewed(one, cast["alice"])
    db.session.commit()

    shown = Browser(app, cast["chen"]).get(f"/approval-requests/{asked.number}").json
    assert shown["renewed"]["number"] == one.number
    assert (shown["renewed"]["fills"], shown["renewed"]["fills_left"]) == (3, 2)
    (taken,) = shown["renewed"]["taken"]
    assert (taken["number"], taken["status"]) == (1, "dispensed")

    page = Reader(app, cast["chen"]).get(f"/review/{asked.number}")
    assert f"It renews {one.number}" in page
    assert "1 of 3 taken, each for 30 days" in page
    assert ": sent" in page


def test_a_renewals_case_takes_one_statement_more_than_a_first_one(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    """For the fills, and never with what she signed last: see benchmarks/test_statements.py."""
    first = a_request(cast["bob"], cream, ship_to_state="CA")
    one = ending(cast, cream)
    ship(paid(cast["alice"], {cream: 1}))
    asked = renewed(one, cast["alice"])
    db.session.commit()
    numbers = [first.number, asked.number]
    physician = Reader(app, cast["chen"])
    sent = []
    for number in numbers:
        physician.get(f"/review/{number}")
        with counted() as statements:
            physician.get(f"/review/{number}")
        sent.append(len(statements))
    assert physician.status == 200
    assert sent[1] <= sent[0] + 1


WRONG: dict[str, tuple[Any, int]] = {
    "a consent that is none": ({"consent": "yes"}, 422),
    "answers that are a list": ({"consent": True, "answers": []}, 422),
    "an unknown field": ({"consent": True, "sku": "x"}, 422),
    "an unknown question": ({"consent": True, "answers": {"shoe_size": 9}}, 422),
    "half of the answers": ({"consent": True, "answers": {"goal": "More."}}, 422),
    "a very long answer": ({"consent": True, "answers": NEWS | {"goal": "x" * 10_000}}, 422),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_renewal_names_what_is_wrong_and_asks_nothing(
    app: Flask, cast: dict[str, Person], cream: Variant, how: str
) -> None:
    one = ending(cast, cream)
    body, status = WRONG[how]

    answer = Browser(app, cast["alice"]).post(f"/prescriptions/{one.number}/renewal", body)

    assert answer.status_code == status
    assert answer.json["errors"] or answer.json["fields"]
    query = sa.select(ApprovalRequest).where(ApprovalRequest.renews_id == one.id)
    assert db.session.scalars(query).all() == []


def test_what_is_anothers_is_not_there(app: Flask, cast: dict[str, Person], cream: Variant) -> None:
    one = ending(cast, cream)
    for who, method, path in (
        ("bob", "post", "renewal"),
        ("bob", "get", "revocation"),
        ("mona", "get", "error-report"),
        ("mona", "post", "error-report/confirmation"),
        ("ruiz", "get", "revocation"),
    ):
        browser = Browser(app, cast[who])
        args = ({"consent": True},) if path == "renewal" else ({},) if method == "post" else ()
        answer = getattr(browser, method)(f"/prescriptions/{one.number}/{path}", *args)
        assert answer.status_code == 404, (who, path, answer.json)


def test_what_revoking_means_is_told_before_and_after(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream)
    gone, here = paid(cast["alice"], {cream: 1}), paid(cast["alice"], {cream: 1})
    ship(gone)
    unpaid = placed(cast["alice"], {cream: 1})
    physician = Browser(app, cast["chen"])

    before = physician.get(f"/prescriptions/{one.number}/revocation").json
    page = Reader(app, cast["chen"]).get(f"/prescriptions/{one.number}/revocation")
    assert f"Order {unpaid.number} is cancelled" in page
    assert f"in order {here.number} is held" in page
    assert f"in {gone.number}, " in page.partition("Already left")[2]
    answer = physician.post(f"/prescriptions/{one.number}/revocation", {"reason": "Pregnant."})

    assert (answer.status_code, answer.json["status"]) == (201, "revoked")
    done = answer.json["consequences"]
    assert done == {name: before[name] for name in done}
    assert before["cancelled"] == [unpaid.number]
    assert before["held"] == [{"order": here.number, "sku": cream.sku}]
    (left,) = before["left"]
    assert (left["order"], left["quantity"]) == (gone.number, 1)
    assert left["tracking"] == "1Z999AA10123456784"
    assert left["lots"][0]["units"] == 1
    assert physician.get(f"/prescriptions/{one.number}").json["left"] == before["left"]


def test_two_people_name_an_error_on_pages(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream)
    reporter = Reader(app, cast["ruiz"])
    reporter.get(f"/prescriptions/{one.number}/error")
    reporter.send(f"/prescriptions/{one.number}/error", reason="For another client.")
    assert "Somebody else has to agree" in reporter.text
    assert "/error/confirmation" not in reporter.text

    boss = Reader(app, cast["mona"])
    assert one.number in boss.get("/error-reports")
    page = boss.get(f"/prescriptions/{one.number}/error")
    assert "For another client." in page
    boss.send(f"/prescriptions/{one.number}/error/confirmation")
    assert "Entered in error" in boss.text

    found = db.session.get_one(Prescription, one.id)
    assert found.status == "entered_in_error"
    product = found.variant.product.name
    client = Reader(app, cast["alice"]).get(f"/prescriptions/{one.number}")
    assert f"<s>{product}</s>" in client
    readers = db.session.scalars(
        sa.select(Access.reader_id).where(Access.record == f"prescription {one.number}")
    )
    assert {cast["ruiz"].id, cast["mona"].id} <= set(readers)


def test_two_people_name_an_error_over_http(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream)
    chen, boss = Browser(app, cast["chen"]), Browser(app, cast["mona"])
    path = f"/prescriptions/{one.number}/error-report"

    empty = chen.post(path, {"reason": ""})
    assert (empty.status_code, list(empty.json["errors"])) == (422, ["reason"])
    assert db.session.scalars(sa.select(ErrorReport)).all() == []
    assert chen.post(path, {"reason": "Wrong strength."}).status_code == 201
    assert chen.post(path, {"reason": "Again."}).json["code"] == "already_reported"
    alone = chen.post(f"{path}/confirmation", {})
    assert (alone.status_code, alone.json["code"]) == (403, "second_person_needed")
    (waiting,) = boss.get("/error-reports").json["items"]
    assert waiting["prescription"] == one.number
    assert "reason" not in waiting
    assert boss.get(path).json["reason"] == "Wrong strength."

    done = boss.post(f"{path}/confirmation", {})

    assert (done.status_code, done.json["standing"]) == (201, "entered_in_error")
    assert done.json["consequences"] == {"cancelled": [], "held": [], "left": []}
    assert boss.post(f"{path}/confirmation", {}).status_code == 404
    assert chen.post(f"/prescriptions/{one.number}/hold", {"reason": "x"}).status_code == 409


def test_a_client_asks_for_more_on_the_page(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    one = ending(cast, cream)
    reader = Reader(app, cast["alice"])
    assert "ready now" in reader.get(f"/prescriptions/{one.number}")

    reader.send(f"/prescriptions/{one.number}/renewal")

    asked = db.session.scalars(
        sa.select(ApprovalRequest).where(ApprovalRequest.renews_id == one.id)
    ).one()
    assert reader.path == f"/requests/{asked.number}"
    assert "Some questions are left." in reader.text
    assert "already" in reader.get(f"/prescriptions/{one.number}")
    assert "It cannot be renewed now" in reader.text


def test_a_page_says_why_it_may_not_be_renewed_yet(
    app: Flask, cast: dict[str, Person], cream: Variant
) -> None:
    act_as("system:test")
    one = a_prescription(cast["alice"], cream, by=cast["chen"])
    db.session.commit()
    begins = renewing.renewable_from(one.standing(now()), one.valid_until)
    page = Reader(app, cast["alice"]).get(f"/prescriptions/{one.number}")
    assert "It cannot be renewed now" in page
    assert begins is not None
    assert f"It may be renewed from {begins:%a} {begins.day} {begins:%b}" in page
