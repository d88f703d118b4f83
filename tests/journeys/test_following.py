"""The shop follows the plan: a peel in four days while her tretinoin is due again.

Over HTTP, from the shipped rules: what the gate, the product's page, the cart, the order and the
label say is one sentence, and it moves with the peel.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.treatments import rulebook
from shop.treatments.models import WindowRuleRow
from shop.treatments.windows import wording
from tests import people
from tests.catalog.rules import activated
from tests.journeys.conftest import Clinic
from tests.journeys.roads import (
    CHEN,
    SAM,
    fresh,
    gate,
    joins,
    no,
    ok,
    on_the_shelf,
    orders,
    puts,
    ships,
)
from tests.journeys.test_health_news import a_paid_order
from tests.prescriptions.test_checking import a_formula, tretinoin
from tests.treatments.builders import licensed_eva, ruled

EVA = "eva@example.test"
PEEL = "superficial_peel"
MONTH = timedelta(days=31)


@pytest.fixture(scope="module", autouse=True)
def _rules(clinic: Clinic) -> None:
    """The clinic has activated what the shop ships of the peel."""
    joins(clinic, licensed_eva, EVA)
    with clinic.app.app_context():
        act_as("system:test")
        ruled(PEEL)
        rows = json.loads(rulebook.WINDOWS.read_text(encoding="utf-8"))["rules"]
        author, today = people.mona(), now().date()
        for row in (one for one in rows if one["procedure"] == PEEL):
            drafted = rulebook._drafted(WindowRuleRow, row, review_by=today, by=author, at=now())
            activated(drafted)
        db.session.commit()


@dataclass
class Peel:
    """A session of a started plan."""

    clinic: Clinic
    path: str

    def moved_to(self, day: date) -> None:
        moved = self.clinic.call(EVA, "PATCH", self.path, json={"starts": noon(day)})
        assert ok(moved)["rescheduled"] is True


def noon(day: date) -> str:
    return datetime.combine(day, time(20), UTC).isoformat()  # noon or one o'clock in California


def a_booked_peel(clinic: Clinic, client: str, day: date) -> Peel:
    """Drafted and proposed by Eva, started by Dr Chen, booked."""
    with clinic.app.app_context():
        person = db.session.scalars(sa.select(Person).where(Person.email == client)).one()
        her = str(person.id)
    session = {"procedure": PEEL, "area": "face", "starts": noon(day), "minutes": 45}
    said = {"client": her, "goal": "Clearer skin.", "sessions": [session]}
    drafted = ok(clinic.call(EVA, "POST", "/plans", json=said))
    plan = f"/plans/{drafted['number']}"
    ok(clinic.call(EVA, "POST", f"{plan}/proposal"))
    fresh(clinic, CHEN)
    assert ok(clinic.call(CHEN, "POST", f"{plan}/start", json={"version": 1}))["status"] == "active"
    path = f"{plan}/sessions/{drafted['sessions'][0]['id']}"
    ok(clinic.call(EVA, "POST", f"{path}/booking", json={}))
    return Peel(clinic, path)


def sentence(day: date) -> str:
    """Of a peel on a day, as the shipped rules have it: five days before, seven after."""
    said = [
        wording.day(each, day.year)
        for each in (day, day - timedelta(days=5), day + timedelta(days=7))
    ]
    return "Superficial peel on {}: stop by {}, from {} again.".format(*said)


def today_of(clinic: Clinic) -> date:
    with clinic.app.app_context():
        return now().date()


def a_month_goes_by(clinic: Clinic) -> None:
    """For the shop, and for the provider."""
    clinic.travel(MONTH)
    advance = {"advance": int(MONTH.total_seconds())}
    assert clinic.sandbox_client.post("/_sandbox/clock", json=advance).status_code == 200


def pays_then(clinic: Clinic, who: str, order: str) -> None:
    """As `pays`, with words of the provider that are signed a month from now."""
    url = ok(clinic.call(who, "POST", f"/orders/{order}/payment"))["url"]
    assert clinic.visitor.pay(url).status == 303
    signed_at = int((datetime.now(UTC) + MONTH).timestamp())
    for event in clinic.pending():
        assert clinic.sandbox.courier.deliver(event["id"], signed_at=signed_at) == "200"
    clinic.work()


def page(clinic: Clinic, who: str, path: str) -> str:
    with clinic.app.app_context():
        person = db.session.scalars(sa.select(Person).where(Person.email == who)).one()
        browser = people.a_browser(clinic.app, person)
    shown = browser.get(path)
    assert shown.status_code == 200
    return str(shown.text)


def label(clinic: Clinic, order: str, sku: str) -> str:
    printed = clinic.call(SAM, "GET", f"/orders/{order}/lines/{sku}/label")
    assert printed.status_code == 200, printed.text
    text = pypdf.PdfReader(io.BytesIO(printed.data)).pages[0].extract_text()
    return " ".join(text.split())


def slug_of(clinic: Clinic, sku: str) -> str:
    with clinic.app.app_context():
        query = sa.select(Variant).where(Variant.sku == sku)
        return db.session.scalars(query).one().product.slug


def test_a_peel_in_four_days_while_a_refill_is_due(clinic: Clinic) -> None:
    cream = on_the_shelf(clinic, lambda: a_formula(tretinoin(), name="Tretinoin cream"))
    client, _signed, first = a_paid_order(clinic, "peel", cream)
    ok(ships(clinic, first))
    a_month_goes_by(clinic)
    puts(clinic, client, cream)
    assert gate(clinic, client, cream)["decision"] == "open"  # it is due

    day = today_of(clinic) + timedelta(days=4)
    peel = a_booked_peel(clinic, client, day)

    held = gate(clinic, client, cream)
    free = str(day + timedelta(days=7))
    assert (held["decision"], held["until"]) == ("hold_until", free)
    (reason,) = held["reasons"]
    assert (reason["rule"], reason["text"]) == ("treatment_window", sentence(day))
    assert reason["facts"]["rules"] == [{"rule": "WR-SUPERFICIAL-PEEL-RETINOID-STOP", "version": 1}]
    refused = no(orders(clinic, client, cream), 422, "too_soon")
    assert refused["detail"] == sentence(day)
    says_the_same(clinic, client, cream, sentence(day))
    told = ok(clinic.call(client, "GET", "/cart/explanation"))["lines"][0]["gate"]["questions"]
    assert (told[-1]["rule"], told[-1]["outcome"]) == ("treatment_window", "objected")

    later = day + timedelta(days=17)
    peel.moved_to(later)

    free_again = gate(clinic, client, cream)
    assert (free_again["decision"], free_again["notes"]) == ("open", [sentence(later)])
    says_the_same(clinic, client, cream, sentence(later))
    order = ok(orders(clinic, client, cream))["number"]
    pays_then(clinic, client, order)
    assert sentence(later) in label(clinic, order, cream)

    # It comes back, after she has paid: what is hers goes on, and says when to use it.
    peel.moved_to(day)
    seen = ok(clinic.call(client, "GET", f"/orders/{order}"))
    assert seen["treatments"] == [{"sku": cream, "sentences": [sentence(day)]}]
    assert sentence(day) in page(clinic, client, f"/orders/{order}")
    of_packers(clinic, order)
    printed = label(clinic, order, cream)
    assert sentence(day) in printed
    assert "REPLACES" in printed
    ok(ships(clinic, order))
    assert not [
        one for one in clinic.post.letters if "peel" in one.as_string().lower().replace(client, "")
    ]


def says_the_same(clinic: Clinic, client: str, sku: str, said: str) -> None:
    slug = slug_of(clinic, sku)
    asked = ok(clinic.call(client, "GET", f"/products/{slug}/gate"))
    assert said in [asked["sentence"], *asked["notes"]]
    for path in (f"/products/{slug}", "/cart"):
        assert said in page(clinic, client, path)
    # What the leaflet says of any peel is for all; of hers a visitor reads nothing.
    assert "superficial peel" not in clinic.app.test_client().get(f"/products/{slug}").text.lower()


def of_packers(clinic: Clinic, order: str) -> None:
    """Who packs sees the order, and nothing of her treatment before she prints its label."""
    seen: Any = ok(clinic.call(SAM, "GET", f"/orders/{order}"))
    assert seen["treatments"] == []
    picked = clinic.call(SAM, "GET", f"/orders/{order}/picking-list")
    for text in (json.dumps(seen), picked.text, page(clinic, SAM, f"/orders/{order}")):
        assert "superficial peel" not in text.lower()
