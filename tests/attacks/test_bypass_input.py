"""Bypasses that are typed: prices, quantities, changed and repeated orders, other people's roads.

Each is refused on every road that takes it, and nothing is written; where a form or a body has no
place for it, it is refused as unknown, or (on a page) not read: the order is at the listed price.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest

from shop.accounts.models import Role
from tests.attacks import bypass, bypass_sql
from tests.attacks.attack import APP
from tests.attacks.bypass import PARCEL, UNITS, Caller, Desk, Scene
from tests.invariants import broken

CENTS = 6200
TOTAL = CENTS + 695  # one tube, standard shipping; prescription drugs bear no tax in California
FARTHEST = 2**63


@pytest.fixture(scope="module")
def cream(desk: Desk) -> Scene:
    """One scene whose refusals change nothing, for all who are refused."""
    scene = desk.scene()
    desk.wished(scene)
    scene.client.browser.look("/cart")
    return scene


@pytest.fixture(scope="module")
def waiting(desk: Desk) -> Scene:
    """The same, with an order that waits for its money."""
    scene = desk.scene()
    scene.client.browser.look("/cart")
    desk.placed(scene)
    return scene


@pytest.fixture(scope="module")
def ready(desk: Desk) -> Scene:
    """The same, with an order that is paid."""
    scene = desk.scene()
    scene.client.browser.look("/cart")
    desk.paid(scene)
    return scene


def unchanged(desk: Desk, act: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """What an act answers that must write nothing."""
    before = desk.fingerprint()
    answer = act(*args, **given)
    assert desk.fingerprint() == before, f"{answer}: something was written"
    return answer


# What no field can say: prices, other people, prescriptions, states.

UNASKED: dict[str, Any] = {
    "unit_price_cents": 1,
    "price_id": str(uuid.uuid4()),
    "discount_cents": CENTS,
    "tax_cents": 0,
    "total_cents": 50,
    "currency": "jpy",
    "client": str(uuid.uuid4()),
    "client_id": str(uuid.uuid4()),
    "by": str(uuid.uuid4()),
    "prescription": "RX-00000000",
    "fill_id": str(uuid.uuid4()),
    "requires_prescription": False,
    "doctor_only": False,
    "ship_to_state": "NV",
    "status": "paid",
    "amount_cents": 1,
    "override": True,
}


@pytest.mark.parametrize("name", UNASKED)
def test_what_no_field_can_say(
    desk: Desk, cream: Scene, waiting: Scene, ready: Scene, name: str
) -> None:
    more = {name: UNASKED[name]}
    here, paying, shipping = cream.client, waiting.client, f"/orders/{ready.order}/shipments"
    asked: dict[str, Callable[[], Any]] = {
        "cart": lambda: here.call("PUT", f"/cart/lines/{cream.sku}", {"quantity": 1} | more),
        "place": lambda: here.call("POST", "/orders", cream.wanted | more),
        "address": lambda: here.call(
            "POST", "/orders", cream.wanted | {"shipping_address": cream.address | more}
        ),
        "pay": lambda: paying.call("POST", f"/orders/{waiting.order}/payment", more),
        "cancel": lambda: paying.call("POST", f"/orders/{waiting.order}/cancellation", more),
        "ship": lambda: desk.sam.call("POST", shipping, PARCEL | more),
    }
    for road, ask in asked.items():
        answer = unchanged(desk, ask)
        assert answer.status_code == 422, (road, answer.text)
        (field,) = answer.json["errors"]
        assert field.rpartition(".")[2] == name, road


@pytest.mark.parametrize("name", UNASKED)
def test_what_no_query_can_say(
    desk: Desk, cream: Scene, waiting: Scene, ready: Scene, name: str
) -> None:
    asked: tuple[tuple[Caller, str, str, Any], ...] = (
        (cream.client, "PUT", f"/cart/lines/{cream.sku}", {"quantity": 1}),
        (cream.client, "POST", "/orders", cream.wanted),
        (waiting.client, "POST", f"/orders/{waiting.order}/payment", None),
        (desk.sam, "GET", f"/orders/{ready.order}/picking-list", None),
        (desk.sam, "POST", f"/orders/{ready.order}/shipments", PARCEL),
    )
    for caller, method, road, body in asked:
        path = f"{road}?{name}={UNASKED[name]}"
        answer = unchanged(desk, caller.call, method, path, body)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [name]), road


def test_a_line_is_a_word_and_carries_nothing(desk: Desk, cream: Scene) -> None:
    for line in ({"sku": cream.sku, "unit_price_cents": 1}, [cream.sku, 1], 1, None):
        body = cream.wanted | {"lines": [line]}
        answer = unchanged(desk, cream.client.call, "POST", "/orders", body)
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["lines.0"])


def test_a_price_of_her_own_is_a_conflict(desk: Desk, cream: Scene) -> None:
    """The one amount that may be sent is what she was shown; another is refused."""
    for cents in (50, TOTAL - 1, TOTAL + 1):
        body = cream.wanted | {"expect_total_cents": cents}
        answer = unchanged(desk, cream.client.call, "POST", "/orders", body)
        assert (answer.status_code, answer.json["code"]) == (409, "price_changed")
        typed = cream.address | {"shipping_method": "standard", "lines": cream.sku, "do": "place"}
        page = unchanged(
            desk,
            cream.client.browser.send,
            "/checkout",
            **typed,
            expect_total_cents=str(cents),
        )
        assert page.status_code == 409
        assert "The total is now $" in page.text


def test_a_page_reads_only_what_its_form_has(desk: Desk) -> None:
    """Typed into the page's form, the same names change nothing of what she orders and pays."""
    scene = desk.scene()
    browser = scene.client.browser
    more = {name: str(value) for name, value in UNASKED.items()}
    browser.look(f"/products/{scene.slug}")
    browser.send("/cart/lines", sku=scene.sku, quantity="1", **more)
    browser.look("/checkout")
    typed = scene.address | {"shipping_method": "standard", "lines": scene.sku, "do": "place"}
    placed = browser.send("/checkout", **typed, **more)
    assert placed.status_code == 303, placed.text
    desk.note(scene)
    browser.look(f"/orders/{scene.order}")
    assert browser.send(f"/orders/{scene.order}/payment", **more).status_code == 303
    order = scene.client.done("GET", f"/orders/{scene.order}")
    (line,) = order["lines"]
    assert (line["unit_price_cents"], line["total_cents"], line["quantity"]) == (CENTS, CENTS, 1)
    assert (order["total_cents"], order["discount_cents"], order["currency"]) == (TOTAL, 0, "usd")
    assert (order["status"], order["shipping_address"]["state"]) == ("awaiting_payment", "CA")
    assert line["prescription"] == scene.prescription
    assert (
        desk.one(
            "SELECT amount_cents FROM payments p JOIN orders o ON o.id = p.order_id"
            " WHERE o.number = %s",
            scene.order,
        )
        == TOTAL
    )


