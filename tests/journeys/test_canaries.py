"""What is medical, or tells who and what, stays here: never at the provider, in a subject or a log.

Words that stand nowhere else are planted wherever a person can write or a thing can be named. Then
the whole main road is gone: ask, sign, place, pay, ship, cancel, refund, and a refund that fails.
Every byte that the provider is sent, every letter's subject and every line that is logged is kept
and looked through, in whatever way it was written on the wire.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
import structlog

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Variant
from shop.core.db import act_as, db
from shop.payments.sandbox import cards, in_process
from shop.treatments import procedures
from tests import people
from tests.builders import a_known_active, a_product, a_variant
from tests.journeys.conftest import Clinic
from tests.journeys.roads import (
    CHEN,
    asks,
    claims,
    joins,
    ok,
    on_the_shelf,
    orders,
    pays,
    puts,
    reads_the_leaflet,
    ships,
    signs,
)
from tests.treatments.builders import (
    a_booked_session,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)

CLIENT = "canaries@example.test"
PLANTED = {
    "cream": "Zinnwald Cream",
    "its pack": "Zinnwald thirty grams",
    "soap": "Quastel Soap",
    "an answer": "Pfefferfink",
    "another answer": "Grauammer",
    "directions": "Heidelerche",
    "indication": "Steinrotel",
    "goal of a plan": "Blaukehlchen",
    "her name": "Zenobia Quillfeather",
}
# And what the treatments are called, as her plan names them.
PROCEDURES = {"superficial_peel"}


def canaries() -> list[str]:
    named = [procedures.library()[code].name for code in PROCEDURES]
    return [*PLANTED.values(), *named, *PROCEDURES]


@dataclass
class Heard:
    """What came out of the shop."""

    provider: list[bytes] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def leaks(self) -> list[str]:
        """Where a canary stands, as it is or in an encoding of forms, JSON, base64."""
        where: dict[str, list[str]] = {
            "provider": [each.decode("utf-8", "replace") for each in self.provider],
            "subject": self.subjects,
            "log": self.logged,
        }
        return [
            f"{place}: {word}"
            for place, texts in where.items()
            for word in canaries()
            if any(_in(word, text) for text in texts)
        ]


def _in(word: str, text: str) -> bool:
    read = unquote_plus(text).casefold()
    forms = {word, json.dumps(word)[1:-1], base64.b64encode(word.encode()).decode().rstrip("=")}
    return any(form.casefold() in read for form in forms)


@pytest.fixture
def heard(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Heard]:
    """Listens at all three doors from now on."""
    found = Heard()
    send = in_process._Adapter.send

    def listening(self: Any, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        body = request.body or b""
        head = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
        sent = f"{request.method} {request.path_url}\n{head}\n".encode()
        found.provider.append(sent + (body.encode() if isinstance(body, str) else body))
        return send(self, request, **how)

    class Lines:
        """Where structlog prints."""

        def msg(self, message: str) -> None:
            found.logged.append(message)

        log = debug = info = warning = warn = error = critical = exception = fatal = msg

    monkeypatch.setattr(in_process._Adapter, "send", listening)
    before = structlog.get_config()["logger_factory"]
    structlog.configure(logger_factory=lambda *_: Lines())
    caplog.set_level(logging.DEBUG)
    clinic.post.letters.clear()
    yield found
    structlog.configure(logger_factory=before)


def at_the_end(heard: Heard, clinic: Clinic, caplog: pytest.LogCaptureFixture) -> Heard:
    heard.subjects += [str(letter["Subject"]) for letter in clinic.post.letters]
    # The test's own mail server tells the letters line by line; the shop does not.
    heard.logged += [one.getMessage() for one in caplog.records if one.name != "mail.log"]
    return heard


def a_zinnwald_cream() -> Variant:
    product = a_product(LegalClass.RX, name=PLANTED["cream"])
    a_known_active(product)
    return a_variant(product, cents=6200, name=PLANTED["its pack"])


def a_quastel_soap() -> Variant:
    return a_variant(a_product(name=PLANTED["soap"]), cents=2900)


def planned(clinic: Clinic) -> None:
    """Her plan names a procedure and says what it is for."""
    with clinic.app.app_context():
        act_as("system:test")
        client = db.session.query(Person).filter_by(email=CLIENT).one()
        plan = an_active_plan(client, a_step(starts=in_days(40)), by=licensed_eva())
        a_booked_session(plan)
        db.session.commit()


def the_main_road(clinic: Clinic) -> str:
    """The number of the order whose money went back, and came again."""
    joins(clinic, people.alice, CLIENT, name=PLANTED["her name"])
    planned(clinic)
    cream, soap = on_the_shelf(clinic, a_zinnwald_cream), on_the_shelf(clinic, a_quastel_soap)
    puts(clinic, CLIENT, cream)
    said = {"goal": PLANTED["an answer"], "used_before_result": PLANTED["another answer"]}
    number = asks(clinic, CLIENT, cream, **said)
    clinic.work()
    claims(clinic, CHEN, number)
    terms = {"directions": PLANTED["directions"], "indication": PLANTED["indication"]}
    ok(signs(clinic, CHEN, number, **terms))
    clinic.work()
    reads_the_leaflet(clinic, CLIENT, cream)
    order = ok(orders(clinic, CLIENT, cream))
    pays(clinic, CLIENT, order["number"])
    ok(ships(clinic, order["number"]))
    return sent_back(clinic, soap)


def sent_back(clinic: Clinic, soap: str) -> str:
    puts(clinic, CLIENT, soap)
    number: str = ok(orders(clinic, CLIENT, soap))["number"]
    page = ok(clinic.call(CLIENT, "POST", f"/orders/{number}/payment"))["url"]
    assert clinic.visitor.pay(page, number=cards.REFUND_FAILS).status == 303
    told(clinic)
    ok(clinic.call(CLIENT, "POST", f"/orders/{number}/cancellation"))
    clinic.work()
    told(clinic)
    answer = clinic.sandbox_client.get("/_sandbox/events").get_json()
    [refund] = {one["object_id"] for one in answer["items"] if one["object"] == "refund"}
    clinic.sandbox_client.post(f"/_sandbox/refunds/{refund}", json={"status": "failed"})
    told(clinic)
    return number


def told(clinic: Clinic) -> None:
    for event in clinic.pending():
        assert clinic.deliver(event["id"]) == "200"
    clinic.work()


def test_no_canary_is_heard_outside(
    clinic: Clinic, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    number = the_main_road(clinic)

    at_the_end(heard, clinic, caplog)

    assert heard.leaks() == []
    sent = b"".join(heard.provider)
    assert number.encode() in sent  # it was listened at the right door
    assert {b"/v1/refunds", b"/v1/checkout/sessions"} <= {
        path for path in (b"/v1/refunds", b"/v1/checkout/sessions") if path in sent
    }
    assert len(heard.subjects) >= 4
    assert any("refund_failed" in line for line in heard.logged)


def test_each_door_is_listened_at(
    clinic: Clinic, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """Planted: the name of a cream towards the provider, a goal in a subject, an answer in a log."""
    gateway = clinic.app.extensions["gateway"]
    gateway.refunds_of(PLANTED["cream"])
    letter = type("Letter", (dict,), {})(Subject=f"News of {PLANTED['goal of a plan']}")
    clinic.post.letters.append(letter)
    structlog.get_logger().error("oops", answer=PLANTED["an answer"])
    logging.getLogger("shop").warning("Said %s", PLANTED["directions"])

    assert at_the_end(heard, clinic, caplog).leaks() == [
        f"provider: {PLANTED['cream']}",
        f"subject: {PLANTED['goal of a plan']}",
        f"log: {PLANTED['cream']}",  # the provider's library says what it sends
        f"log: {PLANTED['an answer']}",
        f"log: {PLANTED['directions']}",
    ]
