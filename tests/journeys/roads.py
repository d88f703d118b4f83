"""The roads that scenarios share, each over HTTP as its person would go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.accounts import passwords
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from tests import people
from tests.journeys.conftest import Clinic
from tests.prescriptions.builders import completed

ALICE, CHEN, SAM, MONA = (f"{name}@example.test" for name in ("alice", "dr.chen", "sam", "mona"))


def ok(answer: Any) -> Any:
    """The body of an answer that went through."""
    assert 200 <= answer.status_code < 300, answer.text
    return answer.json


def no(answer: Any, status: int, code: str) -> Any:
    """The body of a refusal, which is this one and says so in words."""
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.json["detail"]
    return answer.json


def joins(clinic: Clinic, who: Callable[..., Person], email: str, **given: Any) -> str:
    """Somebody more is there; her address."""
    with clinic.app.app_context():
        act_as("system:test")
        secret = passwords.hash_of(people.PASSWORD)
        who(email=email, password_hash=secret, email_confirmed_at=now(), **given)
        db.session.commit()
    return email


def on_the_shelf(clinic: Clinic, made: Callable[[], Variant], *, units: int = 10) -> str:
    """A product of the catalogue with a lot that Sam received and Mona released; its SKU."""
    with clinic.app.app_context():
        act_as("system:test")
        sku = made().sku
        db.session.commit()
    expires = datetime.now(UTC).date() + timedelta(days=500)
    line = {"sku": sku, "lot_number": "L1", "expires_on": str(expires), "quantity": units}
    for lot in ok(clinic.call(SAM, "POST", "/receipts", json={"lines": [line]}))["lots"]:
        if lot["status"] == "quarantine":
            ok(clinic.call(SAM, "POST", f"/lots/{lot['number']}/check", json={}))
            ok(clinic.call(MONA, "POST", f"/lots/{lot['number']}/release"))
    return sku


def asks(clinic: Clinic, who: str, sku: str, *, state: str | None = None, **said: Any) -> str:
    """She asks, answers and hands in; the request's number."""
    wanted = {"sku": sku} | ({"ship_to_state": state} if state else {})
    begun = ok(clinic.call(who, "POST", "/approval-requests", json=wanted))
    road = f"/approval-requests/{begun['number']}"
    answers = completed(begun["questionnaire"]["version"], **said)
    ok(clinic.call(who, "PUT", f"{road}/answers", json={"answers": answers}))
    ok(clinic.call(who, "POST", f"{road}/submission", json={"consent": True}))
    return str(begun["number"])


def claims(clinic: Clinic, who: str, number: str) -> int:
    """A physician takes it, and has just shown her password; the count of her claim."""
    claimed = ok(clinic.call(who, "POST", f"/approval-requests/{number}/claim"))
    fresh(clinic, who)
    return int(claimed["claim"]["claim"])


def fresh(clinic: Clinic, who: str) -> None:
    ok(clinic.call(who, "POST", "/session/fresh", json={"password": people.PASSWORD}))


def terms(**given: Any) -> dict[str, Any]:
    today = now().astimezone(UTC).date().isoformat()
    return {
        "quantity_per_fill": 1,
        "fills": 2,
        "days_supply": 30,
        "directions": "A pea-sized amount in the evening.",
        "indication": "As discussed",
        "examination": {"mode": "in_person", "date": today},
    } | given


def signs(clinic: Clinic, who: str, number: str, **given: Any) -> Any:
    """What she is answered when she signs; at the clinic's own time."""
    with clinic.app.app_context():
        said = terms(**given)
    return clinic.call(who, "POST", f"/approval-requests/{number}/signature", json=said)


def reads_the_leaflet(clinic: Clinic, who: str, sku: str) -> None:
    leaflet = gate(clinic, who, sku)["reasons"][0]["facts"]["leaflet"]
    ok(clinic.call(who, "POST", f"/me/leaflets/{leaflet}/acknowledgement"))


def puts(clinic: Clinic, who: str, sku: str) -> None:
    ok(clinic.call(who, "PUT", f"/cart/lines/{sku}", json={"quantity": 1}))


def gate(clinic: Clinic, who: str, sku: str) -> Any:
    """What her cart says of a line."""
    lines = ok(clinic.call(who, "GET", "/cart"))["lines"]
    return next(line["gate"] for line in lines if line["sku"] == sku)


def orders(clinic: Clinic, who: str, *skus: str, state: str = "CA") -> Any:
    zip_code = {"CA": "94607", "TX": "78701", "NV": "89501"}[state]
    address = {"name": "A Client", "line1": "12 Alder Street", "city": "Town", "state": state}
    wanted = {
        "shipping_address": address | {"postal_code": zip_code, "country": "US"},
        "shipping_method": "standard",
        "lines": list(skus),
    }
    return clinic.call(who, "POST", "/orders", json=wanted)


def pays(clinic: Clinic, who: str, number: str) -> None:
    url = ok(clinic.call(who, "POST", f"/orders/{number}/payment"))["url"]
    assert clinic.visitor.pay(url).status == 303
    for event in clinic.pending():
        assert clinic.deliver(event["id"]) == "200"
    clinic.work()


def packs(clinic: Clinic, number: str) -> None:
    """Scan what goes, and print its labels; an order that is not to be packed is left alone."""
    listed = clinic.call(SAM, "GET", f"/orders/{number}/picking-list")
    lines = listed.json["lines"] if listed.status_code == 200 else []
    for line in (one for one in lines if one["goes"]):
        for lot in line["lots"]:
            scan = {"item": line["sku"], "lot_number": lot["lot_number"], "units": lot["units"]}
            ok(clinic.call(SAM, "POST", f"/orders/{number}/picks", json=scan))
        if not line["labelled"]:
            label = clinic.call(SAM, "GET", f"/orders/{number}/lines/{line['sku']}/label")
            assert label.status_code == 200, label.text


def ships(clinic: Clinic, number: str) -> Any:
    packs(clinic, number)
    parcel = {"carrier": "UPS", "tracking": "1Z999AA10123456784"}
    shipped = clinic.call(SAM, "POST", f"/orders/{number}/shipments", json=parcel)
    clinic.work()
    return shipped


def free(clinic: Clinic, sku: str) -> int:
    return int(ok(clinic.call(SAM, "GET", f"/stock?sku={sku}"))["items"][0]["free"])


def kinds(seen: Any) -> list[str]:
    """The history that somebody is shown, as kinds."""
    return [entry["kind"] for entry in seen["history"]]
