"""Every kind of difference, planted by a superuser past every guard, is found and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from shop import create_app
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import calls, chasing, following, queries, reconciling
from shop.payments.cli import reconcile
from shop.payments.gateway import Gateway
from shop.payments.models import Payment
from shop.payments.sandbox.in_process import Visitor
from tests.conftest import Database, config_for
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import (
    OutsideTransactions,
    a_cream_order,
    an_order,
    begun,
    how,
    opened,
)


@pytest.fixture
def fresh(clone: Any) -> Database:
    """A database of the test's own: what is planted stays out of the next test."""
    database: Database = clone()
    return database


@pytest.fixture
def shop(fresh: Database, gateway: Gateway) -> Iterator[Flask]:
    app = create_app(config_for(fresh), gateway=gateway)
    if "reconcile" not in app.cli.commands:
        app.cli.add_command(reconcile)
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


def plant(fresh: Database, statement: str, **known: Any) -> None:
    """Past every trigger and key, as only a superuser can."""
    db.session.commit()
    with fresh.as_role() as connection:
        connection.execute("SET session_replication_role = replica")
        changed = connection.execute(statement, known).rowcount
        assert changed > 0
        connection.commit()


def ran(shop: Flask, *flags: str) -> Result:
    db.session.commit()
    return shop.test_cli_runner().invoke(args=["reconcile", *flags])


def found(shop: Flask) -> set[str]:
    """The kinds of difference the command prints."""
    result = ran(shop, "--json")
    told = json.loads(result.stdout)["differences"]
    assert result.exit_code == (1 if told else 0), result.output
    act_as("system:test")
    return {one["kind"] for one in told}


def paid(order: Order, gateway: Gateway, visitor: Visitor) -> Payment:
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    following.payment(payment.id, gateway)
    return queries.payment(payment.id)


def sent_back(order: Order, gateway: Gateway) -> None:
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="client", by=held.client, at=now())
    db.session.commit()
    chasing.order_ended(order.id, gateway)


@pytest.fixture
def world(shop: Flask, gateway: Gateway, visitor: Visitor) -> dict[str, Any]:
    """An order that is paid, one that waits on its page, one sent back, one for a cream."""
    done, waiting, over = an_order(), an_order(), an_order()
    cream, prescription = a_cream_order()
    known: dict[str, Any] = {
        "paid": done.id,
        "payment": paid(done, gateway, visitor).id,
        "waiting": waiting.id,
        "tried": opened(waiting, gateway).id,
        "over": over.id,
        "returned": paid(over, gateway, visitor).id,
        "cream": cream.id,
        "creamed": paid(cream, gateway, visitor).id,
        "prescription": prescription.id,
    }
    sent_back(over, gateway)
    return known


def test_everything_agrees(shop: Flask, world: dict[str, Any]) -> None:
    result = ran(shop)
    assert (result.exit_code, result.output.strip()) == (0, "Everything agrees.")


LATE = "interval '1 hour'"
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
            "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status,"
            " provider_refund_id) VALUES (gen_random_uuid(), %(payment)s, 'mine', 5, 'x', 'done',"
            " 're_invented')"
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
        {"fill_for_nobody"},
    ),
    "fewer fills allowed than taken": (
        "UPDATE prescriptions SET fills_allowed = 0 WHERE id = %(prescription)s",
        {"too_many_fills"},
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found(
    planted: str, shop: Flask, fresh: Database, world: dict[str, Any]
) -> None:
    statement, kinds = PLANTED[planted]
    _without_checks(fresh)
    plant(fresh, statement, **world)

    assert found(shop) == kinds


def _without_checks(fresh: Database) -> None:
    """CHECKs and unique keys hold even for a superuser: who plants this has dropped them."""
    db.session.commit()
    with fresh.as_role() as connection:
        for table, name in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid IN ('payments'::regclass, 'refunds'::regclass, 'orders'::regclass,"
            " 'order_lines'::regclass, 'lots'::regclass, 'fills'::regclass,"
            " 'prescriptions'::regclass, 'reservations'::regclass)"
        ).fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        connection.commit()


def test_an_event_that_never_came_is_made_good(
    shop: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    visitor.pay(opened(order, gateway).url or "")
    assert found(shop) == {"money_not_booked"}

    result = ran(shop, "--repair")

    assert (result.exit_code, result.output.strip()) == (0, "Everything agrees.")
    assert how(order) == ("paid", ["succeeded"])


def test_a_page_whose_answer_was_lost_is_found_by_its_order(
    shop: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    payment = begun(order)
    [call_id] = db.session.scalars(sa.text("SELECT id FROM provider_calls"))
    lease = calls._leased(call_id)
    db.session.commit()
    assert lease is not None
    calls._asked(lease, gateway)
    assert found(shop) == {"page_nobody_asked_for"}

    ran(shop, "--repair")

    assert queries.payment(payment.id).provider_session_id is not None
    assert how(order) == ("awaiting_payment", ["open"])


def test_what_is_overdue_is_ended(
    shop: Flask, fresh: Database, gateway: Gateway, world: dict[str, Any]
) -> None:
    plant(fresh, f"UPDATE orders SET pay_by = shop_now() - {LATE} WHERE id = %(waiting)s", **world)

    assert ran(shop, "--repair").exit_code == 0

    assert db.session.get_one(Order, world["waiting"], populate_existing=True).status == "expired"


def test_money_that_nobody_sent_back_goes_back(
    shop: Flask, fresh: Database, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    payment = paid(order, gateway, visitor)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="client", by=held.client, at=now())
    plant(fresh, f"UPDATE orders SET ended_at = shop_now() - {LATE} WHERE id = %(id)s", id=order.id)
    assert found(shop) == {"money_of_an_ended_order"}

    assert ran(shop, "--repair").exit_code == 0

    assert queries.payment(payment.id).refunded_cents == order.total_cents


def test_what_is_not_safe_is_left_to_people(
    shop: Flask, fresh: Database, world: dict[str, Any]
) -> None:
    plant(
        fresh,
        "UPDATE orders SET status = 'paid', paid_at = shop_now() WHERE id = %(waiting)s",
        **world,
    )

    result = ran(shop, "--repair")

    assert result.exit_code == 1
    assert "paid_order_without_money" in result.output


def test_a_provider_that_is_away_is_no_difference(
    shop: Flask, world: dict[str, Any], control: Control
) -> None:
    control.post("faults", mode="429", times=1)
    result = ran(shop)
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_nothing_is_asked_inside_a_transaction(
    shop: Flask, gateway: Gateway, world: dict[str, Any]
) -> None:
    watched = OutsideTransactions(gateway)
    reconciling.repair(watched)  # type: ignore[arg-type]
    assert reconciling.differences(watched) == []  # type: ignore[arg-type]
