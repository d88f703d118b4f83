"""Every kind of difference, planted past every guard here or at the bank, is found and named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from shop import create_app
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.payments import balancing, following, queries, reconciling, taking_in
from shop.payments.gateway import Gateway
from shop.payments.sandbox import cards
from shop.payments.sandbox.app import create_app as create_bank
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway
from tests.conftest import Database, config_for
from tests.payments.conftest import emptied
from tests.payments.orders_to_pay import an_order, opened
from tests.payments.saved_cards import a_card_at_the_bank
from tests.payments.test_settling_reconcile import LATE, a_world, found, plant
from tests.people import alice
from tests.tills.test_planted import PLANTED as AT_THE_DESK

KEY, SECRET = "sk_test_planted", "whsec_planted"
DROPPED = "payments refunds orders order_lines lots fills prescriptions reservations gift_cards"
# What is planted in, and restored after each test.
TABLES = (
    *DROPPED.split(),
    "provider_calls",
    "saved_cards",
    "credit_accounts",
    "money_movements",
    "refund_units",
    "disputes",
    "dispute_movements",
    "fraud_warnings",
)
THERE = ("checkout.session", "refund", "balance_transaction", "payout")


@pytest.fixture(scope="module")
def bank(sandbox_database_url: str) -> Iterator[tuple[Gateway, Visitor]]:
    """A bank of the module's own, empty at first."""
    sandbox = Sandbox(sandbox_database_url, KEY, SECRET)
    sandbox.open()
    emptied(sandbox_database_url)
    app = create_bank(sandbox)
    yield StripeGateway(KEY, (SECRET,), transport=in_process(app)), Visitor(app)
    sandbox.close()


@pytest.fixture(scope="module")
def shop(live: Database, bank: tuple[Gateway, Visitor]) -> Iterator[Flask]:
    app = create_app(config_for(live), gateway=bank[0])
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def world(
    live: Database, shop: Flask, bank: tuple[Gateway, Visitor], sandbox_database_url: str
) -> dict[str, Any]:
    """The world, without the CHECKs that stop a superuser, and a copy of it."""
    known = a_world(*bank)
    order, client = an_order(), alice()
    declined = opened(order, bank[0])
    bank[1].pay(declined.url or "", number=cards.DECLINED)
    following.payment(declined.id, bank[0])
    for name, number in (("disputed", cards.DISPUTED), ("warned", cards.WARNED)):
        payment = opened(an_order(), bank[0])
        bank[1].pay(payment.url or "", number=number)
        following.payment(payment.id, bank[0])
        known[name] = payment.id
    since = now() - timedelta(hours=1)
    for dispute in bank[0].disputes_since(since):
        following.dispute(dispute.id, bank[0])
    for warning in bank[0].fraud_warnings_since(since):
        following.warning(warning.id, bank[0])
    known |= {"declined": declined.id, "card": a_card_at_the_bank(client, *bank).id}
    taking_in.take_in(bank[0], at=now())
    db.session.commit()
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
        connection.execute("CREATE SCHEMA kept")
        for table in TABLES:
            connection.execute(
                sql.SQL("CREATE TABLE kept.{0} AS TABLE {0}").format(sql.Identifier(table))
            )
        connection.commit()
    with psycopg.connect(sandbox_database_url) as connection:
        connection.execute("DROP TABLE IF EXISTS stripe_sandbox.kept")
        connection.execute("CREATE TABLE stripe_sandbox.kept AS TABLE stripe_sandbox.objects")
    return known


