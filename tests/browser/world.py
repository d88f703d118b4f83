"""What happens in the clinic beyond the demo's story, so that every door has a page behind it.

Told through the API as each person would, once; `Lived` says where it can be seen.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from shop.demo.story import SUNSCREEN, TRETINOIN
from tests.browser.clinic import ALICE, BOB, CHEN, MONA, PASSWORD, SAM, Clinic
from tests.prescriptions.builders import completed

DIRECTIONS = {"name": "Evening", "directions": "A pea-sized amount."}
HYDROQUINONE = "62032-101-36"
DISPUTED = "4000 0000 0000 0259"
FINE = "4242 4242 4242 4242"
ADDRESS = {
    "name": "Nora Field",
    "line1": "7 Elm Street",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
    "country": "US",
}


@dataclass(frozen=True)
class Lived:
    """Numbers and names of what happened."""

    nora: str  # her mail address: somebody with a prescription that health news holds
    alice_id: str
    chen_id: str
    shipped: str  # Alice's order that has left
    disputed_order: str
    dispute: str
    drawer: str
    recall: str
    reaction: str
    count: str
    asked_return: str
    taken_return: str
    held: str  # Nora's prescription
    mistaken: str  # a prescription that is reported as signed in error
    covered: str  # Alice's prescription
    words: str  # Dr Chen's template of directions
    sheet: str  # a supplier's file that Mona has handed in and not tried yet
    draft: str  # a request of Alice's that she has not handed in
    claimed: str  # a request that Dr Chen has taken
    decided: str  # one that Dr Chen signed


def lived(clinic: Clinic) -> Lived:
    """Tell it."""
    nora = joins(clinic, someone("nora"), "Nora Field")
    skus = {pack: sku_of(clinic, pack) for pack in (SUNSCREEN, TRETINOIN)}
    decided, held = signed(clinic, nora, skus[TRETINOIN])
    _says_she_is_pregnant(clinic, nora)
    olga = joins(clinic, someone("olga"), "Olga Marsh")
    _, mistaken = signed(clinic, olga, skus[TRETINOIN])
    clinic.call(
        CHEN, "POST", f"/prescriptions/{mistaken}/error-report", json={"reason": "Wrong client."}
    )
    paul = joins(clinic, someone("paul"), "Paul Reed")
    claimed = asks(clinic, paul, skus[TRETINOIN])
    clinic.call(CHEN, "POST", f"/approval-requests/{claimed}/claim")
    disputed = ordered(clinic, nora, skus[SUNSCREEN])
    paid(clinic, nora, disputed, card=DISPUTED)
    shipped = next(
        one["number"] for one in clinic.call(ALICE, "GET", "/orders")["items"] if one["shipments"]
    )
    clinic.call(ALICE, "PUT", f"/cart/lines/{skus[SUNSCREEN]}", json={"quantity": 1})
    people = clinic.call(SAM, "GET", "/clients?q=alice@example.test")["items"]
    staff = clinic.call(MONA, "GET", "/people")["items"]
    return Lived(
        nora=nora,
        alice_id=people[0]["id"],
        chen_id=next(one["id"] for one in staff if one["email"] == CHEN),
        shipped=shipped,
        disputed_order=disputed,
        dispute=_dispute(clinic),
        drawer=_drawer(clinic),
        **_came_back(clinic, shipped, skus[SUNSCREEN]),
        count=clinic.call(SAM, "POST", "/counts", json={"location": "SHELF"})["number"],
        held=held,
        words=clinic.call(CHEN, "POST", "/directions-templates", json=DIRECTIONS)["id"],
        covered=clinic.call(ALICE, "GET", "/prescriptions")["items"][0]["number"],
        sheet=_handed_in(clinic),
        draft=_begun(clinic, ALICE, sku_of(clinic, HYDROQUINONE)),
        mistaken=mistaken,
        claimed=claimed,
        decided=decided,
    )


def someone(name: str) -> str:
    """A mail address that nobody has yet."""
    return f"{name}.{uuid.uuid4().hex[:4]}@example.test"


def joins(clinic: Clinic, email: str, name: str, state: str = "CA") -> str:
    """A client more, with a confirmed address; tells it."""
    account = {
        "email": email,
        "password": PASSWORD,
        "name": name,
        "birth_date": "1990-05-05",
        "state": state,
    }
    clinic.call("", "POST", "/accounts", json=account)
    link = clinic.link_for(email, "/confirm/")
    secret = urlsplit(link).path.rpartition("/")[2]
    clinic.call("", "POST", "/accounts/confirmation", json={"secret": secret})
    return email


def asks(clinic: Clinic, who: str, sku: str) -> str:
    """She asks and hands in; the request's number."""
    begun = clinic.call(who, "POST", "/approval-requests", json={"sku": sku})
    road = f"/approval-requests/{begun['number']}"
    answers = completed(begun["questionnaire"]["version"])
    clinic.call(who, "PUT", f"{road}/answers", json={"answers": answers})
    clinic.call(who, "POST", f"{road}/submission", json={"consent": True})
    return str(begun["number"])


