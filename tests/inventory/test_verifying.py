"""`flask inventory verify`: says that all is well, and sees what a superuser altered."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.inventory import locations, stock
from shop.inventory.cli import inventory
from shop.inventory.models import Reason
from tests.builders import a_variant
from tests.conftest import Database
from tests.inventory.counts import adjust
from tests.inventory.lots import a_delivery, a_lot, today


@pytest.fixture(scope="module")
def shelf(live_app: Flask) -> dict[str, Any]:
    """A lot of 6 + 4 units: 2 shipped, 3 promised, 1 given back."""
    with live_app.app_context():
        act_as("system:test")
        cream, soap = a_variant(), a_variant()
        lot, other = a_lot(cream, 6), a_lot(soap, 5)
        a_delivery(lot, 4)
        shipped, live, ended = stock.reserve([(cream.id, n) for n in (2, 3, 1)], today=today())
        stock.ship(shipped, reference_id=uuid.uuid4(), today=today())
        stock.release([ended], at=now())
        broke = adjust(a_lot(soap, 5), -1, Reason.DAMAGED)
        db.session.commit()
        return {
            "lot": lot.id,
            "number": lot.number,
            "other": other.id,
            "broke": broke.id,
            "live": live.id,
            "ended": ended.id,
            "shelf": locations.location("SHELF").id,
            "backbar": locations.location("BACKBAR").id,
        }


def verified(live_app: Flask, *options: str) -> Result:
    return live_app.test_cli_runner().invoke(inventory, ["verify", *options])


def test_a_shelf_that_was_left_alone_verifies(live_app: Flask, shelf: dict[str, Any]) -> None:
    said, counted = verified(live_app), verified(live_app, "--json")

    assert (said.exit_code, counted.exit_code) == (0, 0), said.output
    assert said.output == "3 lots, every one holds what its movements and reservations say.\n"
    assert json.loads(counted.output) == {"lots": 3, "broken": []}


INSERT = (
    "INSERT INTO movements (id, lot_id, seq, previous, kind, delta, balance, reference_id, actor, at,"
    " units, from_id, to_id, from_balance, to_balance) VALUES (gen_random_uuid(), %(lot)s, "
)
TAMPERING = {
    "delta and balance": (
        "UPDATE movements SET units = 5, delta = 5, balance = 11 WHERE lot_id = %(lot)s AND seq = 2",
        "movement 3 does not follow the one before",
    ),
    "first movement removed": (
        "DELETE FROM movements WHERE lot_id = %(lot)s AND seq = 1",
        "movement 1 is missing",
    ),
    "movement removed": (
        "DELETE FROM movements WHERE lot_id = %(lot)s AND seq = 2",
        "movement 2 is missing",
    ),
    "last movement removed": (
        "DELETE FROM movements WHERE lot_id = %(lot)s AND seq = 3",
        "8 on hand, but the movements add up to 10",
    ),
    "movement added": (
        INSERT
        + "4, 8, 'damage', -3, 5, gen_random_uuid(), 'person:x', now(), 3, %(shelf)s, NULL, 5, NULL)",
        "8 on hand, but the movements add up to 5",
    ),
    "delivery invented": (
        INSERT
        + "4, 8, 'receive', 3, 11, gen_random_uuid(), 'person:x', now(), 3, NULL, %(shelf)s, NULL, 11);"
        " UPDATE lots SET on_hand = 11, ledger_seq = 4 WHERE id = %(lot)s",
        "movement 4 received units that no delivery brought",
    ),
    "movement moved to another lot": (
        "UPDATE movements SET lot_id = %(other)s, seq = 2 WHERE lot_id = %(lot)s AND seq = 3",
        "8 on hand, but the movements add up to 10",
    ),
    "on hand": (
        "UPDATE lots SET on_hand = 9 WHERE id = %(lot)s",
        "9 on hand, but the movements add up to 8",
    ),
    "number of the last movement": (
        "UPDATE lots SET ledger_seq = 2 WHERE id = %(lot)s",
        "its last movement is 3, but it shows 2",
    ),
    "on the shelf": (
        "UPDATE lots SET on_shelf = 7 WHERE id = %(lot)s",
        "7 on the shelf, but 8 lie where orders are filled",
    ),
    "what lies in a place": (
        "UPDATE holdings SET on_hand = 9 WHERE lot_id = %(lot)s",
        "9 lie in SHELF, but what was moved there adds up to 8",
    ),
    "a place forgotten": (
        "DELETE FROM holdings WHERE lot_id = %(lot)s",
        "0 lie in SHELF, but what was moved there adds up to 8",
    ),
    "where a movement led": (
        "UPDATE movements SET to_id = %(backbar)s WHERE lot_id = %(lot)s AND seq = 2",
        "movement 2 tells 10 where 4 lie",
    ),
    "why it broke": (
        "UPDATE adjustments SET delta = -2 WHERE id = %(broke)s",
        "movement 2 corrects what no count or adjustment says",
    ),
    "that it broke": (
        "UPDATE movements SET kind = 'destroy' WHERE reference_id = %(broke)s",
        "a correction by -1 did not move anything",
    ),
    "reserved": (
        "UPDATE lots SET reserved = 2 WHERE id = %(lot)s",
        "2 reserved, but live reservations hold 3",
    ),
    "units of a part": (
        "UPDATE reservation_parts SET units = 2 WHERE reservation_id = %(live)s",
        "3 reserved, but live reservations hold 2",
    ),
    "part ended": (
        "UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(live)s",
        "3 reserved, but live reservations hold 0",
    ),
    "part reopened": (
        "UPDATE reservation_parts SET ended_at = NULL WHERE reservation_id = %(ended)s",
        "3 reserved, but live reservations hold 4",
    ),
    "part removed": (
        "DELETE FROM reservation_parts WHERE reservation_id = %(live)s",
        "3 reserved, but live reservations hold 0",
    ),
    "part moved to another lot": (
        (
            "UPDATE reservation_parts SET lot_id = %(other)s WHERE reservation_id = %(live)s;"
            " UPDATE lots SET reserved = CASE id WHEN %(other)s THEN 3 ELSE 0 END"
        ),
        "it holds units of another variant",
    ),
    "more promised than is there": (
        (
            "UPDATE reservation_parts SET units = 9 WHERE reservation_id = %(live)s;"
            " UPDATE reservations SET units = 9 WHERE id = %(live)s"
        ),
        "9 promised, but only 8 there",
    ),
    "units of a reservation": (
        "UPDATE reservations SET units = 7 WHERE id = %(live)s",
        "it holds 3 units and should hold 7",
    ),
    "reservation ended": (
        "UPDATE reservations SET shipped_at = now() WHERE id = %(live)s",
        "it holds 3 units and should hold 0",
    ),
    "reservation reopened": (
        "UPDATE reservations SET released_at = NULL WHERE id = %(ended)s",
        "it holds 0 units and should hold 1",
    ),
    "reservation removed": (
        "DELETE FROM reservations WHERE id = %(live)s",
        "its reservation is missing",
    ),
    "units of a delivery": (
        "UPDATE receipt_lines SET units = 40 WHERE lot_id = %(lot)s AND units = 4",
        "40 came in, the ledger received 4",
    ),
    "delivery removed": (
        "DELETE FROM receipt_lines WHERE lot_id = %(lot)s AND units = 4",
        "movement 2 received units that no delivery brought",
    ),
}
SAVED = (
    *("lots", "holdings", "movements", "reservations", "reservation_parts", "receipt_lines"),
    "adjustments",
)


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_by_a_superuser_is_seen(
    live_app: Flask, live: Database, shelf: dict[str, Any], how: str
) -> None:
    statements, why = TAMPERING[how]
    with live.as_role() as connection:
        connection.execute("SET session_replication_role = replica")  # past every trigger and key
        _save(connection)
        for statement in statements.split(";"):
            connection.execute(statement, shelf)
        connection.commit()
        try:
            said, counted = verified(live_app), verified(live_app, "--json")
        finally:
            _restore(connection)

    assert (said.exit_code, counted.exit_code) == (1, 1)
    broken = json.loads(counted.output)["broken"]
    assert why in [each["why"] for each in broken]
    assert said.stderr.startswith(f"Broken at {broken[0]['place']}: {broken[0]['why']}.")
    assert verified(live_app).exit_code == 0


def _save(connection: Any) -> None:
    for table in SAVED:
        connection.execute(f"CREATE TEMP TABLE saved_{table} AS SELECT * FROM {table}")
    connection.commit()


def _restore(connection: Any) -> None:
    written = (
        "id, lot_id, seq, kind, delta, previous, balance, reference_id, actor, at, units, from_id,"
        " to_id, from_balance, to_balance"
    )
    for table in SAVED:
        columns = written if table == "movements" else "*"
        into = f"({written})" if table == "movements" else ""
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} {into} SELECT {columns} FROM saved_{table}")
    connection.commit()
