"""Something becomes known of a client's health after signing: nothing leaves that it speaks against.

Retinoids of the real catalogue, read by the real dictionary: tretinoin in pregnancy is a soft stop,
which a physician may override with a reason; tazarotene is a hard one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from shop.accounts.models import Person
from shop.catalog import dictionary, importing
from shop.catalog.models import Variant
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.core.clock import now
from shop.core.db import act_as, db
from tests import people
from tests.journeys.conftest import Clinic
from tests.journeys.roads import (
    CHEN,
    MONA,
    SAM,
    asks,
    claims,
    free,
    fresh,
    gate,
    joins,
    kinds,
    no,
    ok,
    orders,
    pays,
    puts,
    reads_the_leaflet,
    ships,
    signs,
)
from tests.journeys.test_main_road import everything_verifies

REGISTER = Path(importing.__file__).parent / "data" / "ndc_rx_topical_2026.csv"
TRETINOIN, TAZAROTENE = "0378-8082-20", "0187-2098-45"
PREGNANT = {"pregnancy": {"status": "pregnant"}}
MEDICAL = ("tretinoin", "tazarotene", "arazlo", "retinoid", "pregnan", "health", "prescri")
NEWS = "There is news about R"
WHY = "We talked it over; she is in her last week and stops then."


@pytest.fixture(scope="module", autouse=True)
def _shelf(clinic: Clinic) -> None:
    """The dictionary, then the register, as a clinic begins; both retinoids for sale, with a lot."""
    with clinic.app.app_context():
        act_as("system:test")
        dictionary.load()
        db.session.commit()
    with REGISTER.open("rb") as file:
        boundary, body = encode_multipart(
            {"file": FileStorage(file, filename=REGISTER.name), "source": "ndc"}
        )
    form = f"multipart/form-data; boundary={boundary}"
    ok(clinic.call(MONA, "POST", "/imports", data=body, content_type=form))
    clinic.work()
    expires = str(datetime.now(UTC).date() + timedelta(days=500))
    for sku in (TRETINOIN, TAZAROTENE):
        ok(clinic.call(MONA, "PATCH", f"/variants/{sku}", json={"for_sale": True}))
        ok(clinic.call(MONA, "PUT", f"/variants/{sku}/price", json={"cents": 6_200}))
        with clinic.app.app_context():
            pack = db.session.scalars(sa.select(Variant).where(Variant.sku == sku)).one()
            slug = pack.product.slug
        ok(clinic.call(MONA, "POST", f"/products/{slug}/publication"))
        line = {"sku": sku, "lot_number": "L1", "expires_on": expires, "quantity": 50}
        for lot in ok(clinic.call(SAM, "POST", "/receipts", json={"lines": [line]}))["lots"]:
            ok(clinic.call(SAM, "POST", f"/lots/{lot['number']}/check", json={}))
            ok(clinic.call(MONA, "POST", f"/lots/{lot['number']}/release"))


def test_pregnancy_stops_the_parcel_until_her_physician_lets_it_go(clinic: Clinic) -> None:
    client, signed, order = a_paid_order(clinic, "soft", TRETINOIN)
    kept = free(clinic, TRETINOIN)

    says(clinic, client, PREGNANT)

    refused = no(ships(clinic, order), 409, "nothing_to_ship")
    assert not [word for word in MEDICAL if word in str(refused).lower()]
    listed = clinic.call(SAM, "GET", f"/orders/{order}/picking-list")
    assert listed.status_code == 409 or ok(listed)["lines"] == []
    assert line_of(clinic, client, order) == ("paid", "on_hold")
    assert free(clinic, TRETINOIN) == kept  # hers are kept for her
    told_by_mail(clinic, client, CHEN)

    (task,) = ok(clinic.call(CHEN, "GET", "/health-news"))["items"]
    assert (task["number"], task["status"]) == (signed, "on_hold")
    seen = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}/health-review"))
    (news,) = seen["news"]
    assert (news["rule"], news["severity"]) == ("SC-RETINOID-PREGNANCY", "soft_stop")
    assert "pregnancy: pregnant" in str(news["fired_by"])
    hers = ok(clinic.call(client, "GET", "/me/accesses"))["items"]
    assert f"prescription {signed}" in str(hers)

    no(clinic.call(CHEN, "DELETE", f"/prescriptions/{signed}/hold"), 409, "news_not_reviewed")
    short = no(lets_go(clinic, CHEN, signed, "ok"), 422, "terms_refused")
    assert short["errors"]["reason"]
    no(ships(clinic, order), 409, "nothing_to_ship")

    assert ok(lets_go(clinic, CHEN, signed, WHY))["status"] == "active"
    assert ok(clinic.call(CHEN, "GET", "/health-news"))["items"] == []  # it was the only one
    assert line_of(clinic, client, order) == ("paid", "ready")
    assert ok(ships(clinic, order))["lines"][0]["sku"] == TRETINOIN
    says(clinic, client, PREGNANT)  # the same word again is nothing new
    told = kinds(ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}")))
    assert told[-2:] == ["prescription_held", "prescription_resumed"]
    assert WHY not in "".join(one.as_string() for one in clinic.post.letters)
    everything_verifies(clinic)


def test_a_hard_stop_is_not_let_go_and_taking_it_back_sends_the_money_back(clinic: Clinic) -> None:
    client, signed, order = a_paid_order(clinic, "hard", TAZAROTENE)
    kept = free(clinic, TAZAROTENE)

    says(clinic, client, PREGNANT)

    stands = no(lets_go(clinic, CHEN, signed, WHY), 409, "hard_stop_stands")
    assert stands["facts"]["rules"] == ["SC-TAZAROTENE-PREGNANCY"]
    no(clinic.call(CHEN, "DELETE", f"/prescriptions/{signed}/hold"), 409, "news_not_reviewed")
    no(ships(clinic, order), 409, "nothing_to_ship")
    assert line_of(clinic, client, order) == ("paid", "on_hold")

    foretold = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}/revocation"))
    assert [one["order"] for one in foretold["held"]] == [order]
    why = {"reason": "Not in pregnancy."}
    done = ok(clinic.call(CHEN, "POST", f"/prescriptions/{signed}/revocation", json=why))
    assert (done["status"], done["consequences"]["held"]) == ("revoked", foretold["held"])
    assert free(clinic, TAZAROTENE) == kept + 1  # nobody will ever get them by this order
    no(ships(clinic, order), 409, "nothing_to_ship")
    no(lets_go(clinic, CHEN, signed, WHY), 409, "wrong_state")

    ok(clinic.call(client, "POST", f"/orders/{order}/cancellation"))
    clinic.work()
    assert line_of(clinic, client, order) == ("cancelled", "cancelled")
    seen = ok(clinic.call(client, "GET", f"/orders/{order}"))
    assert seen["payment"]["refunded_cents"] == seen["total_cents"] > 0
    assert any("back to you" in one for one in clinic.post.subjects(client))
    assert free(clinic, TAZAROTENE) == kept + 1  # not a second time
    everything_verifies(clinic)


def test_who_stands_in_looks_while_her_physician_is_away(clinic: Clinic) -> None:
    client, signed, order = a_paid_order(clinic, "away", TRETINOIN)
    lee = joins(clinic, people.dr_chen, "dr.lee@example.test", name="Dr Lee")
    ruiz = joins(clinic, people.dr_chen, "dr.ruiz@example.test", name="Dr Ruiz")
    today = datetime.now(UTC).date()
    away = {
        "delegate": ok(clinic.call(lee, "GET", "/me"))["user"]["id"],
        "starts_on": str(today),
        "ends_on": str(today + timedelta(days=3)),
    }
    named = ok(clinic.call(CHEN, "POST", "/me/delegations", json=away))

    says(clinic, client, PREGNANT)

    told_by_mail(clinic, client, CHEN, lee)
    assert not [one for one in clinic.post.subjects(ruiz) if NEWS in one]
    road = f"/prescriptions/{signed}/health-review"
    no(clinic.call(ruiz, "GET", road), 404, "not_found")
    no(lets_go(clinic, ruiz, signed, WHY), 404, "not_found")
    assert ok(clinic.call(ruiz, "GET", "/health-news"))["items"] == []
    assert signed in [one["number"] for one in ok(clinic.call(lee, "GET", "/health-news"))["items"]]
    assert ok(clinic.call(lee, "GET", road))["news"][0]["rule"] == "SC-RETINOID-PREGNANCY"
    assert line_of(clinic, client, order) == ("paid", "on_hold")

    ok(lets_go(clinic, lee, signed, WHY))
    ok(ships(clinic, order))
    assert clinic.call(CHEN, "DELETE", f"/me/delegations/{named['id']}").status_code == 204
    no(clinic.call(lee, "GET", road), 404, "not_found")


def test_pregnancy_between_cart_and_payment(clinic: Clinic) -> None:
    """In the cart it is refused with words for her; what was placed is cancelled, late money back."""
    client = joins(clinic, people.alice, "unpaid@example.test")
    signed = a_prescription(clinic, client, TRETINOIN)
    puts(clinic, client, TRETINOIN)
    reads_the_leaflet(clinic, client, TRETINOIN)
    kept = free(clinic, TRETINOIN)
    order = ok(orders(clinic, client, TRETINOIN))["number"]
    url = ok(clinic.call(client, "POST", f"/orders/{order}/payment"))["url"]

    ok(clinic.call(client, "POST", "/me/chart", json=PREGNANT))
    # She has the provider's page open, and is quicker than our word to close it.
    assert clinic.visitor.pay(url).status == 303

    assert line_of(clinic, client, order) == ("cancelled", "cancelled")
    assert free(clinic, TRETINOIN) == kept
    late = clinic.call(client, "POST", f"/orders/{order}/payment")
    assert late.status_code == 409, late.text
    assert late.json["detail"]
    for event in clinic.pending():
        assert clinic.deliver(event["id"]) == "200"
    clinic.work()
    seen = ok(clinic.call(client, "GET", f"/orders/{order}"))
    assert (seen["status"], seen["payment"]["refunded_cents"]) == ("cancelled", seen["total_cents"])

    puts(clinic, client, TRETINOIN)
    (reason,) = gate(clinic, client, TRETINOIN)["reasons"]
    assert reason["code"] == "on_hold"
    assert "has looked at it again" in reason["text"]
    refused = no(orders(clinic, client, TRETINOIN), 422, "line_blocked")
    assert "has looked at it again" in refused["detail"]
    assert free(clinic, TRETINOIN) == kept

    ok(lets_go(clinic, CHEN, signed, WHY))
    order = ok(orders(clinic, client, TRETINOIN))["number"]
    pays(clinic, client, order)
    ok(ships(clinic, order))


def test_a_word_taken_back_lifts_nothing_until_somebody_has_looked(clinic: Clinic) -> None:
    client, signed, order = a_paid_order(clinic, "mistaken", TAZAROTENE)
    said = says(clinic, client, PREGNANT)
    end = {"ending": "entered_in_error"}
    ok(clinic.call(client, "POST", f"/me/chart/{said}/end", json=end))
    clinic.work()

    assert line_of(clinic, client, order) == ("paid", "on_hold")
    no(ships(clinic, order), 409, "nothing_to_ship")
    seen = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}/health-review"))
    assert (seen["held_for"], seen["news"]) == ("health_news", [])
    no(clinic.call(CHEN, "DELETE", f"/prescriptions/{signed}/hold"), 409, "news_not_reviewed")

    ok(lets_go(clinic, CHEN, signed, "She had chosen the wrong line, and is not pregnant."))
    ok(ships(clinic, order))


def test_what_was_written_past_the_doors_is_followed_by_the_worker(clinic: Clinic) -> None:
    """By an import, say, or a later version of the shop: the job is the net under every writer."""
    client, signed, order = a_paid_order(clinic, "import", TRETINOIN)
    puts(clinic, client, TRETINOIN)
    with clinic.app.app_context():
        act_as("system:import")
        her = db.session.scalars(sa.select(Person).where(Person.email == client)).one()
        charting.state(her, Pregnancy(PregnancyStatus.PREGNANT), by=her, at=now())
        db.session.commit()

    clinic.work()

    assert line_of(clinic, client, order) == ("paid", "on_hold")
    told_by_mail(clinic, client, CHEN)
    history = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed}"))["history"]
    assert history[-1]["kind"] == "prescription_held"
    ok(lets_go(clinic, CHEN, signed, WHY))
    ok(ships(clinic, order))
    everything_verifies(clinic)


# What they do.


def a_prescription(clinic: Clinic, client: str, sku: str) -> str:
    number = asks(clinic, client, sku)
    claims(clinic, CHEN, number)
    screened = ok(clinic.call(CHEN, "GET", f"/approval-requests/{number}"))["screening"]
    stops = {one["rule"] for one in screened if one["severity"] == "soft_stop"}
    why = [{"rule": rule, "reason": "I have read the label."} for rule in sorted(stops)]
    fresh(clinic, CHEN)
    return str(ok(signs(clinic, CHEN, number, overrides=why))["number"])


def a_paid_order(clinic: Clinic, name: str, sku: str) -> tuple[str, str, str]:
    """A client's address, her prescription, and her order that is paid."""
    client = joins(clinic, people.alice, f"{name}@example.test")
    signed = a_prescription(clinic, client, sku)
    puts(clinic, client, sku)
    reads_the_leaflet(clinic, client, sku)
    order = ok(orders(clinic, client, sku))["number"]
    pays(clinic, client, order)
    return client, signed, order


def says(clinic: Clinic, client: str, fact: dict[str, Any]) -> str:
    """She says it in her chart; the entry. What follows by mail follows, too."""
    entry = ok(clinic.call(client, "POST", "/me/chart", json=fact))["id"]
    clinic.work()
    return str(entry)


def lets_go(clinic: Clinic, who: str, number: str, reason: str) -> Any:
    said = {"reason": reason}
    return clinic.call(who, "POST", f"/prescriptions/{number}/health-review", json=said)


def line_of(clinic: Clinic, client: str, order: str) -> tuple[str, str]:
    seen = ok(clinic.call(client, "GET", f"/orders/{order}"))
    return seen["status"], seen["lines"][0]["status"]


def told_by_mail(clinic: Clinic, *addresses: str) -> None:
    """Each has one letter about it, and no letter says a medical word."""
    for address in addresses:
        assert [one for one in clinic.post.subjects(address) if NEWS in one]
    for letter in clinic.post.letters:
        text = letter.as_string().lower()
        assert not [word for word in MEDICAL if word in text], text
