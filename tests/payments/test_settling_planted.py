"""Every kind of difference, planted by a superuser past every guard, is found and named."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from shop import create_app
from shop.core.cluster import OWNER
from shop.core.db import act_as, db
from shop.payments.gateway import Gateway
from shop.payments.sandbox.app import create_app as create_bank
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway
from tests.conftest import Database, config_for
from tests.payments.conftest import emptied
from tests.payments.test_settling_reconcile import LATE, a_world, found, plant

KEY, SECRET = "sk_test_planted", "whsec_planted"
DROPPED = "payments refunds orders order_lines lots fills prescriptions reservations"


@pytest.fixture(scope="module")
def bank(sandbox_database_url: str) -> Iterator[tuple[Gateway, Visitor]]:
    """A bank of the module's own, empty at first."""
    sandbox = Sandbox(sandbox_database_url, KEY, SECRET)
    sandbox.open()
    emptied(sandbox_database_url)
    app = create_bank(sandbox)
    yield StripeGateway(KEY, (SECRET,), transport=in_process(app)), Visitor(app)
    sandbox.close()


def shop_on(database: Database, gateway: Gateway) -> Flask:
    return create_app(config_for(database), gateway=gateway)


@pytest.fixture(scope="module")
def world(live: Database, bank: tuple[Gateway, Visitor]) -> dict[str, Any]:
    """The world in a database that the tests clone, without the CHECKs that stop a superuser."""
    with shop_on(live, bank[0]).app_context():
        act_as("system:test")
        known = a_world(*bank)
        db.session.remove()
        db.engine.dispose()
    with live.as_role() as connection:
        for table, name in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid::regclass::text = ANY (string_to_array(%s, ' '))",
            [DROPPED],
        ).fetchall():
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(table), sql.Identifier(name)
                )
            )
        connection.commit()
    return known


@pytest.fixture
def fresh(live: Database, world: dict[str, Any]) -> Database:
    """A database of the test's own: what is planted stays out of the next test."""
    name = f"aftercare_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(live.admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(live.name), sql.Identifier(OWNER)
            )
        )
    return Database(live.admin, name)


@pytest.fixture
def shop(fresh: Database, bank: tuple[Gateway, Visitor]) -> Iterator[Flask]:
    app = shop_on(fresh, bank[0])
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