PRICES_BY_SQL: dict[str, tuple[dict[str, Any], str]] = {
    "a price that is not listed": (
        {"line_cents": 1, "line_subtotal": 1},
        "line_has_the_listed_price",
    ),
    "less than the product": ({"line_subtotal": 6000}, "line_total_is_the_product"),
    "another's price": ({"line_price": uuid.uuid4()}, "line_price_is_in_force"),
}


@pytest.mark.parametrize("what", PRICES_BY_SQL)
def test_no_price_of_her_own_by_sql(desk: Desk, cream: Scene, what: str) -> None:
    lies, name = PRICES_BY_SQL[what]
    assert by_sql(desk, cream, lambda sql: bypass_sql.place(sql, **lies)) == name


@pytest.mark.parametrize("amount", [0, 1, TOTAL - 1, TOTAL + 1])
def test_no_payment_of_another_amount_by_sql(desk: Desk, waiting: Scene, amount: int) -> None:
    assert by_sql(desk, waiting, lambda sql: bypass_sql.pay(sql, amount=amount)) == (
        "amount_is_what_is_due"
    )


def by_sql(desk: Desk, scene: Scene, act: Callable[[Any], object]) -> str:
    """What stops the application's own role."""
    return desk.played(act, desk.sql_facts(scene)).by


# Quantities.

