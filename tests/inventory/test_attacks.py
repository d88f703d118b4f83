"""What direct SQL cannot do to the shelf, by the name of what stops it.

On-hand and reserved equal their sums and stay within each other; nothing is promised or shipped
from a lot that is expired or not available; every stock effect happens once; nothing is rewritten.
"""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg.errors import InsufficientPrivilege

from shop.core.clock import now
from shop.core.cluster import APP, OWNER, WORKER
from shop.core.db import act_as, db
from shop.inventory import stock
from shop.inventory.states import LotStatus
from tests.builders import a_variant
from tests.conftest import Database
from tests.inventory.lots import a_delivery, a_lot, today
from tests.people import sam

MOVE = "INSERT INTO movements (id, lot_id, kind, delta, reference_id) VALUES (gen_random_uuid(), "
PROMISE = "INSERT INTO reservations (id, variant_id, units) VALUES (%(new)s, %(cream)s, 3)"
PART = (
    "INSERT INTO reservation_parts (id, reservation_id, lot_id, variant_id, units)"
    " VALUES (gen_random_uuid(), %(new)s, "
)
LOT = (
    "INSERT INTO lots (id, number, variant_id, lot_number, expires_on, status, state_seq)"
    " VALUES (%(new)s, 'L-ATTACK', %(cream)s, "
)
BY_HAND = (
    "ALTER TABLE movements DISABLE TRIGGER movement_chained",
    (
        "INSERT INTO movements (id, lot_id, seq, previous, kind, delta, balance, reference_id, actor,"
        " at) VALUES (gen_random_uuid(), %(good)s, "
    ),
)


@pytest.fixture(scope="module")
def shelf(live_app: Flask) -> dict[str, Any]:
    """A good lot of 6 + 4 units of which 3 are promised, and lots that nothing may leave."""
    with live_app.app_context():
        act_as("system:test")
        cream, soap = a_variant(), a_variant()
        good = a_lot(cream, 6)
        a_delivery(good, 4)
        live, ended = stock.reserve([(cream.id, 3), (cream.id, 2)], today=today())
        stock.release([ended], at=now())
        known = {
            "cream": cream.id,
            "soap": soap.id,
            "good": good.id,
            "good_number": good.lot_number,
            "expired": a_lot(cream, 5, days=-5).id,
            "quarantined": a_lot(cream, 5, status=LotStatus.QUARANTINE).id,
            "soaps": a_lot(soap, 5).id,
            "live": live.id,
            "ended": ended.id,
            "sam": sam().id,
        }
        db.session.commit()
        return known


