"""Which class is paid on which route: permissions as data, and what rests on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.catalog.models import LegalClass
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.merchant import choosing, jobs, permitting, queries
from shop.merchant.errors import PermissionEnded, PermissionRefused, RouteClosed
from shop.merchant.models import MerchantPermission
from shop.merchant.routes import ROUTES, Route
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.orders import queries as orders
from shop.payments import charging, settling
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.payments.orders_to_pay import SHOP, a_cream_order, an_order, begun
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, mona, sam
from tests.permissions import stop
from tests.prescriptions.builders import a_prescription
from tests.tills.programs import Sheets, a_program


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def today() -> Any:
    return queries.today(now())


def a_permission(legal_class: LegalClass = LegalClass.RX, **given: Any) -> MerchantPermission:
    fields = {
        "document": "LEGIT-4711",
        "valid_from": today(),
        "valid_until": today() + timedelta(days=30),
        "by": mona(),
        "at": now(),
    }
    return permitting.permit(Route.ONLINE, legal_class, **(fields | given))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no document": ({"document": "  "}, "document"),
    "a document without end": ({"document": "x" * 81}, "document"),
    "an end before its beginning": ({"valid_until": None}, "valid_until"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_permission_is_not_written_down(case: str) -> None:
    fields, field = WRONG[case]
    before = len(queries.permissions())
    if "valid_until" in fields:
        fields = {"valid_until": today()}
    with pytest.raises(PermissionRefused) as refused:
        a_permission(**fields)
    assert set(refused.value.fields) == {field}
    assert len(queries.permissions()) == before


def test_the_desk_asks_nobody_and_what_the_clinic_uses_is_not_sold() -> None:
    terms = {"document": "X", "valid_from": today(), "valid_until": today() + timedelta(days=1)}
    with pytest.raises(PermissionRefused) as refused:
        permitting.permit(Route.DESK, LegalClass.CLINIC_USE, **terms, by=mona(), at=now())
    assert set(refused.value.fields) == {"route", "legal_class"}


DAYS = {
    "the day before": (2, False),
    "the first day": (3, True),
    "the last day": (29, True),
    "the day after": (30, False),
}


@pytest.mark.parametrize("case", DAYS)
def test_it_counts_from_its_first_day_until_its_last(case: str) -> None:
    """Here and in PostgreSQL."""
    days, counts = DAYS[case]
    stop(LegalClass.RX)
    one = a_permission(valid_from=today() + timedelta(days=3))
    at = now() + timedelta(days=days)

    assert one.in_force(queries.today(at)) is counts
    assert (LegalClass.RX in queries.permitted(Route.ONLINE, [LegalClass.RX], at=at)) is counts
    assert db.session.scalar(sa.select(sa.func.may_be_paid_online("rx", at))) is counts


def test_it_is_ended_once_on_a_day_to_come() -> None:
    one, manager = a_permission(), mona()
    for on in (today() - timedelta(days=1), one.valid_until + timedelta(days=1)):
        with pytest.raises(PermissionRefused):
            permitting.end(one, on=on, by=manager, at=now())
    permitting.end(one, on=today(), by=manager, at=now())
    with pytest.raises(PermissionEnded):
        permitting.end(one, on=today(), by=manager, at=now())
    told = [event.kind for event in events.of(one.id)]
    assert told == ["merchant_permission_recorded", "merchant_permission_ended"]


# What rests on it.


def test_an_order_waits_as_long_as_its_route() -> None:
    soap = a_variant()
    a_lot(soap)
    for route in Route:
        order = placed(alice(), {soap: 1}, payment_route=route)
        waits = order.pay_by - order.placed_at
        assert abs(waits - ROUTES[route].time_to_pay) < timedelta(seconds=5)
        assert order.payment_route is route


def test_what_is_barred_online_is_placed_for_the_desk() -> None:
    client, cream = alice(), a_cream()
    a_lot(cream)
    a_prescription(client, cream)
    stop(LegalClass.RX)

    with pytest.raises(RouteClosed) as refused:
        placed(client, {cream: 1})
    db.session.rollback()

    assert refused.value.facts == {"route": "online", "classes": ["rx"], "open": ["desk"]}
    assert "desk" in refused.value.fields["payment_route"][0]
    order = placed(client, {cream: 1}, payment_route=Route.DESK)
    assert order.payment_route is Route.DESK


def test_no_page_is_begun_once_the_permission_is_over() -> None:
    order, _ = a_cream_order()
    begun(order)
    stop(LegalClass.RX)
    with pytest.raises(RouteClosed):
        begun(order)  # nobody is sent to the page that is open, either
    other = an_order()
    assert begun(other).page_ends_at is not None


def test_no_saved_card_is_charged_without_it() -> None:
    order, _ = a_cream_order()
    card = a_saved_card(order.client)
    stop(LegalClass.RX)
    with pytest.raises(RouteClosed):
        charging.charge(orders.locked_order(order.id), card, at=now())


def test_an_order_placed_for_the_desk_may_be_paid_online_where_that_is_permitted() -> None:
    soap = a_variant()
    a_lot(soap)
    order = placed(alice(), {soap: 1}, payment_route=Route.DESK)
    payment = settling.begin(
        orders.locked_order(order.id), by=order.client, at=now(), base_url=SHOP
    )
    assert payment.tender is None


def test_the_choices_say_why_not() -> None:
    stop(LegalClass.RX, LegalClass.RX_UNAPPROVED)
    classes = {LegalClass.COSMETIC, LegalClass.RX, LegalClass.RX_UNAPPROVED}
    online, desk = choosing.choices(classes, at=now())
    assert (online.open, desk.open) == (False, True)
    assert online.barred == (LegalClass.RX, LegalClass.RX_UNAPPROVED)
    assert "prescription products" in online.why
    assert choosing.choice(Route.ONLINE, set(), at=now()).open


# Warnings.


def test_managers_are_told_once_at_each_step() -> None:
    stop()
    manager = mona()
    a_permission(valid_until=today() + timedelta(days=20))
    renewed = a_permission(LegalClass.COSMETIC, valid_until=today() + timedelta(days=5))
    a_permission(LegalClass.COSMETIC, valid_from=renewed.valid_until)
    sam()
    db.session.commit()

    for _ in range(2):
        jobs.tell_of_ending_permissions()

    ending = db.session.scalars(
        sa.select(Event).where(Event.kind == Kind.MERCHANT_PERMISSION_ENDING)
    ).all()
    assert [event.facts["step"] for event in ending] == [30]  # what begins later is told of later
    for event in ending:
        for _ in range(2):
            reactions.react(subject_id=str(event.subject_id), seq=event.seq)
    told = db.session.scalars(
        sa.select(Letter).where(
            Letter.template == Template.PAYMENT_PERMISSION_ENDING,
            Letter.recipient_id == manager.id,
        )
    ).all()
    assert len(told) == 1
    message = letters.compose(told[0], at=now())
    assert message["Subject"] == "A permission to take payments ends soon"
    assert "LEGIT-4711" not in message.as_string()


# Over HTTP.


def test_a_manager_records_and_ends_one_over_http(app: Flask) -> None:
    program = a_program(app, mona())
    given = {
        "legal_class": "rx",
        "document": "NABP-77",
        "valid_from": today().isoformat(),
        "valid_until": (today() + timedelta(days=9)).isoformat(),
    }

    made = program.post("/api/v1/payment-permissions", json=given)
    assert made.status_code == 201, made.json
    path = f"/api/v1/payment-permissions/{made.json['id']}/end"
    ended = program.post(path, json={"ended_on": today().isoformat()})

    assert ended.json["ended_on"] == today().isoformat()
    listed = program.get("/api/v1/payment-permissions").json["items"]
    assert made.json["id"] in {one["id"] for one in listed}
    assert program.post(path, json={"ended_on": today().isoformat()}).status_code == 409
    bad = program.post("/api/v1/payment-permissions", json=given | {"valid_until": "2000-01-01"})
    assert (bad.status_code, bad.json["code"]) == (422, "permission_refused")


def test_the_page_says_what_is_not_paid_online(app: Flask) -> None:
    manager = mona()
    stop(LegalClass.RX, by=manager)
    browser = Sheets(app, manager)

    page = browser.get("/manage/payment-permissions")
    assert "Not paid online today: prescription products." in page
    assert "The permissions of this demo clinic are invented." in page
    wrong = browser.post("/manage/payment-permissions", legal_class="rx")
    assert wrong.status_code == 422
    assert "This is missing." in wrong.text


def test_the_cart_and_the_checkout_say_how_to_pay(app: Flask) -> None:
    client, cream = alice(), a_cream()
    a_lot(cream)
    a_prescription(client, cream)
    sku = cream.sku
    stop(LegalClass.RX)
    browser = Sheets(app, client)
    browser.post("/cart/lines", sku=sku, quantity="1")

    assert "do not let us take online payment" in browser.get("/cart")
    page = browser.get("/checkout")
    assert 'value="desk" checked' in page
    form = {
        "lines": sku,
        "name": "Alice Moreno",
        "line1": "12 Grove St",
        "city": "Oakland",
        "state": "CA",
        "postal_code": "94607",
        "shipping_method": "pickup",
        "do": "place",
    }
    refused = browser.post("/checkout", **form, payment_route="online")
    assert refused.status_code == 422
    assert "Order it and pay at the clinic" in refused.text
    answer = browser.post("/checkout", **form, payment_route="desk")
    assert answer.status_code == 303
    order = browser.get(answer.headers["Location"])
    assert "at the clinic's desk" in order or "at the clinic&#39;s desk" in order
    assert f'action="{answer.headers["Location"]}/payment"' not in order