@pytest.fixture
def undone(live: Database, world: dict[str, Any], sandbox_database_url: str) -> Iterator[None]:
    """What is planted stays out of the next test."""
    yield
    db.session.rollback()
    db.session.expire_all()
    with live.as_role() as connection:
        connection.execute("SET session_replication_role = replica")
        for table in TABLES:
            columns = sql.SQL(", ").join(
                sql.Identifier(name)
                for (name,) in connection.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                    " AND table_schema = 'public' AND is_generated = 'NEVER'",
                    [table],
                )
            )
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            connection.execute(
                sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM kept.{0}").format(
                    sql.Identifier(table), columns
                )
            )
        connection.commit()
    with psycopg.connect(sandbox_database_url) as connection:
        connection.execute(
            "DELETE FROM stripe_sandbox.objects WHERE kind = ANY (%s)", [list(THERE)]
        )
        connection.execute(
            "INSERT INTO stripe_sandbox.objects OVERRIDING SYSTEM VALUE"
            " SELECT * FROM stripe_sandbox.kept WHERE kind = ANY (%s)",
            [list(THERE)],
        )
    with psycopg.connect(sandbox_database_url) as connection:
        [(left,)] = connection.execute(
            "SELECT count(*) FROM (TABLE stripe_sandbox.objects EXCEPT TABLE stripe_sandbox.kept)"
            " AS changed"
        ).fetchall()
        assert left == 0  # a plant changes what THERE names only


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
        {"order_is_not_as_placed", "order_is_not_its_lines"},
    ),
    "a payment that asks for less": (
        "UPDATE payments SET amount_cents = amount_cents - 1 WHERE id = %(tried)s",
        {"payment_is_not_for_its_order"},
    ),
    "an order that says more credit than was spent": (
        "UPDATE orders SET credit_cents = credit_cents + 1 WHERE id = %(credited)s",
        {"order_is_not_what_its_credit_says"},
    ),
    "credit of an ended order that did not come back": (
        ("UPDATE orders SET status = 'cancelled', ended_at = shop_now() WHERE id = %(credited)s"),
        {"order_is_not_what_its_credit_says"},
    ),
    "an account made rich": (
        "UPDATE credit_accounts SET balance_cents = balance_cents + 1",
        {"credit_account_is_not_its_ledger"},
    ),
    "a card redeemed by nobody": (
        "UPDATE gift_cards SET status = 'redeemed', redeemed_by_id = proposed_by_id",
        {"gift_card_is_not_what_was_booked"},
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


MORE: dict[str, tuple[list[str], set[str]]] = {
    "a payment that paid once more": (
        [
            (
                "INSERT INTO payments (id, order_id, status, state_seq, amount_cents, captured_cents)"
                " SELECT gen_random_uuid(), order_id, status, state_seq, amount_cents, captured_cents"
                " FROM payments WHERE id = %(payment)s"
            )
        ],
        {"order_paid_twice"},
    ),
    "a refund that nothing sends": (
        [
            "UPDATE refunds SET status = 'planned' WHERE payment_id = %(returned)s",
            "DELETE FROM provider_calls WHERE operation = 'refund'",
        ],
        {"refund_without_its_call", "refund_states_differ"},
    ),
    "a charge that is still under way": (
        ["UPDATE payments SET provider_session_id = NULL WHERE id = %(declined)s"],
        {"charge_declined_there", "page_nobody_asked_for"},
    ),
    "a card removed": (
        ["DELETE FROM saved_cards WHERE id = %(card)s"],
        {"card_not_written_down"},
    ),
    "a refund of more than its parts": (
        ["UPDATE refunds SET other_cents = other_cents + 1 WHERE payment_id = %(returned)s"],
        {"refund_is_not_its_parts"},
    ),
    "a refund that nobody signs": (
        [
            (
                "UPDATE refunds SET status = 'proposed', planned_at = planned_at - interval '4 days'"
                " WHERE payment_id = %(returned)s"
            )
        ],
        {"refund_waits_for_a_second_person", "refund_states_differ"},
    ),
    "a dispute of other cents": (
        ["UPDATE payments SET disputed_cents = disputed_cents - 1 WHERE id = %(disputed)s"],
        {"disputes_do_not_add_up"},
    ),
    "a disputed payment that went back": (
        ["UPDATE payments SET refunded_cents = captured_cents WHERE id = %(disputed)s"],
        {"more_went_back_than_came", "refunds_do_not_add_up"},
    ),
    "a dispute that nobody wrote down": (
        [
            "DELETE FROM dispute_movements",
            "DELETE FROM disputes",
            "UPDATE payments SET disputed_cents = 0 WHERE id = %(disputed)s",
        ],
        {"dispute_not_written_down"},
    ),
    "a dispute said to be won": (
        ["UPDATE disputes SET status = 'won'"],
        {"dispute_states_differ"},
    ),
    "a fee of a dispute": (
        ["UPDATE dispute_movements SET fee_cents = fee_cents + 1"],
        {"dispute_moved_other_cents"},
    ),
    "a warning that nobody heard": (
        ["DELETE FROM fraud_warnings"],
        {"fraud_warning_not_written_down"},
    ),
    "a movement that was altered": (
        ["UPDATE money_movements SET amount_cents = amount_cents + 1 WHERE kind = 'refund'"],
        {"movement_taken_in_otherwise"},
    ),
    "a movement that was made up": (
        [
            (
                "INSERT INTO money_movements SELECT 'txn_mine', kind, category, amount_cents,"
                " fee_cents, net_cents, source_id, intent_id, created, available_on, taken_in_at"
                " FROM money_movements WHERE kind = 'refund'"
            )
        ],
        {"movement_the_provider_never_saw"},
    ),
}

# Past the bank's own code: what Stripe would never do, or did.
OBJECTS = "stripe_sandbox.objects"
OF_THE_CHARGE = """kind = 'balance_transaction' AND body->>'source' IN (
    SELECT id FROM stripe_sandbox.objects WHERE kind = 'charge'
        AND body->>'payment_intent' = %(intent)s AND body->>'status' = 'succeeded')"""
OF_THE_REFUND = "kind = 'balance_transaction' AND body->>'type' = 'refund'"
OF_THE_DISPUTE = "kind = 'balance_transaction' AND body->>'reporting_category' = 'dispute'"
FORGOTTEN = ["DELETE FROM money_movements"]
FAILED_THERE = (
    f"UPDATE {OBJECTS} SET body = body || '{{\"status\": \"failed\"}}' WHERE kind = 'refund'"
)
FAILED_HERE = [
    "UPDATE payments SET refunded_cents = 0 WHERE id = %(returned)s",
    "UPDATE refunds SET status = 'failed' WHERE payment_id = %(returned)s",
]


def set_to(where: str, **members: str) -> str:
    """Change numbers of an object there, each by an expression over `body`."""
    pairs = ", ".join(f"'{name}', {value}" for name, value in members.items())
    return f"UPDATE {OBJECTS} SET body = body || jsonb_build_object({pairs}) WHERE {where}"


def moved(kind: str, cents: str, *, source: str = "NULL", ago: int = 3600, payout: str = "") -> str:
    """Something moves on the account, `ago` seconds ago; the form of the refund's movement."""
    hidden = f'{{"payout": "{payout}"}}' if payout else "{}"
    return f"""
        INSERT INTO {OBJECTS} (id, kind, created, body, hidden)
        SELECT 'txn_planted', kind, created - {ago}, body || jsonb_build_object(
            'id', 'txn_planted', 'type', '{kind}', 'reporting_category', '{kind}',
            'created', created - {ago}, 'amount', {cents}, 'fee', 0, 'net', {cents},
            'source', {source}), '{hidden}'
        FROM {OBJECTS} WHERE {OF_THE_REFUND}"""


def paid_out(status: str, cents: int) -> str:
    return f"""
        INSERT INTO {OBJECTS} (id, kind, created, body)
        SELECT 'po_planted', 'payout', created, jsonb_build_object('id', 'po_planted',
            'object', 'payout', 'amount', {cents}, 'status', '{status}', 'created', created,
            'arrival_date', 9999999999)
        FROM {OBJECTS} WHERE {OF_THE_REFUND}"""


# What is planted here, what is planted there, what must be found.
AT_THE_BANK: dict[str, tuple[list[str], list[str], set[str]]] = {
    "a page that closed": (
        [],
        [set_to("id = %(page)s", status="'expired'::text", url="NULL::text")],
        {"page_closed_there"},
    ),
    "a refund that failed": (
        FAILED_HERE,
        [FAILED_THERE, moved("refund_failure", "%(cents)s::int", source="%(refund)s::text")],
        {"refund_failed"},
    ),
    "a charge that never came to the account": (
        FORGOTTEN,
        [f"DELETE FROM {OBJECTS} WHERE {OF_THE_CHARGE}"],
        {"charge_not_in_the_balance"},
    ),
    "a cent less of a charge": (
        FORGOTTEN,
        [
            set_to(
                OF_THE_CHARGE,
                amount="(body->>'amount')::int - 1",
                net="(body->>'net')::int - 1",
            )
        ],
        {"charge_moved_other_cents"},
    ),
    "a charge that came twice": (
        [],
        [
            (
                f"INSERT INTO {OBJECTS} (id, kind, created, body) SELECT 'txn_planted', kind, created,"
                ' body || \'{"id": "txn_planted"}\''
                f" FROM {OBJECTS} WHERE {OF_THE_CHARGE}"
            )
        ],
        {"charge_moved_other_cents"},
    ),
    "a refund that never left the account": (
        FORGOTTEN,
        [f"DELETE FROM {OBJECTS} WHERE {OF_THE_REFUND}"],
        {"refund_not_in_the_balance"},
    ),
    "a cent more of a refund": (
        FORGOTTEN,
        [
            set_to(
                OF_THE_REFUND,
                amount="(body->>'amount')::int - 1",
                net="(body->>'net')::int - 1",
            )
        ],
        {"refund_moved_other_cents"},
    ),
    "a refund that failed and stays away": (
        FAILED_HERE,
        [FAILED_THERE],
        {"refund_failed", "failed_refund_not_in_the_balance"},
    ),
    "a refund that came back without a word": (
        [],
        [moved("refund_failure", "%(cents)s::int", source="%(refund)s::text")],
        {"refund_came_back_unnoticed"},
    ),
    "money from nowhere": (
        [],
        [moved("charge", "5000", source="'ch_nobody'::text")],
        {"movement_of_nobody"},
    ),
    "a fee that nobody took off": (
        FORGOTTEN,
        [set_to(OF_THE_CHARGE, fee="(body->>'fee')::int + 1")],
        {"movement_does_not_add_up"},
    ),
    "a fee of the day before yesterday": (
        [],
        [moved("stripe_fee", "-500", ago=30 * 60 * 60)],
        {"movement_not_taken_in"},
    ),
    "a dispute that moved nothing there": (
        FORGOTTEN,
        [f"DELETE FROM {OBJECTS} WHERE {OF_THE_DISPUTE}"],
        {"dispute_not_in_the_balance"},
    ),
    "money of a dispute that nobody booked": (
        [
            *FORGOTTEN,
            "DELETE FROM dispute_movements",
            "UPDATE payments SET disputed_cents = 0 WHERE id = %(disputed)s",
        ],
        [set_to(OF_THE_DISPUTE, created="(body->>'created')::int - 3600")],
        {"dispute_movement_not_written_down"},
    ),
    "a correction": ([], [moved("adjustment", "-700")], {"movement_nobody_expected"}),
    "a payout of nothing": ([], [paid_out("paid", 1)], {"payout_does_not_add_up"}),
    "a payout a cent short": (
        [],
        [paid_out("paid", 99), moved("stripe_fee", "100", payout="po_planted")],
        {"payout_does_not_add_up"},
    ),
    "a payout that failed": (
        [],
        [paid_out("failed", 100), moved("stripe_fee", "100", payout="po_planted")],
        {"payout_failed"},
    ),
}
KINDS = re.compile(r"""(?:Difference\(|_about\(payment, |yield )"([a-z_]+)",""")


def test_every_kind_of_difference_is_planted() -> None:
    """Those that the code can tell, read from the code itself."""
    told = set(reconciling.CHECKS)
    for module in (reconciling, balancing):
        told |= set(KINDS.findall(Path(module.__file__).read_text()))
    planted = [*PLANTED.values(), *MORE.values(), *AT_THE_BANK.values(), *AT_THE_DESK.values()]
    assert set().union(*(kinds for *_, kinds in planted)) == told
    assert len(told) >= 50


def test_a_clean_world_has_none(shop: Flask, world: dict[str, Any]) -> None:
    assert found(shop) == set()


@pytest.mark.parametrize("planted", PLANTED | MORE)
def test_what_was_planted_is_found(
    planted: str, shop: Flask, live: Database, world: dict[str, Any], undone: None
) -> None:
    given, kinds = (PLANTED | MORE)[planted]
    for statement in [given] if isinstance(given, str) else given:
        plant(live, statement, **world)

    assert found(shop) == kinds


@pytest.mark.parametrize("planted", AT_THE_BANK)
def test_what_was_planted_at_the_bank_is_found(
    planted: str,
    shop: Flask,
    live: Database,
    world: dict[str, Any],
    undone: None,
    sandbox_database_url: str,
) -> None:
    here, there, kinds = AT_THE_BANK[planted]
    [refund] = queries.payment(world["returned"]).refunds
    known = {
        "intent": queries.payment(world["payment"]).provider_intent_id,
        "page": queries.payment(world["tried"]).provider_session_id,
        "refund": refund.provider_refund_id,
        "cents": refund.amount_cents,
    }
    for statement in here:
        plant(live, statement, **world)
    db.session.expire_all()
    with psycopg.connect(sandbox_database_url) as connection:
        for statement in there:
            assert connection.execute(statement, known).rowcount > 0

    assert found(shop) == kinds