# What is tried -> who tries, the statements of one transaction, what stops it.
ATTACKS: dict[str, tuple[str, str, list[str]]] = {
    # the application, within its privileges
    "ship what expired": (
        APP,
        "lot_is_not_expired",
        [f"{MOVE} %(expired)s, 'ship', -1, gen_random_uuid())"],
    ),
    "use what expired in a treatment": (
        APP,
        "lot_is_not_expired",
        [f"{MOVE} %(expired)s, 'treatment_use', -1, gen_random_uuid())"],
    ),
    "ship from quarantine": (
        APP,
        "lot_is_available",
        [f"{MOVE} %(quarantined)s, 'ship', -1, gen_random_uuid())"],
    ),
    "promise what expired": (
        WORKER,
        "lot_is_not_expired",
        [PROMISE, f"{PART} %(expired)s, %(cream)s, 3)"],
    ),
    "promise from quarantine": (
        APP,
        "lot_is_available",
        [PROMISE, f"{PART} %(quarantined)s, %(cream)s, 3)"],
    ),
    "promise more than is free": (
        APP,
        "reserved_units_are_on_hand",
        [PROMISE.replace("3)", "8)"), f"{PART} %(good)s, %(cream)s, 8)"],
    ),
    "ship what is promised to others": (
        APP,
        "reserved_units_are_on_hand",
        [f"{MOVE} %(good)s, 'ship', -8, gen_random_uuid())"],
    ),
    "ship more than there is": (
        WORKER,
        "reserved_units_are_on_hand",
        [f"{MOVE} %(soaps)s, 'ship', -6, gen_random_uuid())"],
    ),
    "move without an actor": (
        APP,
        "movement_has_an_actor",
        ["SET LOCAL app.actor = ''", f"{MOVE} %(good)s, 'receive', 1, gen_random_uuid())"],
    ),
    "move nothing": (
        APP,
        "movement_moves_something",
        [f"{MOVE} %(good)s, 'count_adjust', 0, gen_random_uuid())"],
    ),
    "receive a minus": (
        APP,
        "movement_goes_its_kinds_way",
        [f"{MOVE} %(good)s, 'receive', -1, gen_random_uuid())"],
    ),
    "damage a plus": (
        APP,
        "movement_goes_its_kinds_way",
        [f"{MOVE} %(good)s, 'damage', 1, gen_random_uuid())"],
    ),
    "move by magic": (
        APP,
        "movement_kind_is_known",
        [f"{MOVE} %(good)s, 'magic', -1, gen_random_uuid())"],
    ),
    "ship one line twice": (
        APP,
        "movement_happens_once",
        [f"{MOVE} %(good)s, 'ship', -1, %(new)s)"] * 2,
    ),
    "move a lot that is not there": (
        APP,
        "movements_lot_id_fkey",
        [f"{MOVE} %(new)s, 'receive', 1, gen_random_uuid())"],
    ),
    "promise without holding": (APP, "parts_make_up_the_reservation", [PROMISE]),
    "hold less than promised": (
        APP,
        "parts_make_up_the_reservation",
        [PROMISE, f"{PART} %(good)s, %(cream)s, 2)"],
    ),
    "hold more than promised": (
        APP,
        "parts_make_up_the_reservation",
        [PROMISE, f"{PART} %(good)s, %(cream)s, 4)"],
    ),
    "hold for a promise that has ended": (
        APP,
        "parts_make_up_the_reservation",
        [f"{PART} %(good)s, %(cream)s, 2)".replace("%(new)s", "%(ended)s")],
    ),
    "end a promise that keeps holding": (
        APP,
        "parts_make_up_the_reservation",
        ["UPDATE reservations SET released_at = now() WHERE id = %(live)s"],
    ),
    "stop holding what stays promised": (
        APP,
        "parts_make_up_the_reservation",
        ["UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(live)s"],
    ),
    "hold nothing": (
        APP,
        "part_holds_something",
        [PROMISE, f"{PART} %(good)s, %(cream)s, 0)"],
    ),
    "hold twice in one lot": (
        APP,
        "reservation_parts_one_live",
        [PROMISE, f"{PART} %(good)s, %(cream)s, 1)", f"{PART} %(good)s, %(cream)s, 2)"],
    ),
    "hold another variant's lot": (
        APP,
        "reserved_lot_is_of_the_variant",
        [PROMISE, f"{PART} %(soaps)s, %(cream)s, 3)"],
    ),
    "hold another variant": (
        APP,
        "part_is_of_the_reservations_variant",
        [PROMISE, f"{PART} %(soaps)s, %(soap)s, 3)"],
    ),
    "promise too many": (
        APP,
        "reserved_units_are_sane",
        [PROMISE.replace("3)", "1001)")],
    ),
    "end a part again": (
        APP,
        "part_ends_once",
        ["UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(ended)s"],
    ),
    "reopen a part": (
        APP,
        "part_ends_once",
        ["UPDATE reservation_parts SET ended_at = NULL WHERE reservation_id = %(ended)s"],
    ),
    "end a promise again": (
        APP,
        "reservation_ends_once",
        ["UPDATE reservations SET shipped_at = now() WHERE id = %(ended)s"],
    ),
    "reopen a promise": (
        APP,
        "reservation_ends_once",
        ["UPDATE reservations SET released_at = NULL WHERE id = %(ended)s"],
    ),
    "release and ship": (
        APP,
        "released_or_shipped_not_both",
        ["UPDATE reservations SET released_at = now(), shipped_at = now() WHERE id = %(live)s"],
    ),
    "change a lot's status in silence": (
        APP,
        "lot_status_has_its_event",
        ["UPDATE lots SET status = 'available' WHERE id = %(quarantined)s"],
    ),
    "bring a destroyed lot into being": (
        APP,
        "event_is_a_legal_transition",
        [
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " VALUES (%(new)s, 'lot', 'lot_received', 'destroyed')"
            )
        ],
    ),
    "un-expire by an event": (
        APP,
        "event_is_a_legal_transition",
        [
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " VALUES (%(good)s, 'lot', 'lot_expired', 'expired')"
            ),
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " VALUES (%(good)s, 'lot', 'lot_released', 'available')"
            ),
        ],
    ),
    "make a lot without its event": (
        APP,
        "lot_status_has_its_event",
        [f"{LOT} 'X', '2030-01-01', 'available', 1)"],
    ),
    "make the same lot again": (
        APP,
        "lots_makers_number_key",
        [f"{LOT} %(good_number)s, '2030-01-01', 'available', 1)"],
    ),
    "make a lot with a space in its number": (
        APP,
        "lot_number_fits_gs1",
        [f"{LOT} 'A 1', '2030-01-01', 'available', 1)"],
    ),
    "receive an absurd delivery": (
        APP,
        "received_units_are_sane",
        [
            (
                "INSERT INTO receipt_lines (id, receipt_id, lot_id, units, received_by_id)"
                " VALUES (gen_random_uuid(), gen_random_uuid(), %(good)s, 100001, %(sam)s)"
            )
        ],
    ),
    # the owner, who may change every row
    "rewrite the ledger": (OWNER, "movements_are_kept", ["UPDATE movements SET delta = 9"]),
    "cut the ledger": (OWNER, "movements_are_kept", ["DELETE FROM movements"]),
    "empty the ledger": (OWNER, "movements_are_kept", ["TRUNCATE movements CASCADE"]),
    "rewrite a delivery": (OWNER, "receipt_lines_are_kept", ["UPDATE receipt_lines SET units = 9"]),
    "remove a delivery": (OWNER, "receipt_lines_are_kept", ["DELETE FROM receipt_lines"]),
    "remove a lot": (OWNER, "lots_are_kept", ["DELETE FROM lots"]),
    "remove a part": (OWNER, "parts_are_kept", ["DELETE FROM reservation_parts"]),
    "remove a promise": (OWNER, "reservations_are_kept", ["DELETE FROM reservations"]),
    "raise the head": (
        OWNER,
        "lot_head_is_its_last_movement",
        ["UPDATE lots SET on_hand = on_hand + 1 WHERE id = %(good)s"],
    ),
    "turn the head back": (
        OWNER,
        "lot_shows_its_last_movement",
        ["UPDATE lots SET ledger_seq = 1, on_hand = 6 WHERE id = %(good)s"],
    ),
    "forget the ledger": (
        OWNER,
        "lot_shows_its_last_movement",
        ["UPDATE lots SET ledger_seq = NULL, on_hand = 99 WHERE id = %(good)s"],
    ),
    "forget what is promised": (
        OWNER,
        "reserved_is_the_sum_of_its_parts",
        ["UPDATE lots SET reserved = 0 WHERE id = %(good)s"],
    ),
    "enlarge a part": (
        OWNER,
        "part_only_ends",
        ["UPDATE reservation_parts SET units = 4 WHERE reservation_id = %(live)s"],
    ),
    "move a part while ending it": (
        OWNER,
        "part_only_ends",
        [
            (
                "UPDATE reservation_parts SET ended_at = now(), lot_id = %(expired)s"
                " WHERE reservation_id = %(live)s"
            )
        ],
    ),
    "enlarge a promise": (
        OWNER,
        "reservation_only_ends",
        ["UPDATE reservations SET units = 4 WHERE id = %(live)s"],
    ),
    # the owner, who switched the trigger off
    "chain to a balance that never was": (
        OWNER,
        "movement_follows_the_one_before",
        [BY_HAND[0], f"{BY_HAND[1]} 3, 50, 'ship', -1, 49, %(new)s, 'person:x', now())"],
    ),
    "begin with something": (
        OWNER,
        "ledger_begins_at_zero",
        [
            BY_HAND[0],
            f"{BY_HAND[1]} 1, 50, 'ship', -1, 49, %(new)s, 'person:x', now())",
        ],
    ),
    "write a balance that is not the sum": (
        OWNER,
        "balance_is_never_negative",
        [BY_HAND[0], f"{BY_HAND[1]} 3, 10, 'ship', -1, 10, %(new)s, 'person:x', now())"],
    ),
    "go below zero": (
        OWNER,
        "balance_is_never_negative",
        [BY_HAND[0], f"{BY_HAND[1]} 3, 10, 'ship', -11, -1, %(new)s, 'person:x', now())"],
    ),
    "number a movement again": (
        OWNER,
        "movements_pkey",
        [BY_HAND[0], f"{BY_HAND[1]} 2, 6, 'ship', -1, 5, %(new)s, 'person:x', now())"],
    ),
    "add a movement behind the head's back": (
        OWNER,
        "lot_shows_its_last_movement",
        [
            BY_HAND[0],
            f"{BY_HAND[1]} 3, 10, 'receive', 1, 11, %(new)s, 'person:x', now())",
            "UPDATE lots SET on_hand = on_hand WHERE id = %(good)s",
        ],
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_is_stopped(live: Database, shelf: dict[str, Any], attack: str) -> None:
    role, constraint, statements = ATTACKS[attack]
    with live.as_role(role) as connection:
        with pytest.raises(psycopg.IntegrityError) as refused:
            _run(connection, statements, shelf)
        assert refused.value.diag.constraint_name == constraint
        connection.rollback()


FORBIDDEN = {
    "write the head": "UPDATE lots SET on_hand = 99",
    "write the promises": "UPDATE lots SET reserved = 0",
    "write the head's number": "UPDATE lots SET ledger_seq = 1",
    "postpone the expiry": "UPDATE lots SET expires_on = '2050-01-01'",
    "be born with units": (
        "INSERT INTO lots (id, number, variant_id, lot_number, expires_on, status, on_hand) VALUES"
        " (%(new)s, 'L-A', %(cream)s, 'X', '2050-01-01', 'available', 9)"
    ),
    "arrive in the past": (
        "INSERT INTO lots (id, number, variant_id, lot_number, expires_on, status, received_at)"
        " VALUES (%(new)s, 'L-A', %(cream)s, 'X', '2050-01-01', 'available', '2020-01-01')"
    ),
    "number a movement": (
        "INSERT INTO movements (id, lot_id, kind, delta, reference_id, seq)"
        " VALUES (%(new)s, %(good)s, 'ship', -1, %(new)s, 1)"
    ),
    "sign for somebody else": (
        "INSERT INTO movements (id, lot_id, kind, delta, reference_id, actor)"
        " VALUES (%(new)s, %(good)s, 'ship', -1, %(new)s, 'person:x')"
    ),
    "backdate a movement": (
        "INSERT INTO movements (id, lot_id, kind, delta, reference_id, at)"
        " VALUES (%(new)s, %(good)s, 'ship', -1, %(new)s, '2020-01-01')"
    ),
    "rewrite a movement": "UPDATE movements SET delta = 9",
    "remove a movement": "DELETE FROM movements",
    "empty the ledger": "TRUNCATE movements CASCADE",
    "enlarge a promise": "UPDATE reservations SET units = 9",
    "remove a promise": "DELETE FROM reservations",
    "enlarge a part": "UPDATE reservation_parts SET units = 9",
    "hold nothing from the start": (
        "INSERT INTO reservation_parts (id, reservation_id, lot_id, variant_id, units, ended_at)"
        " VALUES (%(new)s, %(live)s, %(good)s, %(cream)s, 1, now())"
    ),
    "remove a part": "DELETE FROM reservation_parts",
    "remove a lot": "DELETE FROM lots",
    "remove a delivery": "DELETE FROM receipt_lines",
    "rewrite a delivery": "UPDATE receipt_lines SET units = 9",
    "switch a trigger off": "ALTER TABLE movements DISABLE TRIGGER movement_chained",
}


@pytest.mark.parametrize("attack", FORBIDDEN)
@pytest.mark.parametrize("role", [APP, WORKER])
def test_is_not_for_the_application(
    live: Database, shelf: dict[str, Any], role: str, attack: str
) -> None:
    with live.as_role(role) as connection:
        with pytest.raises(InsufficientPrivilege):
            _run(connection, [FORBIDDEN[attack]], shelf)
        connection.rollback()


def test_times_are_the_databases_own(live: Database, shelf: dict[str, Any]) -> None:
    with live.as_role(APP) as connection:
        given = {**shelf, "new": uuid.uuid4(), "then": "2001-01-01"}
        ends = "SET ended_at = %(then)s WHERE reservation_id = %(new)s"
        for statement in (PROMISE, f"{PART} %(good)s, %(cream)s, 3)"):
            connection.execute(statement, given)
        connection.execute(f"UPDATE reservation_parts {ends}", given)
        connection.execute(
            "UPDATE reservations SET released_at = %(then)s WHERE id = %(new)s", given
        )
        rows = connection.execute(
            "SELECT r.released_at > now() - interval '1 minute', p.ended_at >= r.reserved_at"
            " FROM reservations r JOIN reservation_parts p ON p.reservation_id = r.id"
            " WHERE r.id = %(new)s",
            given,
        ).fetchall()
        connection.rollback()
    assert rows == [(True, True)]


def test_the_last_day_of_a_lot_is_the_day_it_ends_everywhere(live_app: Flask) -> None:
    """The clinic's evening is already tomorrow in UTC: the database must not refuse it today."""
    with live_app.app_context():
        days = db.session.execute(
            sa.text(
                "SELECT day_at_the_latest(), (shop_now() AT TIME ZONE 'Etc/GMT+12')::date,"
                " (shop_now() AT TIME ZONE 'America/Los_Angeles')::date"
            )
        ).one()
    assert days[0] == days[1] <= days[2]


def _run(connection: psycopg.Connection[Any], statements: list[str], shelf: dict[str, Any]) -> None:
    connection.execute("SELECT set_config('app.actor', 'person:attacker', true)")
    for statement in statements:
        connection.execute(statement, {**shelf, "new": uuid.UUID(int=7)})
    connection.commit()