QUANTITIES: dict[str, Any] = {
    "none": None,
    "zero": 0,
    "minus one": -1,
    "one too many": 21,
    "a thousand million": 10**9,
    "beyond bigint": FARTHEST,
    "half": 0.5,
    "a float": 1.0,
    "an exponent as text": "1e3",
    "one as text": "1",
    "nothing": "",
    "Arabic digits": "\u0663",
    "full-width digits": "\uff12",
    "true": True,
    "a list": [1],
    "an object": {"$gt": 0},
}
TYPED = {
    "nothing": "",
    "zero": "0",
    "minus one": "-1",
    "one too many": "21",
    "a thousand million": str(10**9),
    "beyond bigint": str(FARTHEST),
    "beyond everything": "9" * 400,
    "half": "0.5",
    "an exponent": "1e3",
    "Arabic digits": "\u0663",
    "full-width digits": "\uff12",
    "a superscript": "\u00b2",
    "a sign": "+1",
    "hexadecimal": "0x1",
    "a sum": "1+1",
}


@pytest.mark.parametrize("what", QUANTITIES)
def test_a_quantity_that_is_none(desk: Desk, cream: Scene, what: str) -> None:
    """In the cart the field is named; an order has no field for it, nor has a shipment."""
    sent = QUANTITIES[what]
    before = cart_of(cream)
    road = f"/cart/lines/{cream.sku}"
    answer = unchanged(desk, cream.client.call, "PUT", road, {"quantity": sent})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["quantity"])
    body = cream.wanted | {"quantity": sent}
    answer = unchanged(desk, cream.client.call, "POST", "/orders", body)
    assert (answer.status_code, answer.json["errors"]) == (422, {"quantity": ["Unknown field."]})
    assert cart_of(cream) == before


@pytest.mark.parametrize("number", ["1e0", "1e3", "1E+2", "-0", "9" * 400, "1e400", "01", "0x1"])
def test_a_number_written_in_another_way(desk: Desk, cream: Scene, number: str) -> None:
    """As JSON's own number: what is no whole number to us, or no number at all."""
    before = cart_of(cream)
    body = f'{{"quantity": {number}}}'.encode()
    answer = unchanged(desk, cream.client.put_raw, f"/cart/lines/{cream.sku}", body)
    assert answer.status_code in (400, 422)
    assert list(answer.json["errors"]) in (["quantity"], ["body"])
    assert cart_of(cream) == before


def cart_of(scene: Scene) -> dict[str, int]:
    lines = scene.client.done("GET", "/cart")["lines"]
    return {line["sku"]: line["quantity"] for line in lines}


@pytest.mark.parametrize("what", TYPED)
def test_a_quantity_typed_that_is_none(desk: Desk, cream: Scene, what: str) -> None:
    before = cart_of(cream)
    page = unchanged(
        desk,
        cream.client.browser.send,
        "/cart/lines",
        sku=cream.sku,
        quantity=TYPED[what],
    )
    assert page.status_code == 422
    assert ">Quantity</a>" in page.text
    assert cart_of(cream) == before


@pytest.mark.parametrize("units", [0, -1, 21, 10**9])
def test_no_such_quantity_by_sql(desk: Desk, cream: Scene, units: int) -> None:
    def in_the_cart(sql: Any) -> None:
        sql.run(
            "UPDATE cart_lines SET quantity = %(units)s WHERE variant_id = %(variant)s", units=units
        )

    def in_an_order(sql: Any) -> None:
        bypass_sql.place(sql, line_quantity=units, line_subtotal=CENTS * units)

    assert by_sql(desk, cream, in_the_cart) == "cart_quantity_is_sane"
    if CENTS * units < 2**31:
        assert by_sql(desk, cream, in_an_order) == "line_quantity_is_sane"


@pytest.mark.parametrize("units", [FARTHEST, 10**400])
def test_no_quantity_beyond_numbers_by_sql(desk: Desk, cream: Scene, units: int) -> None:
    with psycopg.connect(desk.clinic.database.url(APP)) as connection:
        with pytest.raises(psycopg.errors.NumericValueOutOfRange):
            connection.execute("UPDATE cart_lines SET quantity = %s", [units])


# An order edited after it was placed.


