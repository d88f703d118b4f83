"""A licence lapses overnight: paid for and not sent, until a new one is recorded."""

from __future__ import annotations

from datetime import timedelta

from shop.accounts.models import Licence
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import jobs
from tests.builders import a_cream
from tests.journeys.conftest import Clinic
from tests.journeys.roads import (
    ALICE,
    CHEN,
    MONA,
    asks,
    claims,
    free,
    ok,
    on_the_shelf,
    orders,
    pays,
    puts,
    reads_the_leaflet,
    ships,
    signs,
)


def the_night(clinic: Clinic) -> None:
    """What the worker does by itself, then its letters."""
    with clinic.worker.app_context():
        act_as("system:follow_licences")
        jobs.follow_licences()
        db.session.remove()
    clinic.work()


def test_a_licence_lapses_overnight(clinic: Clinic) -> None:
    """Signed and paid, held in the night, sent after a new licence."""
    cream = on_the_shelf(clinic, a_cream)
    number = asks(clinic, ALICE, cream)
    claims(clinic, CHEN, number)
    signed = ok(signs(clinic, CHEN, number))["number"]
    puts(clinic, ALICE, cream)
    reads_the_leaflet(clinic, ALICE, cream)
    order = ok(orders(clinic, ALICE, cream))["number"]
    pays(clinic, ALICE, order)

    with clinic.app.app_context():
        licence = db.session.query(Licence).filter_by(state="CA").one()
        whose, which, today = licence.person_id, licence.id, now().date()
    end = {"ended_on": str(today + timedelta(days=1))}
    ok(clinic.call(MONA, "POST", f"/people/{whose}/licences/{which}/end", json=end))
    clinic.travel(timedelta(days=1))
    before = len(clinic.post.subjects(ALICE))
    refused = ships(clinic, order)  # before the night's job has run: the gate asks for itself
    assert refused.status_code in (409, 422), refused.text
    the_night(clinic)

    seen = ok(clinic.call(ALICE, "GET", f"/orders/{order}"))
    assert (seen["status"], seen["lines"][0]["status"]) == ("paid", "on_hold")
    held = ok(clinic.call(ALICE, "GET", f"/prescriptions/{signed}"))
    assert (held["status"], held["held_for"]) == ("on_hold", "licence_lapsed")
    assert len(clinic.post.subjects(ALICE)) > before
    refused = ships(clinic, order)
    assert refused.status_code in (409, 422), refused.text
    assert refused.json["detail"]
    assert free(clinic, cream) == 9  # hers are still kept for her

    new = {
        "kind": "MD",
        "state": "CA",
        "number": "A999001",
        "valid_from": str(today + timedelta(days=1)),
        "valid_until": str(today + timedelta(days=365)),
        "verified_on": str(today),
    }
    ok(clinic.call(MONA, "POST", f"/people/{whose}/licences", json=new))
    the_night(clinic)
    held = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}"))
    assert (held["status"], held["held_for"]) == ("active", None)
    assert ok(ships(clinic, order))["lines"][0]["sku"] == cream
    kinds = [entry["kind"] for entry in held["history"]]
    assert kinds[-2:] == ["prescription_held", "prescription_resumed"]