def _handed_in(clinic: Clinic) -> str:
    """A file of two rows; where its page is."""
    answer = requests.post(
        f"{clinic.url}/manage/imports",
        headers={"Authorization": f"Bearer {clinic.token(MONA)}"},
        data={"source": "csv"},
        files={"file": ("acme.csv", b"name,brand\nA calm cream,Acme\nA mild wash,Acme\n")},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["Location"]).path


def _begun(clinic: Clinic, who: str, sku: str) -> str:
    return str(clinic.call(who, "POST", "/approval-requests", json={"sku": sku})["number"])


def signed(clinic: Clinic, who: str, sku: str) -> tuple[str, str]:
    """She asks, Dr Chen signs: the numbers of request and prescription."""
    number = asks(clinic, who, sku)
    clinic.call(CHEN, "POST", f"/approval-requests/{number}/claim")
    clinic.call(CHEN, "POST", "/session/fresh", json={"password": PASSWORD})
    terms: dict[str, Any] = {
        "quantity_per_fill": 1,
        "fills": 2,
        "days_supply": 30,
        "directions": "A pea-sized amount in the evening.",
        "indication": "Acne",
        "examination": {"mode": "in_person", "date": yesterday()},
    }
    said = clinic.call(CHEN, "POST", f"/approval-requests/{number}/signature", json=terms)
    return number, str(said["number"])


def ordered(clinic: Clinic, who: str, *skus: str, quantity: int = 1) -> str:
    """She orders these; the order's number."""
    for sku in skus:
        clinic.call(who, "PUT", f"/cart/lines/{sku}", json={"quantity": quantity})
    wanted = {"shipping_address": ADDRESS, "shipping_method": "standard", "lines": list(skus)}
    return str(clinic.call(who, "POST", "/orders", json=wanted)["number"])


def paid(clinic: Clinic, who: str, number: str, *, card: str = FINE) -> None:
    """She pays on the provider's page, and the shop knows."""
    url = clinic.call(who, "POST", f"/orders/{number}/payment")["url"]
    typed = {"number": card, "exp": "12/34", "cvc": "123", "name": "Nora Field"}
    assert requests.post(url, data=typed, timeout=30, allow_redirects=False).status_code == 303
    clinic.wait(
        lambda: clinic.call(who, "GET", f"/orders/{number}")["status"] == "paid",
        f"Order {number} was not settled.",
    )


def yesterday() -> str:
    """A day that is over in the clinic's zone, too."""
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def sku_of(clinic: Clinic, pack: str) -> str:
    """The SKU of the pack with this NDC."""
    found = clinic.call("", "GET", f"/products?q={pack}")["items"][0]
    packs = clinic.call("", "GET", f"/products/{found['slug']}")["variants"]
    return str(packs[0]["sku"])


def _says_she_is_pregnant(clinic: Clinic, who: str) -> None:
    fact = {"pregnancy": {"status": "pregnant"}}
    clinic.call(who, "POST", "/me/chart", json=fact)


def _dispute(clinic: Clinic) -> str:
    def there() -> bool:
        return bool(clinic.call(SAM, "GET", "/disputes")["items"])

    clinic.wait(there, "No dispute came.")
    return str(clinic.call(SAM, "GET", "/disputes")["items"][0]["id"])


def _drawer(clinic: Clinic) -> str:
    cash = [{"denomination_cents": 20_00, "pieces": 5}]
    opened = {"register": "Front desk", "cash": cash}
    return str(clinic.call(SAM, "POST", "/desk/drawers", json=opened)["number"])


def _came_back(clinic: Clinic, order: str, sku: str) -> dict[str, str]:
    """Of a pack that left: asked to return, taken back, reacted to, and its lot recalled."""
    asked = clinic.call(
        ALICE,
        "POST",
        f"/orders/{order}/return-requests",
        json={"lines": [{"sku": sku, "units": 1}], "reason": "damaged", "words": "It leaks."},
    )["number"]
    stock = clinic.call(SAM, "GET", f"/stock?sku={sku}")["items"][0]["lots"]
    lot = stock[0]["number"]
    clinic.call(SAM, "POST", f"/return-requests/{asked}/authorisation")
    taken = clinic.call(
        SAM,
        "POST",
        f"/orders/{order}/returns",
        json={"lot": lot, "units": 1, "reason": "damaged", "request": asked},
    )["number"]
    reaction = clinic.call(
        SAM,
        "POST",
        "/reactions",
        json={
            "email": BOB,
            "sku": sku,
            "what": "A red, itching cheek for a day.",
            "outcomes": [],
            "told_by": "client",
            "received_on": yesterday(),
        },
    )["number"]
    recall = clinic.call(
        SAM,
        "POST",
        "/recalls",
        json={
            "lots": [lot],
            "source": "maker",
            "hazard_class": "III",
            "reason": "A cap that does not close.",
            "instructions": "Do not use it. Bring it back.",
        },
    )["number"]
    clinic.call(SAM, "POST", f"/recalls/{recall}/list")
    clinic.wait(
        lambda: clinic.call(SAM, "GET", f"/recalls/{recall}")["status"] != "open",
        "Nobody was listed.",
    )
    clinic.call(MONA, "POST", f"/recalls/{recall}/notification")
    return {"asked_return": asked, "taken_return": taken, "reaction": reaction, "recall": recall}