PLANTED: dict[str, tuple[str, set[str]]] = {
    "an order made paid": (
        "UPDATE orders SET status = 'paid' WHERE id = %(waiting)s",
        {"paid_order_without_money"},
    ),
    "a payment made to have money": (
        (
            "UPDATE payments SET status = 'succeeded', captured_cents = amount_cents"
            " WHERE id = %(tried)s"
        ),
        {"money_without_paid_order", "money_the_provider_never_saw"},
    ),
    "money made to vanish": (
        "UPDATE payments SET status = 'cancelled', captured_cents = 0 WHERE id = %(payment)s",
        {"paid_order_without_money", "money_not_booked"},
    ),
    "less booked than came": (
        "UPDATE payments SET captured_cents = captured_cents - 1 WHERE id = %(payment)s",
        {"paid_order_without_money", "amounts_differ"},
    ),
    "a refund made to have failed": (
        "UPDATE refunds SET status = 'failed' WHERE payment_id = %(returned)s",
        {"refunds_do_not_add_up", "refund_states_differ"},
    ),
    "a sum of refunds changed": (
        "UPDATE payments SET refunded_cents = 1 WHERE id = %(payment)s",
        {"refunds_do_not_add_up"},
    ),
    "a refund invented": (
        (
            "INSERT INTO refunds (id, payment_id, request_key, amount_cents, other_cents, reason,"
            " status, provider_refund_id) VALUES (gen_random_uuid(), %(payment)s, 'mine', 5, 5,"
            " 'other', 'done', 're_invented')"
        ),
        {"refunds_do_not_add_up", "refund_the_provider_never_saw"},
    ),
    "a refund removed": (
        "DELETE FROM refunds WHERE payment_id = %(returned)s",
        {"refunds_do_not_add_up", "refund_nobody_asked_for"},
    ),
    "an order cancelled and its money kept": (
        (
            f"UPDATE orders SET status = 'cancelled', ended_at = shop_now() - {LATE}"
            " WHERE id = %(paid)s"
        ),
        {"money_of_an_ended_order"},
    ),
    "a page given to nobody": (
        "DELETE FROM payments WHERE id = %(tried)s",
        {"page_nobody_asked_for"},
    ),
    "a payment removed": (
        "DELETE FROM payments WHERE id = %(payment)s",
        {"paid_order_without_money", "page_nobody_asked_for", "money_for_nobody"},
    ),
    "a page renamed": (
        "UPDATE payments SET provider_session_id = 'cs_test_mine' WHERE id = %(tried)s",
        {"page_the_provider_never_saw", "page_nobody_asked_for"},
    ),
    "a payment given up by hand": (
        "UPDATE payments SET status = 'cancelled' WHERE id = %(tried)s",
        {"page_open_there"},
    ),
    "a question by hand": (
        "UPDATE payments SET status = 'questioned' WHERE id = %(tried)s",
        {"payment_questioned"},
    ),
    "an order overdue": (
        f"UPDATE orders SET pay_by = shop_now() - {LATE} WHERE id = %(waiting)s",
        {"order_overdue"},
    ),
    "a call left to a person": (
        "UPDATE provider_calls SET status = 'human' WHERE reference_id = %(tried)s",
        {"call_needs_a_person"},
    ),
    "a call left lying": (
        (
            f"UPDATE provider_calls SET status = 'planned', lease_until = shop_now() - {LATE}"
            " WHERE reference_id = %(tried)s"
        ),
        {"call_overdue"},
    ),
    "a reservation released under a line": (
        (
            "UPDATE reservations SET released_at = shop_now() WHERE id IN"
            " (SELECT reservation_id FROM order_lines WHERE order_id = %(paid)s)"
        ),
        {"line_without_its_units", "reservation_is_not_its_parts"},
    ),
    "a lot that reserves too much": (
        "UPDATE lots SET reserved = reserved + 1",
        {"lot_reserves_what_nobody_holds"},
    ),
    "a lot that holds too much": (
        "UPDATE lots SET on_hand = on_hand + 1",
        {"lot_is_not_its_ledger"},
    ),
    "a line cancelled by hand": (
        "UPDATE order_lines SET status = 'cancelled' WHERE order_id = %(cream)s",
        {"reservation_for_nobody", "fill_for_nobody"},
    ),
    "a line shipped by hand": (
        "UPDATE order_lines SET status = 'shipped' WHERE order_id = %(paid)s",
        {"shipped_without_movement"},
    ),
    "a price of one's own": (
        ("UPDATE order_lines SET unit_price_cents = 1, total_cents = 1 WHERE order_id = %(cream)s"),
        {"order_is_not_its_lines", "line_is_not_what_backs_it"},
    ),
    "a line that counts wrong": (
        "UPDATE order_lines SET total_cents = total_cents + 1 WHERE order_id = %(paid)s",
        {"order_is_not_its_lines", "line_is_not_what_backs_it"},
    ),
    "more on a line than was promised": (
        (
            "UPDATE order_lines SET quantity = quantity + 1,"
            " total_cents = total_cents + unit_price_cents WHERE order_id = %(cream)s"
        ),
        {"order_is_not_its_lines", "line_is_not_what_backs_it"},
    ),
    "a line that needs no fill": (
        "UPDATE order_lines SET requires_prescription = false WHERE order_id = %(cream)s",
        {"line_is_not_what_backs_it"},
    ),
    "a line removed": (
        "DELETE FROM order_lines WHERE order_id = %(paid)s",
        {"order_is_not_its_lines", "reservation_for_nobody"},
    ),
    "a smaller order": (
        (
            "UPDATE orders SET subtotal_cents = subtotal_cents - 1,"
            " total_cents = total_cents - 1 WHERE id = %(waiting)s"
        ),
        {"order_is_not_its_lines", "order_is_not_as_placed", "payment_is_not_for_its_order"},
    ),
    "a discount by hand": (
        "UPDATE orders SET discount_cents = 5 WHERE id = %(paid)s",
        {"order_is_not_as_placed"},
    ),
    "a payment that asks for less": (
        "UPDATE payments SET amount_cents = amount_cents - 1 WHERE id = %(tried)s",
        {"payment_is_not_for_its_order"},
    ),
    "a fill for another state": (
        "UPDATE fills SET state = 'TX' WHERE prescription_id = %(prescription)s",
        {"fill_is_not_on_its_terms", "line_is_not_what_backs_it"},
    ),
    "more in a fill than was prescribed": (
        "UPDATE fills SET quantity = 9 WHERE prescription_id = %(prescription)s",
        {"fill_is_not_on_its_terms", "line_is_not_what_backs_it"},
    ),
    "a fill released under a line": (
        "UPDATE fills SET status = 'released' WHERE prescription_id = %(prescription)s",
        {"line_without_its_fill"},
    ),
    "a fill of nobody": (
        (
            "INSERT INTO fills (id, prescription_id, number, client_id, variant_id, state,"
            " quantity, fills_allowed, status) SELECT gen_random_uuid(), prescription_id, 99,"
            " client_id, variant_id, state, quantity, fills_allowed, 'reserved' FROM fills"
            " WHERE prescription_id = %(prescription)s"
        ),
        {"fill_for_nobody", "fill_is_not_on_its_terms"},
    ),
    "fewer fills allowed than taken": (
        "UPDATE prescriptions SET fills_allowed = 0 WHERE id = %(prescription)s",
        {"too_many_fills", "fill_is_not_on_its_terms"},
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found(
    planted: str, shop: Flask, fresh: Database, world: dict[str, Any]
) -> None:
    statement, kinds = PLANTED[planted]
    plant(fresh, statement, **world)

    assert found(shop) == kinds