def test_no_road_edits_an_order(desk: Desk) -> None:
    """All that may be done to an order: pay, cancel, pick, ship. A new road is looked at here."""
    roads = {
        f"{method} {rule.rule}"
        for rule in desk.clinic.app.url_map.iter_rules()
        if "<number>" in rule.rule
        and rule.rule.split("/<number>")[0].endswith(("/orders", "/packing"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS", "GET"}
    }
    assert roads == {
        "POST /api/v1/orders/<number>/cancellation",
        "POST /api/v1/orders/<number>/payment",
        "POST /api/v1/orders/<number>/picks",
        "POST /api/v1/orders/<number>/returns",  # of what left
        "POST /api/v1/orders/<number>/return-requests",
        "POST /api/v1/orders/<number>/line-cancellations",
        "POST /api/v1/orders/<number>/refunds",  # of what left or was cancelled
        "POST /api/v1/orders/<number>/reorder",  # fills a cart
        "POST /api/v1/desk/orders/<number>/payment",
        "DELETE /api/v1/orders/<number>/picks/<uuid:pick_id>",
        "POST /api/v1/orders/<number>/shipments",
        "POST /api/v1/orders/<number>/shortages",
        "POST /orders/<number>/cancellation",
        "POST /orders/<number>/payment",
        "POST /orders/<number>/returns",
        "POST /orders/<number>/returns/<asked_number>/withdrawal",
        "POST /orders/<number>/line-cancellations",
        "POST /orders/<number>/refunds",
        "POST /orders/<number>/again",
        "POST /desk/orders/<number>/payment",
        "POST /packing/<number>/picks",
        "POST /packing/<number>/picks/<uuid:pick_id>/return",
        "POST /packing/<number>/shipments",
        "POST /packing/<number>/shortages",
    }


EDITS: dict[str, Any] = {
    "the state": {"shipping_address": {"state": "NV"}},
    "the quantity": {"lines": [{"sku": "X", "quantity": 2}]},
    "the price": {"unit_price_cents": 1},
    "the status": {"status": "paid"},
}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("scene", ["waiting", "ready"])
def test_an_order_is_not_edited(
    desk: Desk, request: pytest.FixtureRequest, scene: str, what: str, method: str
) -> None:
    here: Scene = request.getfixturevalue(scene)
    for who in (here.client, desk.sam, desk.mona, here.physician):
        for road in (f"/orders/{here.order}", f"/orders/{here.order}/lines/{here.sku}"):
            answer = unchanged(desk, who.call, method, road, EDITS[what])
            assert answer.status_code in (404, 405), answer.text


@pytest.mark.parametrize("stage", ["begun", "paid"])
def test_what_happens_around_an_order_does_not_change_it(desk: Desk, stage: str) -> None:
    """A new cart, a new price: the order and its money stay what was promised."""
    here = desk.scene()
    getattr(desk, stage)(here)
    order = here.client.done("GET", f"/orders/{here.order}")
    here.client.done("PUT", f"/cart/lines/{here.sku}", {"quantity": 7})
    desk.mona.done("PUT", f"/variants/{here.sku}/price", {"cents": 1})
    here.client.done("DELETE", f"/cart/lines/{here.sku}")
    assert here.client.done("GET", f"/orders/{here.order}") == order


def test_no_column_of_an_order_changes_by_sql(desk: Desk) -> None:
    """Every column but status, its number, the time to pay, and which units are promised.

    These only when the old ones were given back (`line_takes_new_units_when_it_goes_on`).
    """
    may = {
        "orders": {"status", "state_seq", "pay_by"},
        "order_lines": {"status", "state_seq", "reservation_id"},
    }
    with psycopg.connect(desk.clinic.database.url(APP), autocommit=True) as connection:
        for table, columns in may.items():
            for name in columns_of(connection, table) - columns:
                with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
                    connection.execute(f"UPDATE {table} SET {name} = {name}")
                assert refused.value.diag.message_primary == f"permission denied for table {table}"
            for name in columns:
                connection.execute(f"UPDATE {table} SET {name} = {name} WHERE false")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"DELETE FROM {table}")


def columns_of(connection: psycopg.Connection[Any], table: str) -> set[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''",
        [table],
    )
    return {name for (name,) in rows}


@pytest.mark.parametrize("scene", ["waiting", "ready"])
def test_no_line_is_added_by_sql(desk: Desk, request: pytest.FixtureRequest, scene: str) -> None:
    here: Scene = request.getfixturevalue(scene)

    def add(sql: Any) -> None:
        bypass_sql.place(sql, fill={"number": 2}, line_order=sql.facts["order"], line_position=2)

    assert by_sql(desk, here, add) == "line_is_of_its_order"


# Reordering: the same cart, key, form or line once more.


def test_a_placed_cart_is_not_placed_again(desk: Desk) -> None:
    scene = desk.scene()
    browser = scene.client.browser
    browser.look("/cart")
    desk.placed(scene)
    answer = unchanged(desk, scene.client.call, "POST", "/orders", scene.wanted)
    assert (answer.status_code, answer.json["code"]) == (422, "cart_empty")
    typed = scene.address | {"shipping_method": "standard", "lines": scene.sku, "do": "place"}
    page = unchanged(desk, browser.send, "/checkout", **typed)
    assert page.status_code == 422
    assert "There is nothing to order." in page.text


@pytest.mark.parametrize("end", ["waiting", "paid", "shipped", "cancelled"])
def test_a_key_orders_once(desk: Desk, end: str) -> None:
    """The same key and body: the first answer, however the order has ended, whatever is in the
    cart. Another body under the key is refused."""
    scene = desk.scene()
    desk.wished(scene)
    first = scene.client.call("POST", "/orders", scene.wanted, Idempotency_Key="mine")
    scene.order = first.json["number"]
    _end(desk, scene, end)
    desk.wished(scene)
    again = unchanged(
        desk, scene.client.call, "POST", "/orders", scene.wanted, Idempotency_Key="mine"
    )
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    for more in ({"shipping_method": "pickup"}, {"lines": [scene.other_sku]}, {"lines": None}):
        body = scene.wanted | more
        other = unchanged(
            desk,
            scene.client.call,
            "POST",
            "/orders",
            body,
            Idempotency_Key="mine",
        )
        assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def _end(desk: Desk, scene: Scene, end: str) -> None:
    if end in ("paid", "shipped"):
        desk.pay(scene)
    if end == "shipped":
        desk.sam.done("POST", f"/orders/{scene.order}/shipments", PARCEL)
    if end == "cancelled":
        scene.client.done("POST", f"/orders/{scene.order}/cancellation")


def test_a_key_is_its_owners(desk: Desk, cream: Scene) -> None:
    """Under another's key nobody gets her answer, nor her order."""
    scene = desk.scene()
    desk.wished(scene)
    scene.client.call("POST", "/orders", scene.wanted, Idempotency_Key="hers")
    stranger = desk.a_client()
    answer = unchanged(desk, stranger.call, "POST", "/orders", scene.wanted, Idempotency_Key="hers")
    assert (answer.status_code, answer.json["code"]) == (422, "cart_empty")


def test_paying_and_shipping_happen_once(desk: Desk) -> None:
    scene = desk.scene()
    desk.placed(scene)
    road = f"/orders/{scene.order}/payment"
    begun = scene.client.call("POST", road, Idempotency_Key="pay")
    for key in ("pay", "another"):
        again = unchanged(desk, scene.client.call, "POST", road, Idempotency_Key=key)
        assert again.json["url"] == begun.json["url"]
    scene.url = begun.json["url"]
    desk.money_comes(scene)
    desk.packed(scene)
    refused = unchanged(desk, scene.client.call, "POST", road, Idempotency_Key="third")
    assert (refused.status_code, refused.json["code"]) == (409, "order_not_payable")
    parcel = f"/orders/{scene.order}/shipments"
    first = desk.sam.call("POST", parcel, PARCEL, Idempotency_Key=f"ship-{scene.order}")
    again = unchanged(
        desk, desk.sam.call, "POST", parcel, PARCEL, Idempotency_Key=f"ship-{scene.order}"
    )
    assert (again.status_code, again.json) == (201, first.json)
    refused = unchanged(desk, desk.sam.call, "POST", parcel, PARCEL)
    assert (refused.status_code, refused.json["code"]) == (409, "not_paid")
    page = unchanged(
        desk,
        desk.sam.browser.send,
        f"/packing/{scene.order}/shipments",
        lines=scene.sku,
        **PARCEL,
    )
    assert page.status_code == 409
    assert desk.units(scene) == (UNITS - 1, 0)


def test_no_fill_backs_two_lines_by_sql(desk: Desk, waiting: Scene) -> None:
    def again(sql: Any) -> None:
        bypass_sql.place(sql, without_fill=True, requires=True, line_fill=sql.facts["fill"])

    assert by_sql(desk, waiting, again) == "order_lines_one_per_fill"


# Orders made by others, and other people's orders.

NOT_YOURS = (403, "not_allowed")
NOT_THERE = (404, "not_found")


def buying(scene: Scene) -> tuple[tuple[str, str, Any], ...]:
    """What only a client does, and only for herself."""
    return (
        ("PUT", f"/cart/lines/{scene.sku}", {"quantity": 1}),
        ("POST", "/orders", scene.wanted),
        ("POST", f"/orders/{scene.order}/payment", None),
    )


def sending(scene: Scene) -> tuple[tuple[str, str, Any], ...]:
    """What only the shelf does."""
    return (
        ("GET", f"/orders/{scene.order}/picking-list", None),
        ("POST", f"/orders/{scene.order}/shipments", PARCEL),
    )


@pytest.mark.parametrize("role", ["staff", "manager", "physician", "esthetician"])
def test_nobody_orders_for_a_client(desk: Desk, waiting: Scene, role: str) -> None:
    """Nor puts a doctor-only thing into a cart of her own, nor pays: by program and by page."""
    who = somebody(desk, waiting, role)
    for method, road, body in buying(waiting):
        answer = unchanged(desk, who.call, method, road, body)
        assert (answer.status_code, answer.json["code"]) == NOT_YOURS, road
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/cart/lines", {"sku": waiting.sku, "quantity": "1"}),
        ("/checkout", waiting.address | {"shipping_method": "standard", "lines": waiting.sku}),
        (f"/orders/{waiting.order}/payment", {}),
    )
    who.browser.look("/account")
    for road, typed in forms:
        page = unchanged(desk, who.browser.send, road, **typed)
        assert page.status_code == 403, road
        assert "Your role does not include this." in page.text


