"""An account is closed: refused while something is open, taken back, or carried out after a week."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from shop.accounts import passwords
from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import cart as carts
from shop.privacy import keeping, obstacles
from shop.treatments import subscribing
from shop.treatments.agenda import Words
from tests import people
from tests.accounts.authenticator import Device
from tests.accounts.test_api import WORD, Browser
from tests.builders import a_cream, a_variant
from tests.credit.builders import with_credit
from tests.inventory.lots import a_lot
from tests.orders.things import paid, placed
from tests.prescriptions.builders import a_draft, a_prescription, a_request
from tests.privacy.conftest import Clinic
from tests.replenishment.builders import a_retinoid, an_auto_refill, handed_out
from tests.returns.asked import asked
from tests.returns.builders import left
from tests.treatments.builders import a_proposal, licensed_eva, ruled

WEEK = timedelta(days=7, seconds=1)


@dataclass
class Her:
    """A client and her browser, where she has shown her password again."""

    id: uuid.UUID
    email: str
    browser: Browser


@pytest.fixture
def her(clinic: Clinic) -> Her:
    with clinic.app.app_context():
        act_as("system:test")
        client = people.alice(password_hash=passwords.hash_of(WORD))
        db.session.commit()
        known = client.id, client.email
        browser = Browser(clinic.app, client)
        assert browser.post("/session/fresh", {"password": WORD}).status_code == 200
        db.session.remove()
    return Her(*known, browser)


def given(clinic: Clinic, her: Her, act: Callable[[Person], Any]) -> Any:
    """Do something of hers by the verbs."""
    with clinic.app.app_context():
        act_as("system:test")
        made = act(db.session.get_one(Person, her.id))
        db.session.commit()
        db.session.remove()
        return made


def close(her: Her) -> Any:
    return her.browser.post("/me/account-closure")


def person(clinic: Clinic, her: Her) -> tuple[Any, ...]:
    query = "SELECT email::text, name, disabled_at, erased_at FROM people WHERE id = %s"
    return clinic.rows(query, her.id)[0]


def _owes(client: Person) -> None:
    pack = a_variant()
    a_lot(pack)
    placed(client, {pack: 1})


def _is_owed(client: Person) -> None:
    pack = a_variant()
    a_lot(pack)
    paid(client, {pack: 1})


def _has_a_plan(client: Person) -> None:
    ruled("superficial_peel")
    a_proposal(client, by=licensed_eva())


def _has_credit(client: Person) -> None:
    with_credit(2_500, client)


def _sends_back(client: Person) -> None:
    asked(left(client=client))


OPEN: dict[str, tuple[Callable[[Person], Any], str]] = {
    "an order that waits for money": (_owes, "orders"),
    "an order that is paid and here": (_is_owed, "orders"),
    "a plan": (_has_a_plan, "plans"),
    "a request with a physician": (lambda client: a_request(client, a_cream()), "requests"),
    "a return": (_sends_back, "returns"),
    "credit": (_has_credit, "credit"),
}


@pytest.mark.parametrize(("make", "kind"), OPEN.values(), ids=OPEN.keys())
def test_is_refused_while_something_is_open(
    clinic: Clinic, her: Her, make: Callable[[Person], Any], kind: str
) -> None:
    given(clinic, her, make)

    answer = close(her)

    assert (answer.status_code, answer.json["code"]) == (422, "closure_waits")
    assert list(answer.json["errors"]) == [kind]
    told = her.browser.get("/me/account-closure").json
    assert [one["kind"] for one in told["obstacles"]] == [kind]
    assert told["closure"] is None
    assert clinic.rows("SELECT closure_waits_for(%s)", her.id) == [(kind,)]


def test_the_database_and_the_code_name_the_same_kinds(clinic: Clinic, her: Her) -> None:
    source = clinic.rows("SELECT prosrc FROM pg_proc WHERE proname = 'closure_waits_for'")[0][0]
    for kind in obstacles.Open:
        assert f"('{kind.value}', EXISTS" in source


def test_it_needs_a_fresh_sign_in(clinic: Clinic, her: Her) -> None:
    with clinic.app.app_context():
        stale = Browser(clinic.app, db.session.get_one(Person, her.id))

    assert stale.post("/me/account-closure").json["code"] == "fresh_sign_in_missing"


def test_it_can_be_taken_back_for_a_week(clinic: Clinic, her: Her) -> None:
    assert close(her).status_code == 201
    assert close(her).json["code"] == "closure_under_way"

    kept = her.browser.post("/me/account-closure/withdrawal")

    assert (kept.status_code, kept.json["status"]) == (201, "withdrawn")
    assert her.browser.post("/me/account-closure/withdrawal").status_code == 404
    clinic.travel(WEEK)
    clinic.tend()
    assert person(clinic, her)[0] == her.email


def test_nothing_happens_before_the_week_is_over(clinic: Clinic, her: Her) -> None:
    assert close(her).status_code == 201
    clinic.travel(timedelta(days=6, hours=23))
    clinic.tend()

    assert person(clinic, her)[0] == her.email


def test_what_opens_meanwhile_is_waited_for(clinic: Clinic, her: Her) -> None:
    assert close(her).status_code == 201
    given(clinic, her, _owes)
    clinic.travel(WEEK)
    clinic.tend()

    assert person(clinic, her)[0] == her.email
    told = clinic.rows("SELECT status FROM account_closures WHERE client_id = %s", her.id)
    assert told == [("asked",)]


def _everything(client: Person) -> None:
    """Closed business, and all that goes with an account."""
    soap, cream = a_variant(), a_retinoid()
    a_lot(soap)
    a_prescription(client, cream, by=people.dr_chen(), fills=6)
    handed_out(client, cream)
    an_auto_refill(client, cream)
    subscribing.make(client, words=Words.DISCREET, at=now())
    a_draft(client, a_cream())
    carts.put(carts.cart_of(client, lock=True), soap, 1)


def test_what_may_go_goes_and_the_rest_is_named(clinic: Clinic, her: Her) -> None:
    given(clinic, her, _everything)
    device = Device()
    options = her.browser.post("/me/passkeys/options").json
    her.browser.csrf = options["csrf_token"]
    made = {"name": "My phone", "credential": device.make(options["options"])}
    assert her.browser.post("/me/passkeys", made).status_code == 201
    token = {"email": her.email, "password": WORD, "name": "till"}
    assert her.browser.post("/tokens", token).status_code == 201
    assert her.browser.post("/me/record-exports").status_code == 201
    assert close(her).status_code == 201, close(her).json
    clinic.work()
    events = clinic.rows("SELECT count(*) FROM events")[0][0]

    clinic.travel(WEEK)
    clinic.tend()

    email, name, disabled, erased = person(clinic, her)
    assert (email, name) == (f"erased-{her.id}@erased.invalid", "Former client")
    assert disabled is not None
    assert erased is not None
    for table, column in (
        ("sign_ins", "person_id"),
        ("tokens", "person_id"),
        ("carts", "client_id"),
    ):
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s")
        assert clinic.rows(
            query.format(sql.Identifier(table), sql.Identifier(column)),
            her.id,  # type: ignore[arg-type]
        ) == [(0,)]
    assert clinic.rows(
        "SELECT credential_id, public_key, name FROM passkeys WHERE person_id = %s", her.id
    ) == [(None, None, "Removed")]
    assert clinic.rows("SELECT count(*) FROM export_files") == [(0,)]
    for query in (
        "SELECT removed_at IS NOT NULL FROM saved_cards WHERE client_id = %s",
        "SELECT status = 'cancelled' FROM auto_refills WHERE client_id = %s",
        "SELECT ended_at IS NOT NULL FROM calendar_feeds WHERE client_id = %s",
        "SELECT NOT wanted FROM reminder_choices WHERE client_id = %s",
    ):
        assert clinic.rows(query, her.id) == [(True,)], query
    assert (
        clinic.rows(
            "SELECT status FROM approval_requests WHERE client_id = %s AND status = 'draft'", her.id
        )
        == []
    )
    (kept,) = clinic.rows("SELECT kept FROM account_closures WHERE client_id = %s", her.id)[0]
    assert set(kept) == {"clinical", "orders", "trace"}
    assert clinic.rows("SELECT count(*) FROM orders WHERE client_id = %s", her.id) == [(1,)]
    assert clinic.rows("SELECT count(*) FROM prescriptions WHERE client_id = %s", her.id) == [(1,)]
    assert clinic.rows("SELECT count(*) FROM events")[0][0] > events
    assert _mentions(clinic, her.email) == []
    with clinic.app.app_context():
        from shop.core import events as trail
        from shop.prescriptions import verifying

        assert [*trail.verify(), *verifying.verify()] == []
        db.session.remove()
    assert her.browser.get("/me").status_code == 401
    again = {"email": her.email, "password": WORD}
    assert Browser(clinic.app).post("/session", again).status_code == 401
    clinic.tend()  # safe to repeat
    assert ("account_closed",) in clinic.rows(
        "SELECT error FROM letters WHERE recipient_id = %s AND failed_at IS NOT NULL", her.id
    )


def _mentions(clinic: Clinic, word: str) -> list[str]:
    """The tables that hold this word in some row."""
    tables = [
        name
        for (name,) in clinic.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname IN ('public', 'jobs')"
        )
    ]
    found = []
    with clinic.database.as_role() as connection:
        for name in tables:
            query = sql.SQL("SELECT count(*) FROM {} t WHERE t::text ILIKE %s")
            count = connection.execute(query.format(sql.Identifier(name)), [f"%{word}%"]).fetchone()
            if count and count[0]:
                found.append(name)
    return found


def test_clinical_records_of_minors_are_kept_until_they_are_of_age() -> None:
    from datetime import date

    child = Person(birth_date=date(2020, 2, 29))
    today = date(2026, 11, 28)

    assert keeping.until(keeping.DataClass.CLINICAL, child, today) == date(2041, 3, 1)
    assert keeping.until(keeping.DataClass.ACCESS, child, today) == date(2041, 3, 1)
    assert keeping.until(keeping.DataClass.ORDERS, child, today) == date(2033, 11, 28)
    grown = Person(birth_date=date(1990, 5, 4))
    assert keeping.until(keeping.DataClass.CLINICAL, grown, today) == date(2036, 11, 28)
