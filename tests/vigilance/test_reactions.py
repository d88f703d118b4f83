"""Adverse reactions: recorded to product and lot, on the clock, reported, closed, never forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.vigilance import clock, filing, queries, recording
from shop.vigilance.errors import NotReported, OwnReaction, ReactionRefused
from shop.vigilance.models import Outcome, Reaction, ReactionAccount, ReactionFiling
from shop.vigilance.states import ReactionStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import alice, dr_chen, eva, mona, sam
from tests.prescriptions.test_pages import Reader
from tests.vigilance.builders import ZONE, a_reaction, file, told


def today() -> Any:
    return day_in(ZONE, now())


def count(kind: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


# Recording


def test_one_outcome_makes_it_serious_and_starts_the_clock(app: Flask) -> None:
    mild, grave = a_reaction(alice(), serious=False), a_reaction(alice())

    assert (mild.serious, mild.due_on) == (False, None)
    assert (grave.serious, grave.due_on) == (True, clock.due(today()))
    assert grave.accounts[0].told["outcomes"] == ["infection"]
    assert [event.kind for event in events.of(grave.id)] == ["reaction_opened"]
    kept = sa.text("SELECT string_agg(a::text, '') FROM reaction_accounts a")
    assert "canary" not in db.session.execute(kept).scalar_one()


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_of_the_law_is_enough(app: Flask, outcome: Outcome) -> None:
    assert a_reaction(alice(), outcomes=[outcome]).due_on is not None


def test_what_cannot_be_recorded_changes_nothing(app: Flask) -> None:
    client, cream = alice(), a_cream()
    refused: list[tuple[type[Exception], Person, dict[str, Any]]] = [
        (ReactionRefused, sam(), {}),
        (OwnReaction, client, {"by": client}),
        (ReactionRefused, client, {"variant": cream, "lot": a_lot(a_cream())}),
        (ReactionRefused, client, {"what": " "}),
        (ReactionRefused, client, {"what": "x" * (recording.LONGEST + 1)}),
        (ReactionRefused, client, {"received_on": today() + timedelta(days=1)}),
        (ReactionRefused, client, {"received_on": today() - 2 * recording.OLDEST}),
    ]
    for error, whose, given in refused:
        with pytest.raises(error):
            a_reaction(whose, **given)
    assert count(Reaction) == count(ReactionAccount) == 0


# Reporting and closing


def test_what_is_serious_is_reported_before_it_is_closed(app: Flask) -> None:
    one, manager = a_reaction(alice()), mona()
    with pytest.raises(NotReported) as refused:
        filing.close(one, reason="It healed.", by=manager, at=now())
    assert refused.value.facts["due_on"] == clock.due(today()).isoformat()
    assert one.status is ReactionStatus.OPEN

    file(one, by=manager)
    assert (one.status, one.due_on, one.serious) == (ReactionStatus.REPORTED, None, True)
    with pytest.raises(WrongState):
        file(one, by=manager)
    filing.close(one, reason="It healed.", by=manager, at=now())
    assert (one.status, one.reason) == (ReactionStatus.CLOSED, "It healed.")
    assert [event.to_state for event in events.of(one.id)] == ["open", "reported", "closed"]


def test_what_becomes_known_later_opens_it_with_a_clock_of_its_own(app: Flask) -> None:
    one, manager = a_reaction(alice(), serious=False), mona()
    filing.close(one, reason="A passing itch.", by=manager, at=now())

    recording.tell(one, **told(by=sam()))

    assert (one.status, one.reason) == (ReactionStatus.OPEN, None)
    assert one.due_on == clock.due(today())
    recording.tell(one, **told(by=sam(), serious=False))  # milder words take nothing back
    assert one.due_on == clock.due(today())
    file(one, by=manager)
    assert one.filings[0].through == 3
    assert one.due_on is None


def test_a_receipt_is_needed_and_nothing_is_filed_ahead_or_before_it_was_told(app: Flask) -> None:
    one = a_reaction(alice())
    for given in (
        {"reference": " "},
        {"reference": "x" * 201},
        {"filed_on": today() + timedelta(days=1)},
        {"filed_on": today() - timedelta(days=1)},
    ):
        with pytest.raises(ReactionRefused):
            file(one, **given)
    with pytest.raises(ReactionRefused):
        filing.close(a_reaction(alice(), serious=False), reason=" ", by=mona(), at=now())
    assert count(ReactionFiling) == 0


def test_the_list_says_first_what_is_due_first(app: Flask) -> None:
    client = alice()
    mild = a_reaction(client, serious=False)
    later = a_reaction(client)
    overdue = a_reaction(client, received_on=today() - timedelta(days=60))
    done = a_reaction(client, received_on=today() - timedelta(days=90))
    file(done)
    query = queries.reactions(mona()).order_by(queries.DUE_FIRST, Reaction.id)
    listed = list(db.session.scalars(query))
    assert listed[:2] == [overdue, later]
    assert set(listed[2:]) == {mild, done}


# Over HTTP and on the pages


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    people = {"alice": alice, "chen": dr_chen, "sam": sam, "mona": mona, "eva": eva}
    return {name: somebody(make) for name, make in people.items()}


def a_body(client: Person, **given: Any) -> dict[str, Any]:
    cream = a_cream()
    lot = a_lot(cream)
    db.session.commit()
    body = {"email": client.email, "sku": cream.sku, "lot": lot.number, "what": "A canary."}
    body |= {"outcomes": ["infection"], "told_by": "client", "received_on": today().isoformat()}
    return body | given


def test_from_recorded_to_closed(app: Flask, cast: dict[str, Person]) -> None:
    staff, manager, chen = (Browser(app, cast[name]) for name in ("sam", "mona", "chen"))
    made = staff.post("/reactions", a_body(cast["alice"]))
    assert (made.status_code, made.json["serious"]) == (201, True)
    assert made.json["due_on"] == clock.due(today()).isoformat()
    assert "canary" not in str(made.json)
    path = f"/reactions/{made.json['number']}"
    assert [one["number"] for one in manager.get("/reactions?status=open").json["items"]] == [
        made.json["number"]
    ]
    assert count(Access) == 0

    whole = chen.get(path).json
    assert (whole["accounts"][0]["what"], whole["client"]["name"]) == (
        "A canary.",
        cast["alice"].name,
    )
    (access,) = db.session.scalars(sa.select(Access))
    assert (access.record, access.purpose) == (f"reaction {made.json['number']}", "treatment")

    filed = {"reference": "FDA-77", "filed_on": today().isoformat()}
    assert staff.post(f"{path}/filings", filed).status_code == 403
    assert manager.post(f"{path}/closure", {"reason": "Healed."}).json["code"] == "not_reported"
    assert manager.post(f"{path}/filings", filed).json["status"] == "reported"
    more = {name: a_body(cast["alice"])[name] for name in ("what", "outcomes", "told_by")}
    more["received_on"] = today().isoformat()
    assert staff.post(f"{path}/accounts", more).json["status"] == "open"
    assert chen.post(f"{path}/filings", filed | {"reference": "FDA-78"}).status_code == 201
    assert chen.post(f"{path}/closure", {"reason": "Healed."}).json["status"] == "closed"


def test_others_find_no_log(app: Flask, cast: dict[str, Person]) -> None:
    for name in ("alice", "eva"):
        browser = Browser(app, cast[name])
        assert browser.get("/reactions").status_code == 403
        assert browser.post("/reactions", a_body(cast["alice"])).status_code == 403
    assert count(Reaction) == 0


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("email", "nobody@example.test", 422),
        ("sku", "no-such", 404),
        ("lot", "L-NONE", 404),
        ("outcomes", ["a bad day"], 422),
        ("told_by", "a bird", 422),
        ("received_on", "2999-01-01", 422),
        ("what", "", 422),
    ],
)
def test_a_bad_field_writes_nothing(
    app: Flask, cast: dict[str, Person], field: str, value: Any, status: int
) -> None:
    answer = Browser(app, cast["sam"]).post("/reactions", a_body(cast["alice"], **{field: value}))
    assert answer.status_code == status
    assert count(Reaction) == 0


def test_on_the_pages(app: Flask, cast: dict[str, Person]) -> None:
    body = a_body(cast["alice"])
    staff, manager = Reader(app, cast["sam"]), Reader(app, cast["mona"])
    staff.get("/reactions")
    shown = staff.send("/reactions", **(body | {"sku": "nothing"}))
    assert (staff.status, "A canary." in shown) == (404, True)
    staff.send("/reactions", **body)
    assert "Report by" in staff.text
    assert "It was reported" not in staff.text  # staff does not decide
    path = staff.path

    manager.get(path)
    manager.send(f"{path}/closure", reason="Healed.")
    assert (manager.status, "It is serious: report it by" in manager.text) == (409, True)
    manager.send(f"{path}/filings", reference="FDA-77", filed_on=today().isoformat())
    assert "FDA-77" in manager.text
    manager.send(f"{path}/closure", reason="Healed.")
    assert "It is closed." in manager.text
    assert "Report by" not in manager.get("/reactions")