def somebody(desk: Desk, scene: Scene, role: str) -> Caller:
    if role == "physician":
        return scene.physician
    return {"staff": desk.sam, "manager": desk.mona, "esthetician": desk.eva}[role]


@pytest.mark.parametrize("role", ["client", "physician", "esthetician"])
def test_nobody_else_ships(desk: Desk, ready: Scene, role: str) -> None:
    who = ready.client if role == "client" else somebody(desk, ready, role)
    for method, road, body in sending(ready):
        answer = unchanged(desk, who.call, method, road, body)
        assert (answer.status_code, answer.json["code"]) == NOT_YOURS, road
    who.browser.look("/account")
    shown = unchanged(desk, who.browser.look, f"/packing/{ready.order}")
    sent = unchanged(
        desk,
        who.browser.send,
        f"/packing/{ready.order}/shipments",
        lines=ready.sku,
        **PARCEL,
    )
    assert (shown.status_code, sent.status_code) == (403, 403)


@pytest.mark.parametrize("who", ["staff", "manager"])
def test_nothing_ships_that_is_not_paid(desk: Desk, waiting: Scene, who: str) -> None:
    here = somebody(desk, waiting, who)
    for method, road, body in sending(waiting):
        answer = unchanged(desk, here.call, method, road, body)
        assert (answer.status_code, answer.json["code"]) == (409, "not_paid")
    said = unchanged(desk, bypass.ship_page, desk, waiting)
    assert said.status == 409
    assert "is not shipped" in said.words
    assert by_sql(desk, waiting, bypass_sql.pack) == "event_is_a_legal_transition"


