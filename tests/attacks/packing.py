"""Attacks on what is picked, what is not found, and how parcels leave: I9, I10, I11."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import locations, releasing
from shop.inventory.models import LocationKind
from shop.orders import picking, queries
from shop.orders.scanning import Scanned
from shop.payments import queries as payments
from shop.payments.proposing import Wanted
from tests.attacks.acts import as_owner, insert
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import leave, packed, paid, placed
from tests.payments.money_back import propose
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription

LATELY = datetime(2020, 1, 1, tzinfo=UTC)  # whatever is written, the database stamps it
PUT_BACK = "UPDATE picks SET put_back_by_id = %(staff)s, put_back_at = %(at)s WHERE id = %(pick)s"


def scene() -> dict[str, Any]:
    """Three soaps paid for and one picked; orders that are gone, refunded, unpaid, to be fetched.

    A cream that is packed but for its label.
    """
    soap, cream, packer = a_variant(), a_cream(), sam()
    good, held = a_lot(soap, 30, days=90), a_lot(soap, 5, days=400)
    other = a_lot(cream, 30)
    order, unpaid = paid(alice(), {soap: 3}), placed(alice(), {soap: 1})
    scanned = Scanned(soap.sku, good.lot_number)
    one = picking.pick(order, scanned, units=1, by=packer, at=now())
    gone, refunded = paid(alice(), {soap: 1}), paid(alice(), {soap: 1})
    packed(gone)
    (left,) = queries.picked(gone.lines)
    leave(gone)
    packed(refunded)
    (payment,) = payments.payments_of(refunded.id)
    all_of_it = Wanted(other_cents=payment.captured_cents)
    propose(refunded, all_of_it)
    fetched = paid(alice(), {soap: 1}, shipping_method="pickup")
    packed(fetched)
    client = alice()
    a_prescription(client, cream)
    bare = paid(client, {cream: 1})
    picking.pick(bare, Scanned(cream.sku, other.lot_number), units=1, by=packer, at=now())
    releasing.hold(held, reason="Leaks.", by=packer, at=now())
    facts = {
        "soap_lot": good.id,
        "held_lot": held.id,
        "cream_lot": other.id,
        "shelf": locations.home(LocationKind.RETAIL).id,
        "rooms": locations.home(LocationKind.BACK_BAR).id,
        "staff": packer.id,
        "client": order.client_id,
        "name": fetched.client.name,
        "order": order.id,
        "line": order.lines[0].id,
        "unpaid_line": unpaid.lines[0].id,
        "pick": one.id,
        "left": left.id,
        "unpaid": unpaid.id,
        "refunded": refunded.id,
        "fetched": fetched.id,
        "bare": bare.id,
        "bare_line": bare.lines[0].id,
        "bare_fill": bare.lines[0].fill_id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _pick(attacker: Sql, **given: Any) -> None:
    """One more soap for the line that waits, from where it lies, but for what is `given`."""
    _taken(attacker, "picks", "picked_by_id", given)


def _short(attacker: Sql, **given: Any) -> None:
    """One soap is not where it should lie."""
    _taken(attacker, "shortages", "said_by_id", given)


def _taken(attacker: Sql, table: str, who: str, given: dict[str, Any]) -> None:
    facts = attacker.facts
    values = {"order_line_id": "line", "lot_id": "soap_lot", "location_id": "shelf", who: "staff"}
    values = {name: facts[fact] for name, fact in values.items()}
    told = {name: facts.get(value, value) for name, value in given.items()}
    insert(attacker, table, {"id": uuid.uuid4(), "units": 1} | values | told)


def _parcel(attacker: Sql, order: str = "order", **given: Any) -> Any:
    facts, key = attacker.facts, uuid.uuid4()
    values = {"id": key, "number": f"S-{key.hex[:8]}", "order_id": facts[order]}
    values |= {"carrier": "USPS", "tracking": "1", "shipped_by_id": facts["staff"]}
    insert(attacker, "shipments", values | given)
    return key


def _handed(attacker: Sql, order: str = "fetched", to: str | None = None) -> None:
    """Over the desk, to the client or to somebody else."""
    handed = {"handed_to": to or attacker.facts["name"], "identified_by": "birth_date"}
    _parcel(attacker, order, carrier="Desk", tracking="", **handed)


def _leaves(
    attacker: Sql, order: str, line: str, lot: str, units: int = 1, fill: str | None = None
) -> None:
    """Units leave for a line, in a parcel that tells the truth."""
    facts, movement = attacker.facts, uuid.uuid4()
    values = {"id": movement, "lot_id": facts[lot], "kind": "ship", "units": units}
    values |= {"from_id": facts["shelf"], "reference_id": facts[line]}
    insert(attacker, "movements", values)
    parcel = _parcel(attacker, order)
    values = {"id": uuid.uuid4(), "shipment_id": parcel, "order_line_id": facts[line]}
    values |= {"lot_id": facts[lot], "movement_id": movement, "units": units}
    insert(attacker, "shipment_lines", values | ({"fill_id": facts[fill]} if fill else {}))


@ATTACKS.passes()
def _pick_the_rest(attacker: Sql) -> None:
    _pick(attacker, units=2)


@ATTACKS.passes()
def _put_back_and_pick_again(attacker: Sql) -> None:
    attacker.run(PUT_BACK, at=LATELY)
    _pick(attacker, units=3)


@ATTACKS.passes()
def _say_that_one_is_missing(attacker: Sql) -> None:
    _short(attacker)


@ATTACKS.passes(APP, WORKER)
def _a_parcel_that_is_paid_for(attacker: Sql) -> None:
    _parcel(attacker)


@ATTACKS.passes(APP, WORKER)
def _handed_to_the_client(attacker: Sql) -> None:
    _handed(attacker)


ATTACKS.each(
    {
        "picked for an order that is not paid": (
            lambda a: _pick(a, order_line_id="unpaid_line"),
            "pick_is_for_a_line_that_waits",
        ),
        "picked by a client": (
            lambda a: _pick(a, picked_by_id="client"),
            "pick_is_by_who_keeps_the_shelf",
        ),
        "picked more than is promised": (
            lambda a: _pick(a, units=3),
            "pick_is_promised_to_its_line",
        ),
        "picked a cream for a soap": (
            lambda a: _pick(a, lot_id="cream_lot"),
            "pick_is_promised_to_its_line",
        ),
        "picked from a lot that is kept apart": (
            lambda a: _pick(a, lot_id="held_lot"),
            "lot_is_available",
        ),
        "picked from where nothing of it lies": (
            lambda a: _pick(a, location_id="rooms"),
            "pick_is_from_where_its_lot_lies",
        ),
        "put back twice": (
            lambda a: (a.run(PUT_BACK, at=LATELY), a.run(PUT_BACK, at=LATELY)),
            "pick_is_put_back_once",
        ),
        "put back what has left": (
            lambda a: a.run(PUT_BACK, at=LATELY, pick=a.facts["left"]),
            "what_left_is_not_put_back",
        ),
        "missing for an order that is not paid": (
            lambda a: _short(a, order_line_id="unpaid_line"),
            "shortage_is_met_when_picking",
        ),
        "missing by a client's word": (
            lambda a: _short(a, said_by_id="client"),
            "shortage_is_said_by_who_keeps_the_shelf",
        ),
        "missing of something else": (
            lambda a: _short(a, lot_id="cream_lot"),
            "shortage_is_of_what_was_ordered",
        ),
        "missing more than the ledger has there": (
            lambda a: _short(a, units=31),
            "shortage_is_of_what_should_be_there",
        ),
    }
)

ATTACKS.each(
    {
        "a parcel of an order whose money went back": (
            lambda a: _parcel(a, "refunded"),
            "shipment_is_paid_for",
        ),
        "a parcel of an order that is not paid": (
            lambda a: _parcel(a, "unpaid"),
            "shipment_is_paid_for",
        ),
        "sent by post what she was to fetch": (
            lambda a: _parcel(a, "fetched"),
            "what_is_picked_up_is_handed_over",
        ),
        "handed over what was to be sent": (
            lambda a: _handed(a, "order"),
            "what_is_picked_up_is_handed_over",
        ),
        "handed to somebody else": (
            lambda a: _handed(a, to="Somebody Else"),
            "handed_over_to_the_client",
        ),
        "gone without being picked": (
            lambda a: _leaves(a, "order", "line", "soap_lot", units=3),
            "what_leaves_was_picked",
        ),
        "gone what was put back": (
            lambda a: (
                as_owner(a, PUT_BACK, at=LATELY),
                _leaves(a, "order", "line", "soap_lot"),
            ),
            "what_leaves_was_picked",
        ),
        "gone without its label": (
            lambda a: _leaves(a, "bare", "bare_line", "cream_lot", fill="bare_fill"),
            "what_was_prescribed_leaves_with_its_label",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("pick_guard", APP)
def _backdate_what_was_put_back(attacker: Sql) -> object:
    return attacker.run(
        f"{PUT_BACK} RETURNING put_back_at > now() - interval '1 minute' AS stamped",
        at=LATELY,
    )["stamped"]


def _stamped(attacker: Sql, table: str, column: str, who: str) -> object:
    """Somebody writes another time than that of the act."""
    return attacker.run(
        f"INSERT INTO {table} (id, order_line_id, lot_id, location_id, units, {who}, {column})"
        " VALUES (%(new)s, %(line)s, %(soap_lot)s, %(shelf)s, 1, %(staff)s, '2001-01-01')"
        f" RETURNING {column} > now() - interval '1 minute' AS stamped"
    )["stamped"]


@ATTACKS.undone("pick_guard", OWNER)
def _backdate_a_pick(attacker: Sql) -> object:
    return _stamped(attacker, "picks", "picked_at", "picked_by_id")


@ATTACKS.undone("shortage_guard", OWNER)
def _backdate_a_shortage(attacker: Sql) -> object:
    return _stamped(attacker, "shortages", "said_at", "said_by_id")


@ATTACKS.undone("pick_guard", OWNER)
def _be_born_put_back(attacker: Sql) -> object:
    """It stands all the same; that nobody put it back is then refused."""
    return attacker.run(
        "INSERT INTO picks (id, order_line_id, lot_id, location_id, units, picked_by_id,"
        " put_back_at) VALUES (%(new)s, %(line)s, %(soap_lot)s, %(shelf)s, 1, %(staff)s, now())"
        " RETURNING put_back_at IS NULL AS stands"
    )["stands"]
