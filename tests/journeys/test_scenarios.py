"""Golden scenarios over HTTP: what each person sees, what was recorded, and what did not move."""

from __future__ import annotations

import threading
from typing import Any

import sqlalchemy as sa

from shop.catalog.models import Variant
from shop.core.db import db
from shop.prescriptions.models import ApprovalRequest, Prescription
from tests import people
from tests.builders import a_cream, a_product, a_variant
from tests.journeys.conftest import Clinic
from tests.journeys.roads import (
    ALICE,
    CHEN,
    MONA,
    asks,
    claims,
    free,
    fresh,
    gate,
    joins,
    kinds,
    no,
    ok,
    on_the_shelf,
    orders,
    pays,
    puts,
    reads_the_leaflet,
    ships,
    signs,
)
from tests.prescriptions.test_checking import a_formula, hydroquinone, sulfite, tretinoin

WORDS = "This would irritate your skin now. Try the sunscreen first."


def a_sunscreen() -> Variant:
    return a_variant(a_product(name="Mineral Sunscreen"), cents=2900)


def test_a_mixed_cart_with_one_line_refused(clinic: Clinic) -> None:
    """The sunscreen is paid and shipped; the refused cream stays with the physician's words."""
    screen, cream = on_the_shelf(clinic, a_sunscreen), on_the_shelf(clinic, a_cream)
    puts(clinic, ALICE, screen)
    puts(clinic, ALICE, cream)
    number = asks(clinic, ALICE, cream)
    claims(clinic, CHEN, number)
    said = {"reason": "contraindicated", "message": WORDS, "note": "Suspects zoster."}
    ok(clinic.call(CHEN, "POST", f"/approval-requests/{number}/refusal", json=said))
    clinic.work()

    seen = ok(clinic.call(ALICE, "GET", f"/approval-requests/{number}"))
    assert (seen["status"], seen["refusal"]["message"]) == ("declined", WORDS)
    assert seen["refusal"]["note"] is None
    assert "zoster" not in str(seen)
    assert kinds(seen)[-1] == "request_declined"
    no(orders(clinic, ALICE, screen, cream), 422, "no_prescription")
    assert (free(clinic, screen), free(clinic, cream)) == (10, 10)

    order = ok(orders(clinic, ALICE, screen))
    pays(clinic, ALICE, order["number"])
    assert [one["sku"] for one in ok(ships(clinic, order["number"]))["lines"]] == [screen]
    assert gate(clinic, ALICE, cream)["decision"] == "needs_request"
    assert (free(clinic, screen), free(clinic, cream)) == (9, 10)
    letters = "".join(one.as_string() for one in clinic.post.letters)
    assert WORDS not in letters
    assert any("news about your request" in one for one in clinic.post.subjects(ALICE))


def test_a_lower_strength_is_accepted_at_a_new_price(clinic: Clinic) -> None:
    """She is shown both prices, and what changed in between is shown again before she accepts."""
    client = joins(clinic, people.alice, "lower@example.test")
    strong = on_the_shelf(clinic, lambda: a_formula(tretinoin(), name="Strong"))
    mild = on_the_shelf(clinic, lambda: a_formula(tretinoin(), name="Mild"))
    number = asks(clinic, client, strong)
    claims(clinic, CHEN, number)
    ok(signs(clinic, CHEN, number, sku=mild))

    road = f"/approval-requests/{number}"
    offer = ok(clinic.call(client, "GET", road))["offer"]
    assert (offer["sku"], offer["unit_price_cents"], offer["asked_unit_price_cents"]) == (
        mild,
        2400,
        2400,
    )
    ok(clinic.call(MONA, "PUT", f"/variants/{mild}/price", json={"cents": 3100}))
    old = {"expect_unit_cents": 2400}
    refused = no(clinic.call(client, "POST", f"{road}/acceptance", json=old), 409, "price_changed")
    assert refused["facts"]["unit_cents"] == 3100
    assert ok(clinic.call(client, "GET", road))["status"] == "pending_client"
    ok(clinic.call(client, "POST", f"{road}/acceptance", json={"expect_unit_cents": 3100}))

    puts(clinic, client, mild)
    reads_the_leaflet(clinic, client, mild)
    order = ok(orders(clinic, client, mild))
    assert order["lines"][0]["unit_price_cents"] == 3100
    pays(clinic, client, order["number"])
    ok(ships(clinic, order["number"]))
    assert (free(clinic, mild), free(clinic, strong)) == (9, 10)
    assert kinds(ok(clinic.call(CHEN, "GET", road)))[-1] == "request_changes_accepted"