def test_another_clients_order_is_not_there(desk: Desk, waiting: Scene) -> None:
    stranger = desk.scene().client
    for method, road in (
        ("GET", f"/orders/{waiting.order}"),
        ("POST", f"/orders/{waiting.order}/payment"),
        ("POST", f"/orders/{waiting.order}/cancellation"),
    ):
        answer = unchanged(desk, stranger.call, method, road)
        assert (answer.status_code, answer.json["code"]) == NOT_THERE
    stranger.browser.look("/cart")
    for road in ("payment", "cancellation"):
        page = unchanged(
            desk,
            stranger.browser.send,
            f"/orders/{waiting.order}/{road}",
        )
        assert page.status_code == 404
    body = waiting.wanted
    answer = unchanged(desk, stranger.call, "POST", "/orders", body)
    assert (answer.status_code, answer.json["code"]) == (422, "cart_empty")


# A physician who would be her own client.


def test_a_prescriber_is_not_her_own_client(desk: Desk) -> None:
    """The same person: neither as a program, nor at a page, nor past all of our code.

    A second account under another mail address is another person to this shop: it has nothing
    that would tell (the NPI is unique, and a client has none).
    """
    herself = desk.somebody(Role.PHYSICIAN, birth_date=date(1980, 1, 1), state="CA")
    scene = desk.scene(prescribed=False)
    number = desk.request_of(herself, scene)
    asked = {"sku": scene.sku, "quantity": 1}
    began = unchanged(desk, herself.call, "POST", "/approval-requests", asked)
    claimed = unchanged(desk, herself.call, "POST", f"/approval-requests/{number}/claim")
    assert (began.status_code, began.json["code"]) == NOT_YOURS
    assert (claimed.status_code, claimed.json["code"]) == (403, "self_prescription")
    herself.browser.look(f"/review/{number}")
    page = unchanged(desk, herself.browser.send, f"/review/{number}/claim")
    assert page.status_code == 403
    assert herself.call("PUT", f"/cart/lines/{scene.sku}", {"quantity": 1}).status_code == 403

    def claim(sql: Any) -> None:
        found = sql.run("SELECT id FROM approval_requests WHERE number = %(n)s", n=number)
        seq = sql.tell("approval_request", found["id"], "in_review")
        sql.run(
            "UPDATE approval_requests SET status = 'in_review', state_seq = %(seq)s,"
            " claimed_by_id = %(herself)s WHERE id = %(request)s",
            seq=seq,
            herself=herself.id,
            request=found["id"],
        )

    assert by_sql(desk, scene, claim) == "nobody_reviews_their_own_request"


