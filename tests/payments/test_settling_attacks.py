"""What direct SQL cannot do to money, by the name of what stops it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.errors import InsufficientPrivilege

from shop.core.clock import now
from shop.core.cluster import APP, OWNER, WORKER
from shop.core.db import act_as, db
from shop.orders import cancelling
from shop.payments import following, queries
from shop.payments.gateway import Gateway
from shop.payments.sandbox.app import create_app
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway
from shop.prescriptions import revoking
from tests.conftest import Database
from tests.payments.orders_to_pay import a_cream_order, an_order, begun, opened

KEY, SECRET = "sk_test_attacks", "whsec_attacks"


@pytest.fixture(scope="module")
def bank(sandbox_database_url: str) -> Iterator[tuple[Gateway, Visitor]]:
    sandbox = Sandbox(sandbox_database_url, KEY, SECRET)
    sandbox.open()
    app = create_app(sandbox)
    yield StripeGateway(KEY, (SECRET,), transport=in_process(app)), Visitor(app)
    sandbox.close()


@pytest.fixture(scope="module")
def till(live_app: Flask, bank: tuple[Gateway, Visitor]) -> dict[str, Any]:
    """Orders that wait, are paid, cancelled; one whose prescription was revoked; one half back."""
    gateway, visitor = bank
    with live_app.app_context():
        act_as("system:test")
        waiting, paying, paid, over = an_order(), an_order(), an_order(), an_order()
        tried = begun(paying)
        done = opened(paid, gateway)
        visitor.pay(done.url or "")
        following.payment(done.id, gateway)
        held = queries.locked_order(over.id)
        cancelling.cancel(held, reason="client", by=held.client, at=now())
        db.session.commit()
        cream, prescription = a_cream_order()
        revoking.revoke(prescription, reason="for the test", by=prescription.prescriber, at=now())
        db.session.commit()
        return {
            "waiting": waiting.id,
            "waiting_cents": waiting.total_cents,
            "over": over.id,
            "over_cents": over.total_cents,
            "cream": cream.id,
            "cream_cents": cream.total_cents,
            "paid": paid.id,
            "paid_cents": paid.total_cents,
            "payment": done.id,
            "tried": tried.id,
            "tried_cents": tried.amount_cents,
            "new": uuid.uuid4(),
        }


BEGIN = (
    "INSERT INTO payments (id, order_id, status, state_seq, amount_cents, page_ends_at)"
    " VALUES (%(new)s, "
)
TOLD = (
    "INSERT INTO events (subject_id, machine, kind, to_state) VALUES (%(new)s, 'payment', 'x',"
    " 'created')"
)
REFUND = (
    (
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (%(new)s, 'refund', 'x', 'planned')"
    ),
    (
        "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status, state_seq)"
        " VALUES (%(new)s, %(payment)s, 'a', "
    ),
)

ATTACKS: dict[str, tuple[str, list[str]]] = {
    "charge an order that was cancelled": (
        "payment_begins_while_its_order_waits",
        [TOLD, BEGIN + "%(over)s, 'created', 1, %(over_cents)s, shop_now())"],
    ),
    "charge an order that is paid": (
        "payment_begins_while_its_order_waits",
        [TOLD, BEGIN + "%(paid)s, 'created', 1, %(paid_cents)s, shop_now())"],
    ),
    "charge under a revoked prescription": (
        "payment_begins_under_standing_prescriptions",
        [TOLD, BEGIN + "%(cream)s, 'created', 1, %(cream_cents)s, shop_now())"],
    ),
    "charge more than the total": (
        "amount_is_the_orders_total",
        [TOLD, BEGIN + "%(waiting)s, 'created', 1, %(waiting_cents)s + 1, shop_now())"],
    ),
    "a payment born with its money": (
        "payment_begins_without_money",
        [TOLD, BEGIN + "%(waiting)s, 'open', 1, %(waiting_cents)s, shop_now())"],
    ),
    "a second live payment": (
        "payments_one_live",
        [
            TOLD,
            (
                "INSERT INTO payments (id, order_id, status, state_seq, amount_cents, page_ends_at)"
                " SELECT %(new)s, order_id, 'created', 1, amount_cents, shop_now() FROM payments"
                " WHERE id = %(tried)s"
            ),
        ],
    ),
    "another amount later": (
        "payment_terms_never_change",
        ["UPDATE payments SET amount_cents = 1 WHERE id = %(tried)s"],
    ),
    "another intent later": (
        "provider_names_are_given_once",
        ["UPDATE payments SET provider_intent_id = 'pi_mine' WHERE id = %(payment)s"],
    ),
    "money taken back by hand": (
        "money_that_came_has_come",
        ["UPDATE payments SET captured_cents = 0 WHERE id = %(payment)s"],
    ),
    "a capture that is not the total": (
        "capture_is_total",
        ["UPDATE payments SET captured_cents = 1 WHERE id = %(tried)s"],
    ),
    "a state without its event": (
        "payment_status_has_its_event",
        ["UPDATE payments SET status = 'open' WHERE id = %(tried)s"],
    ),
    "captured and not succeeded": (
        "succeeded_is_captured",
        ["UPDATE payments SET captured_cents = amount_cents WHERE id = %(tried)s"],
    ),
    "money while the order still waits": (
        "money_pays_its_order",
        [
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " VALUES (%(tried)s, 'payment', 'x', 'succeeded')"
            ),
            (
                "UPDATE payments SET status = 'succeeded', captured_cents = amount_cents,"
                " state_seq = state_seq + 1 WHERE id = %(tried)s"
            ),
        ],
    ),
    "an order paid without money": (
        "paid_order_has_its_money",
        [
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " VALUES (%(waiting)s, 'order', 'x', 'paid')"
            ),
            "UPDATE orders SET status = 'paid', state_seq = state_seq + 1 WHERE id = %(waiting)s",
            (
                "INSERT INTO events (subject_id, machine, kind, to_state)"
                " SELECT id, 'order_line', 'x', 'ready' FROM order_lines"
                " WHERE order_id = %(waiting)s"
            ),
            (
                "UPDATE order_lines SET status = 'ready', state_seq = state_seq + 1"
                " WHERE order_id = %(waiting)s"
            ),
        ],
    ),
    "more back than came": (
        "refunds_within_capture",
        [REFUND[0], REFUND[1] + "%(paid_cents)s + 1, 'x', 'planned', 1)"],
    ),
    "more back than came, in two": (
        "refunds_within_capture",
        [
            REFUND[0],
            REFUND[1] + "%(paid_cents)s, 'x', 'planned', 1)",
            (
                "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status,"
                " state_seq) VALUES (gen_random_uuid(), %(payment)s, 'b', 1, 'x', 'planned', 1)"
            ),
        ],
    ),
    "the same request twice": (
        "refunds_one_per_request",
        [
            REFUND[0],
            REFUND[1] + "1, 'x', 'planned', 1)",
            (
                "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status,"
                " state_seq) VALUES (gen_random_uuid(), %(payment)s, 'a', 1, 'x', 'planned', 1)"
            ),
        ],
    ),
    "nothing back": (
        "refund_is_positive",
        [REFUND[0], REFUND[1] + "0, 'x', 'planned', 1)"],
    ),
    "another refund later": (
        "refund_terms_never_change",
        [
            REFUND[0],
            REFUND[1] + "1, 'x', 'planned', 1)",
            "UPDATE refunds SET amount_cents = 2 WHERE id = %(new)s",
        ],
    ),
    "other words under the same key": (
        "call_is_sent_as_it_was_planned",
        ["UPDATE provider_calls SET parameters = '{}' WHERE reference_id = %(tried)s"],
    ),
    "a fence that goes back": (
        "call_is_sent_as_it_was_planned",
        ["UPDATE provider_calls SET fence = fence - 1 WHERE reference_id = %(payment)s"],
    ),
    "a call planned twice": (
        "provider_calls_once",
        [
            (
                "INSERT INTO provider_calls (id, operation, reference_id, order_id,"
                " idempotency_key, parameters, status, tries, fence)"
                " SELECT %(new)s, operation, reference_id, order_id, 'another', parameters,"
                " 'planned', 0, 0 FROM provider_calls WHERE reference_id = %(tried)s"
            )
        ],
    ),
    "a hint rewritten": (
        "event_is_kept_as_it_came",
        [
            (
                "INSERT INTO provider_events (id, type, object_type, created)"
                " VALUES ('evt_attack', 'x', 'y', shop_now())"
            ),
            "UPDATE provider_events SET object_id = 'pi_mine' WHERE id = 'evt_attack'",
        ],
    ),
    "a payment removed": ("payments_are_kept", ["DELETE FROM payments WHERE id = %(tried)s"]),
    "the refunds removed": ("refunds_are_kept", ["TRUNCATE refunds"]),
    "a call removed": ("provider_calls_are_kept", ["DELETE FROM provider_calls"]),
    "a hint removed": ("provider_events_are_kept", ["DELETE FROM provider_events"]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_not_even_the_owner_can(attack: str, live: Database, till: dict[str, Any]) -> None:
    """I14, I15, I16, I20."""
    name, statements = ATTACKS[attack]
    with live.as_role(OWNER) as connection:
        connection.execute("SELECT set_config('app.actor', 'system:attack', false)")
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            _commit(connection, statements, till)
    assert refused.value.diag.constraint_name == name


def _commit(
    connection: psycopg.Connection[Any], statements: list[str], till: dict[str, Any]
) -> None:
    for statement in statements:
        connection.execute(statement, till)
    connection.commit()


FORBIDDEN = [
    "UPDATE payments SET amount_cents = 1",
    "UPDATE payments SET refunded_cents = 0",
    "UPDATE payments SET created_at = shop_now()",
    "INSERT INTO payments (id, captured_cents) VALUES (gen_random_uuid(), 1)",
    "UPDATE refunds SET amount_cents = 1",
    "UPDATE provider_calls SET parameters = '{}'",
    "UPDATE provider_events SET type = 'x'",
    "DELETE FROM payments",
    "DELETE FROM refunds",
    "DELETE FROM provider_calls",
    "DELETE FROM provider_events",
]


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_shops_own_roles_may_not_even_try(
    statement: str, role: str, live: Database, till: dict[str, Any]
) -> None:
    with live.as_role(role) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


def test_failed_refunds_make_room_for_others(live: Database, till: dict[str, Any]) -> None:
    with live.as_role(APP) as connection:
        connection.execute("SELECT set_config('app.actor', 'system:test', false)")
        for statement in (REFUND[0], REFUND[1] + "%(paid_cents)s, 'x', 'planned', 1)"):
            connection.execute(statement, till)
        assert _refunded(connection, till) == till["paid_cents"]
        connection.execute(
            "INSERT INTO events (subject_id, machine, kind, to_state)"
            " VALUES (%(new)s, 'refund', 'x', 'failed')",
            till,
        )
        connection.execute(
            "UPDATE refunds SET status = 'failed', state_seq = 2 WHERE id = %(new)s", till
        )
        assert _refunded(connection, till) == 0
        connection.rollback()


def _refunded(connection: psycopg.Connection[Any], till: dict[str, Any]) -> int:
    row = connection.execute(
        "SELECT refunded_cents FROM payments WHERE id = %(payment)s", till
    ).fetchone()
    assert row is not None
    return int(row[0])
