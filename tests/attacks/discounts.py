"""Attacks on discounts (I13, I18): one of one's own, above its limits, off what it may not touch.

An order at a discount is written as the application could write it past our code: order, use and
lines. The terms are a manager's, the numbers are within the limits, the cents are what the terms give.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from shop.discounts import barring, ending, queries
from shop.inventory import stock
from shop.orders import cancelling
from shop.prescriptions import filling
from tests.attacks.acts import insert, later, row, update
from tests.attacks.attack import OWNER, WORKER, Attacks, Sql
from tests.attacks.orders import OF_AN_ORDER, _give_units_back
from tests.builders import a_product, a_variant
from tests.discounts.builders import AMOUNT, a_discount, a_serum
from tests.inventory.lots import a_lot, today
from tests.orders.things import placed
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
THINGS = ("serum", "tint", "sunscreen", "peel")


def scene() -> Mapping[str, Any]:
    """Discounts in every state, orders at one that wait and are over, packs that nobody has yet."""
    client, other, manager = alice(), alice(), mona()
    serum, tint = a_serum(cents=2000), a_serum(cents=1000)
    sunscreen = a_variant(cents=2000)
    peel = a_variant(a_product(LegalClass.COSMETIC, doctor_only=True), cents=2000)
    for drug in (sunscreen, peel):
        a_lot(drug)
    both = [LegalClass.COSMETIC, LegalClass.OTC_DRUG]
    discounts = {
        "ten": a_discount(manager, value=10, classes=both, most_uses=3, most_per_client=2),
        "five_dollars": a_discount(manager, kind=AMOUNT, value=500),
        "large": a_discount(manager, least_cents=2001),
        "ahead": a_discount(manager, valid_from=now() + timedelta(days=1)),
        "short": a_discount(manager, valid_until=now() + timedelta(days=1)),
        "withdrawn": a_discount(manager),
    }
    waiting = placed(client, {serum: 1}, discount_code=discounts["ten"].code)
    plain = placed(client, {serum: 1})
    over = placed(other, {serum: 1}, discount_code=discounts["ten"].code)
    cancelling.cancel(over, reason="changed_mind", by=other, at=now())
    ending.end(discounts["withdrawn"], by=manager, at=now())
    bar = barring.bar(LegalClass.COSMETIC, "WY", source="House rule.", by=manager, at=now())
    lifted = barring.bar(LegalClass.COSMETIC, "ID", source="House rule.", by=manager, at=now())
    barring.lift(lifted, by=manager, at=now())
    signed = a_prescription(client, peel, by=dr_chen())
    packs = [serum, tint, sunscreen, peel]
    spare = stock.reserve([(pack.id, 1) for pack in packs], today=today())
    facts: dict[str, Any] = {
        "alice": client.id,
        "mona": manager.id,
        "gone": mona(disabled_at=now()).id,
        "sam": sam().id,
        "waiting": waiting.id,
        "waiting_line": waiting.lines[0].id,
        "plain": plain.id,
        "over": over.id,
        "bar": bar.id,
        "lifted": lifted.id,
        "peel_fill": filling.reserve(signed.id, state="CA", quantity=1, at=now()).id,
        **{name: discount.id for name, discount in discounts.items()},
    }
    for name, pack, reservation in zip(THINGS, packs, spare, strict=True):
        facts |= {
            name: pack.id,
            f"{name}_price": pack.prices[0].id,
            f"{name}_cents": pack.prices[0].cents,
            f"{name}_spare": reservation.id,
        }
    for name in ("waiting", "over"):
        use = db.session.scalars(queries.uses(discounts["ten"]).filter_by(order_id=facts[name]))
        facts[f"{name}_use"] = use.one().id
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _order(attacker: Sql, off: Mapping[str, int], *, cents: int | None = None, **given: Any) -> Any:
    """An order of one pack of each of these things, which bear so many cents of its discount."""
    like = row(attacker, "orders", attacker.facts["waiting"])
    key = uuid.uuid4()
    subtotal = sum(attacker.facts[f"{thing}_cents"] for thing in off)
    taken = sum(off.values()) if cents is None else cents
    values = {name: like[name] for name in OF_AN_ORDER} | {
        "id": key,
        "number": f"A-{key.hex[:8]}",
        "status": "awaiting_payment",
        "subtotal_cents": subtotal,
        "discount_cents": taken,
        "shipping_cents": 0,
        "tax_cents": 0,
        "total_cents": subtotal - taken,
    }
    values |= given
    attacker.tell("order", key, "awaiting_payment")
    insert(attacker, "orders", values)
    for position, (thing, share) in enumerate(off.items(), start=1):
        _line(attacker, values, thing, share, position)
    return key


def _line(attacker: Sql, order: Mapping[str, Any], thing: str, off: int, position: int) -> None:
    key, fill = uuid.uuid4(), attacker.facts.get(f"{thing}_fill")
    cents = attacker.facts[f"{thing}_cents"]
    attacker.tell("order_line", key, "placed")
    values = {
        "id": key,
        "order_id": order["id"],
        "position": position,
        "client_id": order["client_id"],
        "ship_to_state": order["ship_to_state"],
        "variant_id": attacker.facts[thing],
        "sku": thing,
        "name": thing,
        "quantity": 1,
        "price_id": attacker.facts[f"{thing}_price"],
        "unit_price_cents": cents,
        "total_cents": cents,
        "discount_cents": off,
        "requires_prescription": fill is not None,
        "fill_id": fill,
        "reservation_id": attacker.facts[f"{thing}_spare"],
        "status": "placed",
    }
    insert(attacker, "order_lines", values)


def _use(attacker: Sql, order: Any, discount: str = "ten", cents: int = 200, **given: Any) -> Any:
    """The client's second use, and the discount's second."""
    second = discount == "ten"
    values = {
        "id": uuid.uuid4(),
        "discount_id": attacker.facts[discount],
        "client_id": attacker.facts["alice"],
        "order_id": attacker.facts.get(order, order),
        "number": 2 if second else 1,
        "client_number": 2 if second else 1,
        "cents": cents,
    } | given
    insert(attacker, "discount_uses", values)
    return values["id"]


def _bought(
    off: Mapping[str, int], discount: str = "ten", cents: int | None = None, **given: Any
) -> Callable[[Sql], object]:
    """An order with its use."""

    def act(attacker: Sql) -> object:
        order = _order(attacker, off, **given)
        return _use(attacker, order, discount, sum(off.values()) if cents is None else cents)

    return act


def _discount(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"DC-{key.hex[:8]}",
        "code": f"X-{key.hex[:8].upper()}",
        "kind": "percent",
        "percent": 90,
        "classes": ["cosmetic"],
        "most_uses": 5,
        "most_per_client": 5,
        "valid_from": LONG_AGO,
        "made_by_id": attacker.facts["mona"],
    } | given
    insert(attacker, "discounts", values)
    return key


def _bar(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "legal_class": "cosmetic",
        "jurisdiction": "CA",
        "source": "House rule.",
        "barred_by_id": attacker.facts["mona"],
    } | given
    insert(attacker, "discount_bars", values)
    return key


def _cancel(attacker: Sql, order: str) -> None:
    """Give the units back and cancel it, as the code does, but for its use."""
    line = f"{order}_line"
    _give_units_back(attacker, line)
    attacker.move("order_line", attacker.facts[line], "cancelled")
    attacker.move("order", attacker.facts[order], "cancelled")


# The honest ways.


@ATTACKS.passes()
def _an_order_at_ten_percent(attacker: Sql) -> None:
    _bought({"serum": 200, "tint": 100})(attacker)


@ATTACKS.passes()
def _an_order_at_an_amount(attacker: Sql) -> None:
    _bought({"serum": 333, "tint": 167}, "five_dollars")(attacker)


@ATTACKS.passes()
def _an_order_of_which_a_part_is_discounted(attacker: Sql) -> None:
    _bought({"serum": 200, "sunscreen": 0, "peel": 0})(attacker)


@ATTACKS.passes()
def _given_back_with_its_order(attacker: Sql) -> None:
    _cancel(attacker, "waiting")
    update(attacker, "discount_uses", attacker.facts["waiting_use"], returned=True)


@ATTACKS.passes()
def _the_number_of_what_was_given_back(attacker: Sql) -> None:
    _use(attacker, _order(attacker, {"serum": 200}), number=2)


@ATTACKS.passes()
def _a_discount_that_is_made_used_and_ended(attacker: Sql) -> None:
    attacker.facts["made"] = _discount(attacker)
    _bought({"serum": 1800}, "made")(attacker)
    update(attacker, "discounts", attacker.facts["made"], ended_by_id=attacker.facts["mona"])


@ATTACKS.passes()
def _drugs_where_the_bar_is_lifted(attacker: Sql) -> None:
    attacker.run(
        "UPDATE discount_bars SET lifted_by_id = %(mona)s"
        " WHERE legal_class = 'otc_drug' AND lifted_at IS NULL"
    )
    _bought({"sunscreen": 200})(attacker)


# A discount of one's own.

ATTACKS.each(
    {
        "cents off without a use": (
            lambda a: _order(a, {"serum": 200}),
            "discount_has_its_use",
        ),
        "more off than its use says": (
            _bought({"serum": 300}, cents=200),
            "use_is_of_what_was_taken_off",
        ),
        "a use of an order without a discount": (
            lambda a: _use(a, "plain"),
            "use_is_of_what_was_taken_off",
        ),
        "more off than the percentage": (
            _bought({"serum": 201}),
            "discount_is_what_its_terms_give",
        ),
        "less off than the amount": (
            _bought({"serum": 499}, "five_dollars"),
            "discount_is_what_its_terms_give",
        ),
        "off less than it asks for": (_bought({"serum": 200}, "large"), "discount_has_its_minimum"),
        "off a drug, which is barred": (
            _bought({"serum": 100, "sunscreen": 100}),
            "discount_touches_what_it_may",
        ),
        "off a barred drug alone": (
            _bought({"sunscreen": 200}),
            "discount_touches_what_it_may",
        ),
        "off what a physician approved": (
            _bought({"serum": 0, "peel": 200}),
            "discount_touches_what_it_may",
        ),
        "off a class that it is not for": (
            _bought({"serum": 250, "sunscreen": 250}, "five_dollars"),
            "discount_touches_what_it_may",
        ),
        "all of it on one line, where the tax is": (
            _bought({"serum": 300, "tint": 0}),
            "discount_is_shared_by_price",
        ),
        "a second discount of an order": (
            lambda a: _use(a, "waiting", "five_dollars"),
            "order_has_one_discount",
        ),
        "the use of another client": (
            lambda a: _use(a, _order(a, {"serum": 200}), client_id=a.facts["mona"]),
            "use_is_of_an_order",
        ),
    }
)

ATTACKS.each(
    {"cents off by the worker": (lambda a: _order(a, {"serum": 200}), "discount_has_its_use")},
    WORKER,
)

# Its limits and its time.

ATTACKS.each(
    {
        "a number above the limit": (
            lambda a: _use(a, _order(a, {"serum": 200}), number=4),
            "no_use_above_the_limit",
        ),
        "a number above the client's limit": (
            lambda a: _use(a, _order(a, {"serum": 200}), client_number=3),
            "no_use_above_the_limit_of_a_client",
        ),
        "a number that somebody has": (
            lambda a: _use(a, _order(a, {"serum": 200}), number=1),
            "discount_uses_number_key",
        ),
        "a number of the client's that she has": (
            lambda a: _use(a, _order(a, {"serum": 200}), client_number=1),
            "discount_uses_client_number_key",
        ),
        "before its time": (_bought({"serum": 200}, "ahead"), "discount_is_in_force"),
        "after it was withdrawn": (_bought({"serum": 200}, "withdrawn"), "discount_is_in_force"),
        "given back while its order stands": (
            lambda a: update(a, "discount_uses", a.facts["waiting_use"], returned=True),
            "use_stands_as_long_as_its_order",
        ),
        "kept when its order ended": (
            lambda a: _cancel(a, "waiting"),
            "use_stands_as_long_as_its_order",
        ),
        "taken again after it was given back": (
            lambda a: update(a, "discount_uses", a.facts["over_use"], returned=False),
            "use_is_given_back_once",
        ),
    }
)


@ATTACKS.refused("discount_is_in_force")
def _after_its_time(attacker: Sql) -> None:
    later(attacker, "1 day 2 minutes")
    _bought({"serum": 200}, "short")(attacker)


@ATTACKS.passes()
def _when_its_time_has_just_ended(attacker: Sql) -> None:
    ends = attacker.run(
        "SELECT (valid_until - clock_timestamp() + interval '20 s')::text AS ahead"
        " FROM discounts WHERE id = %(short)s"
    )
    later(attacker, ends["ahead"])
    _bought({"serum": 200}, "short")(attacker)


ATTACKS.each(
    {
        "of another discount afterwards": (
            lambda a: update(
                a, "discount_uses", a.facts["waiting_use"], discount_id=a.facts["large"]
            ),
            "use_keeps_what_it_is_of",
        ),
        "another number afterwards": (
            lambda a: update(a, "discount_uses", a.facts["waiting_use"], number=3),
            "use_keeps_what_it_is_of",
        ),
        "other cents afterwards": (
            lambda a: update(a, "discount_uses", a.facts["waiting_use"], cents=1),
            "use_keeps_what_it_is_of",
        ),
        "born given back": (
            lambda a: _use(a, _order(a, {"serum": 200}), returned=True),
            "use_is_taken_before_it_is_given_back",
        ),
    },
    OWNER,
)

# Its terms.

ATTACKS.each(
    {
        "made by who keeps the shelf": (
            lambda a: _discount(a, made_by_id=a.facts["sam"]),
            "discount_is_by_a_manager",
        ),
        "made by a manager who left": (
            lambda a: _discount(a, made_by_id=a.facts["gone"]),
            "discount_is_by_a_manager",
        ),
        "ended by who keeps the shelf": (
            lambda a: update(a, "discounts", a.facts["ten"], ended_by_id=a.facts["sam"]),
            "discount_is_by_a_manager",
        ),
        "ended again": (
            lambda a: update(a, "discounts", a.facts["withdrawn"], ended_by_id=None),
            "discount_is_ended_once",
        ),
        "barred by who keeps the shelf": (
            lambda a: _bar(a, barred_by_id=a.facts["sam"]),
            "bar_is_by_a_manager",
        ),
        "barred by nobody": (lambda a: _bar(a, barred_by_id=None), "bar_is_by_a_manager"),
        "lifted by a manager who left": (
            lambda a: update(a, "discount_bars", a.facts["bar"], lifted_by_id=a.facts["gone"]),
            "bar_is_by_a_manager",
        ),
        "lifted again": (
            lambda a: update(a, "discount_bars", a.facts["lifted"], lifted_by_id=None),
            "bar_is_lifted_once",
        ),
    }
)

CHANGED = {
    "code": "OTHER",
    "percent": 90,
    "classes": ["cosmetic"],
    "least_cents": 5,
    "most_uses": 9999,
    "most_per_client": 3,
    "valid_from": LONG_AGO,
    "valid_until": datetime(2100, 1, 1, tzinfo=UTC),
    "made_at": LONG_AGO,
}
ATTACKS.each(
    {
        **{
            f"another {name} afterwards": (
                lambda a, name=name, to=to: update(
                    a, "discounts", a.facts["ten"], **{name: to, "ended_by_id": a.facts["mona"]}
                ),
                "discount_keeps_its_terms",
            )
            for name, to in CHANGED.items()
        },
        "made by another afterwards": (
            lambda a: update(a, "discounts", a.facts["ten"], made_by_id=a.facts["sam"]),
            "discount_keeps_its_terms",
        ),
        "a discount that is born ended": (
            lambda a: _discount(a, ended_by_id=a.facts["mona"], ended_at=LONG_AGO),
            "discount_is_made_before_it_ends",
        ),
        "a bar of another class afterwards": (
            lambda a: update(a, "discount_bars", a.facts["bar"], legal_class="otc_drug"),
            "bar_keeps_what_it_says",
        ),
        "a bar elsewhere afterwards": (
            lambda a: update(a, "discount_bars", a.facts["bar"], jurisdiction="MT"),
            "bar_keeps_what_it_says",
        ),
        "a bar that is born lifted": (
            lambda a: _bar(a, lifted_by_id=a.facts["mona"], lifted_at=LONG_AGO),
            "bar_is_set_before_it_is_lifted",
        ),
    },
    OWNER,
)

# When it was.


@ATTACKS.undone("discount_guard", OWNER)
def _made_long_ago(attacker: Sql) -> bool:
    key = _discount(attacker, made_at=LONG_AGO)
    return bool(row(attacker, "discounts", key)["made_at"] > LONG_AGO)


@ATTACKS.undone("discount_guard", OWNER)
def _ended_long_ago(attacker: Sql) -> bool:
    key, by = attacker.facts["ten"], attacker.facts["mona"]
    update(attacker, "discounts", key, ended_by_id=by, ended_at=LONG_AGO)
    return bool(row(attacker, "discounts", key)["ended_at"] > LONG_AGO)


@ATTACKS.undone("discount_bar_guard", OWNER)
def _barred_long_ago(attacker: Sql) -> bool:
    key = _bar(attacker, barred_at=LONG_AGO)
    return bool(row(attacker, "discount_bars", key)["barred_at"] > LONG_AGO)


@ATTACKS.undone("discount_bar_guard", OWNER)
def _lifted_long_ago(attacker: Sql) -> bool:
    key, by = attacker.facts["bar"], attacker.facts["mona"]
    update(attacker, "discount_bars", key, lifted_by_id=by, lifted_at=LONG_AGO)
    return bool(row(attacker, "discount_bars", key)["lifted_at"] > LONG_AGO)


@ATTACKS.undone("discount_use_guard", OWNER)
def _taken_long_ago(attacker: Sql) -> bool:
    key = _use(attacker, _order(attacker, {"serum": 200}), taken_at=LONG_AGO)
    return bool(row(attacker, "discount_uses", key)["taken_at"] > LONG_AGO)


@ATTACKS.undone("discount_use_guard", OWNER)
def _given_back_long_ago(attacker: Sql) -> bool:
    _cancel(attacker, "waiting")
    key = attacker.facts["waiting_use"]
    update(attacker, "discount_uses", key, returned=True, returned_at=LONG_AGO)
    return bool(row(attacker, "discount_uses", key)["returned_at"] > LONG_AGO)