def test_a_client_moves_to_where_her_prescriber_has_no_licence(clinic: Clinic) -> None:
    """The gate says so and what to do; the new request is for who is licensed there."""
    client = joins(clinic, people.alice, "moves@example.test")
    ruiz = joins(clinic, people.dr_chen, "dr.ruiz@example.test", name="Dr Ruiz", states=("TX",))
    cream = on_the_shelf(clinic, a_cream)
    number = asks(clinic, client, cream)
    claims(clinic, CHEN, number)
    ok(signs(clinic, CHEN, number))
    puts(clinic, client, cream)
    reads_the_leaflet(clinic, client, cream)

    assert ok(clinic.call(client, "PATCH", "/me", json={"state": "TX"}))["state"] == "TX"
    refused = orders(clinic, client, cream, state="TX")
    assert refused.status_code == 422, refused.text
    assert "covers CA, not TX" in refused.text
    assert "ask a physician for TX" in refused.text
    assert free(clinic, cream) == 10

    asked = asks(clinic, client, cream)  # for where she lives now
    road = f"/approval-requests/{asked}"
    seen = ok(clinic.call(client, "GET", road))
    assert seen["ship_to_state"] == "TX"
    assert clinic.call(CHEN, "GET", road).status_code == 404
    assert clinic.call(CHEN, "POST", f"{road}/claim").status_code == 404
    assert ok(clinic.call(ruiz, "GET", road))["status"] == seen["status"]


def test_two_brands_reach_the_cap_of_a_course(clinic: Clinic) -> None:
    """60 days of one brand and more of another: hard over 180 days, soft over 90, and kept."""
    client = joins(clinic, people.alice, "course@example.test")
    first, second = (
        on_the_shelf(clinic, lambda brand=brand: a_formula(hydroquinone(), name=brand))
        for brand in ("Fade A", "Fade B")
    )
    number = asks(clinic, client, first)
    claims(clinic, CHEN, number)
    ok(signs(clinic, CHEN, number, days_supply=60, fills=1))
    puts(clinic, client, first)
    reads_the_leaflet(clinic, client, first)
    order = ok(orders(clinic, client, first))
    pays(clinic, client, order["number"])
    ok(ships(clinic, order["number"]))

    number = asks(clinic, client, second)
    claims(clinic, CHEN, number)
    seen = ok(clinic.call(CHEN, "GET", f"/approval-requests/{number}"))
    told = {one["rule"]: one for one in seen["screening"]}
    assert any("60 days used" in by for by in told["SC-HYDROQUINONE-COURSE-REVIEW"]["fired_by"])
    hard = no(signs(clinic, CHEN, number, days_supply=60, fills=3), 422, "terms_refused")
    assert "SC-HYDROQUINONE-COURSE-LIMIT" in str(hard)
    soft = no(signs(clinic, CHEN, number, days_supply=60, fills=1), 422, "terms_refused")
    assert "SC-HYDROQUINONE-COURSE-CAP" in str(soft)
    rules = ("SC-HYDROQUINONE-COURSE-CAP", "SC-HYDROQUINONE-TWICE")
    why = [{"rule": rule, "reason": "The last month, then a pause."} for rule in rules]
    signed = ok(signs(clinic, CHEN, number, days_supply=60, fills=1, overrides=why))
    kept = ok(clinic.call(CHEN, "GET", f"/prescriptions/{signed['number']}/signature"))
    assert "SC-HYDROQUINONE-COURSE-CAP" in kept["document"]
    assert "The last month, then a pause." in kept["document"]