@pytest.mark.parametrize("name", ["role", "npi"])
def test_nobody_becomes_a_prescriber(desk: Desk, cream: Scene, name: str) -> None:
    account = {
        "email": f"{uuid.uuid4().hex}@example.test",
        "password": "a long word for her",
        "name": "Alice",
        "birth_date": "1990-05-04",
        "state": "CA",
        name: "physician",
    }
    answer = unchanged(desk, cream.client.call, "POST", "/accounts", account)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [name])
    assert by_sql(desk, cream, lambda sql: sql.run(f"UPDATE people SET {name} = 'physician'")) == (
        "permission denied for table people"
    )


# People who are let in no longer.


@pytest.mark.parametrize("role", [Role.CLIENT, Role.STAFF, Role.MANAGER, Role.PHYSICIAN])
def test_who_is_disabled_goes_no_road(desk: Desk, role: Role) -> None:
    """By token, by session, and by signing in again: from the moment on."""
    scene, paid = desk.scene(), desk.scene()
    desk.placed(scene)
    desk.wished(scene)
    desk.paid(paid)
    who = {Role.CLIENT: scene.client, Role.PHYSICIAN: scene.physician}.get(role)
    who = who or desk.somebody(role)
    who.browser.look("/account")
    desk.mona.done("POST", f"/people/{who.id}/disablement")
    signing = ("POST", f"/prescriptions/{scene.prescription}/hold", {"reason": "No."})
    pricing = ("PUT", f"/variants/{scene.sku}/price", {"cents": 1})
    for method, road, body in (*buying(scene), *sending(paid), signing, pricing):
        answer = unchanged(desk, who.call, method, road, body)
        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in"), road
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/cart/lines", {"sku": scene.sku, "quantity": "1"}),
        ("/checkout", scene.address | {"shipping_method": "standard", "lines": scene.sku}),
        (f"/orders/{scene.order}/payment", {}),
        (f"/packing/{paid.order}/shipments", PARCEL | {"lines": paid.sku}),
        (f"/prescriptions/{scene.prescription}/revocation", {"reason": "No."}),
    )
    for road, typed in forms:
        page = unchanged(desk, who.browser.send, road, **typed)
        assert page.status_code == 401, road
    again = unchanged(desk, who.browser.enter, who.email)
    assert again.status_code == 401


def test_the_judge_finds_nothing_wrong(desk: Desk) -> None:
    """After all of it, by plain SQL of its own."""
    assert broken(desk.admin) == []