def test_an_allergy_hidden_behind_a_synonym(clinic: Clinic) -> None:
    """She writes E223; the label says sodium metabisulfite. Nobody can sign that."""
    client = joins(clinic, people.alice, "allergic@example.test")
    cream = on_the_shelf(clinic, lambda: a_formula(hydroquinone(), sulfite(), name="Fade C"))
    said = {"has_allergies": True, "allergies": "Something called E223, in dried apricots"}
    number = asks(clinic, client, cream, **said)
    claims(clinic, CHEN, number)
    seen = ok(clinic.call(CHEN, "GET", f"/approval-requests/{number}"))
    assert {one["rule"]: one["severity"] for one in seen["screening"]}["SC-ALLERGY"] == "hard_stop"
    why = [{"rule": "SC-ALLERGY", "reason": "She will be fine."}]
    no(signs(clinic, CHEN, number, fills=1, overrides=why), 422, "terms_refused")
    assert ok(clinic.call(client, "GET", f"/approval-requests/{number}"))["prescription"] is None


def test_two_physicians_at_once(clinic: Clinic) -> None:
    """One claims, one signs, and both pressing at once make exactly one record."""
    client = joins(clinic, people.alice, "two@example.test")
    lee = joins(clinic, people.dr_chen, "dr.lee@example.test", name="Dr Lee")
    number = asks(clinic, client, on_the_shelf(clinic, a_cream))
    road = f"/approval-requests/{number}"
    assert ok(clinic.call(lee, "GET", road))["status"] == "queued"
    fence = claims(clinic, CHEN, number)
    no(clinic.call(lee, "POST", f"{road}/claim"), 409, "already_claimed")
    assert clinic.call(CHEN, "DELETE", f"{road}/claim").status_code == 204
    later = claims(clinic, lee, number)
    assert later > fence
    no(signs(clinic, CHEN, number, claim=fence), 409, "claim_lost")

    fresh(clinic, CHEN)
    answers: list[Any] = []
    start = threading.Barrier(2)

    def press(who: str, claim: int) -> None:
        start.wait(timeout=30)
        answers.append((who, signs(clinic, who, number, claim=claim)))

    threads = [threading.Thread(target=press, args=one) for one in ((CHEN, fence), (lee, later))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [who for who, one in answers if one.status_code == 201] == [lee]
    with clinic.app.app_context():
        asked = ApprovalRequest.number == number
        query = sa.select(Prescription).join(Prescription.request).where(asked)
        assert len(db.session.scalars(query).all()) == 1
    told = clinic.call(CHEN, "POST", f"{road}/claim")
    assert told.status_code == 409, told.text
    assert (told.json["code"], told.json["facts"]["by"]) == ("already_decided", "Dr Lee")
    assert told.json["facts"]["at"]


def test_an_esthetician_may_only_propose(clinic: Clinic) -> None:
    """She asks for a client; every other door is closed and nothing moves."""
    eva = joins(clinic, people.eva, "eva@example.test")
    client = joins(clinic, people.alice, "hers@example.test")
    cream = on_the_shelf(clinic, a_cream)
    whose = ok(clinic.call(client, "GET", "/me"))["user"]["id"]
    wanted = {"sku": cream, "client": whose}
    number = ok(clinic.call(eva, "POST", "/approval-requests", json=wanted))["number"]
    road = f"/approval-requests/{number}"
    seen = ok(clinic.call(eva, "GET", road))
    assert (seen["answers"], seen["status"]) == ({}, "draft")
    for method, path in (
        ("PUT", f"/cart/lines/{cream}"),
        ("POST", "/orders"),
        ("PUT", f"{road}/answers"),
        ("POST", f"{road}/submission"),
        ("POST", f"{road}/answers"),
        ("POST", f"{road}/acceptance"),
        ("POST", f"{road}/claim"),
        ("POST", f"{road}/signature"),
        ("POST", f"{road}/refusal"),
        ("POST", "/prescriptions/R-NOTHING/renewal"),
        ("GET", "/prescriptions"),
    ):
        refused = clinic.call(eva, method, path, **({"json": {}} if method != "GET" else {}))
        assert refused.status_code == 403, (method, path, refused.text)
        assert refused.json["detail"]
    seen = ok(clinic.call(client, "GET", road))
    assert (seen["status"], kinds(seen)) == ("draft", ["request_started"])
    assert free(clinic, cream) == 10
