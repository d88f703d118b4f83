"""The judge of races, model and kills can itself see: every rule of tests/invariants.py, broken once."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import removing, settling
from shop.payments.models import Payment
from shop.prescriptions import erring
from shop.recalls import collecting, disposing
from shop.recalls.models import Outcome
from shop.tills import counting as counting_money
from shop.tills import paying_out
from shop.treatments import moving
from tests.attacks import refunds as money_back
from tests.builders import a_cream, a_variant
from tests.conftest import Database
from tests.credit import builders as credit
from tests.discounts.builders import a_discount, a_serum
from tests.invariants import AT_REST, RULES, broken, unfinished
from tests.inventory.lots import a_lot
from tests.invoices import builders as papers
from tests.orders.things import leave, paid, placed
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, bob, mona, sam
from tests.prescriptions.builders import a_claimed_request, a_prescription
from tests.recalls.builders import a_notified_recall, bought
from tests.replenishment.builders import a_charged_refill
from tests.tills import builders as tills
from tests.treatments.builders import (
    a_booked_session,
    a_performed_session,
    an_active_plan,
    in_days,
)

CHECKS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND conrelid <> 0
"""


@pytest.fixture(scope="module")
def scene(live: Database, live_app: Flask) -> dict[str, Any]:
    """An order shipped, one paid, one unpaid and one cancelled, each of a soap and a cream.

    The database has no CHECK any more and its triggers are off: whatever is planted stays.
    """
    with live_app.app_context():
        act_as("system:test")
        facts = {"bob": bob().id}
        for name in ("shipped", "paid", "unpaid", "cancelled"):
            client, soap, cream = alice(), a_variant(), a_cream()
            a_lot(soap), a_lot(cream)
            prescription = a_prescription(client, cream)
            order = (paid if name in ("shipped", "paid") else placed)(client, {soap: 1, cream: 1})
            if name == "shipped":
                leave(order)
            if name == "cancelled":
                cancelling.cancel(order, reason="changed_mind", by=client, at=now())
            line = order.lines[1]
            facts |= {
                name: order.id,
                f"{name}_line": line.id,
                f"{name}_fill": line.fill_id,
                f"{name}_prescription": prescription.id,
            }
        one = a_prescription()
        a_prescription(one.client, one.variant, by=one.prescriber)
        said = erring.report(a_prescription(), reason="Wrong.", by=one.prescriber, at=now())
        erring.confirm(said, by=mona(), at=now())
        facts |= _planned() | _carded(facts["paid"], facts["bob"]) | _papered()
        facts["refill"] = a_charged_refill().id
        _recalled()
        facts |= _discounted() | _sent_back()
        _credited()
        _at_the_desk()
        facts["request"] = a_claimed_request(alice(), by=prescription.prescriber).id
        db.session.commit()
        db.session.remove()
    with live.as_role() as superuser:
        for table, check in superuser.execute(CHECKS).fetchall():
            superuser.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"')
        for index in (
            "fills_one_per_number",
            "order_lines_one_per_fill",
            "payments_one_live",
            "pack_is_refilled_once",
            "discount_uses_number_key",
            "discount_uses_client_number_key",
            "papers_one_each_order",
            "unit_is_refunded_once",
            "drawers_one_open_at_a_register",
        ):
            superuser.execute(f"DROP INDEX {index}")
        superuser.execute("ALTER TABLE provider_calls DROP CONSTRAINT provider_calls_once")
        for who in ("client", "performer"):
            name = f"{who}_is_in_one_session_at_a_time"
            superuser.execute(f"ALTER TABLE sessions DROP CONSTRAINT {name}")
    return facts


def _sent_back() -> dict[str, Any]:
    """A line of which all came back, another in part and signed by two; a dispute that is open."""
    facts = money_back.scene()
    over = db.session.get_one(Payment, facts["over_payment"]).order_id
    settling.wind_up(locked_order(over), at=now())
    return {"large_payment": facts["large_payment"], "disputed": facts["open_payment"]}


def _at_the_desk() -> None:
    """Two drawers: one open, out of which money was paid; one that lacks a cent, explained."""
    staff, other = sam(), sam()
    tills.a_drawer(staff)
    paying_out.pay_out(tills.waiting(staff), reference=None, by=staff, at=now())
    tills.taken(staff)
    drawer = tills.a_drawer(other)
    cash = tills.fitting(tills.FLOAT_CENTS - 1)
    terms = {"terminal_cents": 0, "cheque_cents": 0, "by": other, "at": now()}
    counting_money.count(tills.locked(drawer), cash, **terms)
    counting_money.explain(drawer, "Gone.", by=other, at=now())


def _papered() -> dict[str, Any]:
    """An order with its invoice, of which a line was cancelled and credited."""
    for _ in range(2):
        order = papers.a_paid_order(1, 1)
        papers.issued(order)
    papers.line_off(order)
    papers.sent_back(order)
    papers.issued(order)
    return {"papered": order.id}


def _carded(order_id: uuid.UUID, bob_id: uuid.UUID) -> dict[str, Any]:
    """A card that the client of an order removed, and one of another's."""
    client = db.session.get_one(Order, order_id).client
    removed = a_saved_card(client)
    removing.remove(removed, by=client, at=now())
    others = a_saved_card(db.session.get_one(Person, bob_id))
    return {"removed_card": removed.id, "bobs_card": others.id}


def _credited() -> None:
    """Credit given and redeemed, spent for an order that ended, and so returned."""
    client, soap = credit.with_credit(10_00), a_variant()
    a_lot(soap)
    credit.redeemed(credit.a_card(5_00), client)
    order = placed(client, {soap: 1}, use_credit=True)
    cancelling.cancel(order, reason="changed_mind", by=client, at=now())


def _recalled() -> None:
    """A lot of which one unit was sold and the rest was destroyed before a witness."""
    soap, staff = a_variant(), sam()
    lot = a_lot(soap)
    bought(alice(), soap)
    recall = a_notified_recall(lot)
    collecting.collect(recall, lot, by=staff, at=now())
    planned = disposing.plan(
        recall, lot, outcome=Outcome.DESTROY, reference="Burned", by=staff, at=now()
    )
    disposing.witness(planned, recall, lot, by=mona(), at=now())


def _discounted() -> dict[str, Any]:
    """Two orders at one discount, each of two packs; a third was cancelled."""
    discount, serum, tint = a_discount(most_uses=3), a_serum(cents=2000), a_serum(cents=1000)
    orders = [placed(alice(), {serum: 1, tint: 1}, discount_code=discount.code) for _ in range(3)]
    cancelling.cancel(orders[2], reason="changed_mind", by=orders[2].client, at=now())
    return {
        "discount": discount.id,
        "discounted": orders[0].id,
        "discounted_too": orders[1].id,
        "undiscounted": orders[2].id,
        "discounted_lines": [line.id for line in orders[0].lines],
    }


def _planned() -> dict[str, Any]:
    """A plan that goes on with a session booked and moved, and one that was performed."""
    going, done = an_active_plan(alice()), an_active_plan(alice())
    booked, performed = a_booked_session(going), a_performed_session(done)
    moving.move(booked, starts=in_days(9), by=going.drafted_by, at=now())
    return {"going": going.id, "booked": booked.id, "done": done.id, "performed": performed.id}


def test_all_is_well_with_what_the_verbs_did(scene: dict[str, Any], live: Database) -> None:
    with live.as_role() as connection:
        assert broken(connection) == []


A_FILL = """
INSERT INTO fills (id, prescription_id, number, client_id, variant_id, state, quantity,
    fills_allowed, status, state_seq)
SELECT gen_random_uuid(), prescription_id, {number}, client_id, variant_id, state, quantity,
    fills_allowed, 'reserved', 1 FROM fills, generate_series(1, 13) AS n
WHERE id = %(paid_fill)s"""
A_CALL = """
INSERT INTO provider_calls (id, operation, reference_id, order_id, idempotency_key, parameters,
    status, tries, fence)
SELECT gen_random_uuid(), 'refund', %(bob)s, %(paid)s, 'key-' || n, '{}', 'planned', 0, 0
FROM generate_series(1, 2) AS n"""
THE_PAYMENT = "WHERE order_id = %(paid)s AND status = 'succeeded'"

PLANTED: dict[str, list[str]] = {
    "I1 a doctor-only line that is paid for": [
        "UPDATE order_lines SET fill_id = NULL WHERE id = %(paid_line)s",
        "UPDATE fills SET status = 'reserved' WHERE id = %(paid_fill)s",
        "UPDATE order_lines SET quantity = 2 WHERE id = %(paid_line)s",
        "UPDATE order_lines SET ship_to_state = 'NV' WHERE id = %(paid_line)s",
        "UPDATE prescriptions SET client_id = %(bob)s WHERE id = %(paid_prescription)s",
        (
            "UPDATE prescriptions SET revoked_at = now() - interval '1 day'"
            " WHERE id = %(paid_prescription)s"
        ),
        "DELETE FROM prescription_states WHERE prescription_id = %(paid_prescription)s",
    ],
    "I1 nothing doctor-only left under": [
        "UPDATE prescriptions SET revoked_at = signed_at WHERE id = %(shipped_prescription)s",
        "UPDATE prescriptions SET valid_until = signed_at WHERE id = %(shipped_prescription)s",
    ],
    "I1 the prescriber had a licence": [
        "UPDATE licences SET ended_on = valid_from",
        "UPDATE licences SET state = 'TX' WHERE state = 'CA'",
    ],
    "I2 no more live fills": [A_FILL.format(number="n + 20")],
    "I2 a number of a fill": [A_FILL.format(number="number")],
    "I2 a live fill belongs": [
        "UPDATE order_lines SET status = 'cancelled' WHERE id = %(paid_line)s",
        "UPDATE order_lines SET fill_id = %(paid_fill)s WHERE id = %(unpaid_line)s",
    ],
    "I3 signed by another": [
        "UPDATE prescriptions SET prescriber_id = client_id WHERE id = %(paid_prescription)s",
        "UPDATE prescriptions SET fresh_at = signed_at, signed_at = signed_at + interval '6 min'",
        "UPDATE licences SET valid_until = valid_from",
    ],
    "I1 what differs": [
        (
            "UPDATE approval_requests SET quantity = quantity + 1 WHERE id ="
            " (SELECT request_id FROM prescriptions WHERE id = %(paid_prescription)s)"
        )
    ],
    "I4 one decision": [
        "UPDATE approval_requests SET status = 'approved' WHERE id = %(request)s",
        "UPDATE approval_requests SET status = 'pending_client' WHERE id = %(request)s",
        "UPDATE approval_requests SET status = 'declined' WHERE status = 'approved'",
        (
            "INSERT INTO refusals (id, request_id, client_id, refused_by_id, reason)"
            " SELECT gen_random_uuid(), request_id, client_id, prescriber_id, 'minor'"
            " FROM prescriptions LIMIT 1"
        ),
    ],
    "I5 request, prescription": [
        "UPDATE orders SET client_id = %(bob)s WHERE id = %(paid)s",
        "UPDATE approval_requests SET client_id = %(bob)s WHERE status = 'approved'",
    ],
    "I6 a revoked prescription": [
        "UPDATE prescriptions SET status = 'revoked' WHERE id = %(paid_prescription)s"
    ],
    "I6 superseded is what": [
        "UPDATE prescriptions SET status = 'superseded' WHERE id = %(paid_prescription)s",
        "DELETE FROM supersessions",
        "UPDATE prescriptions SET variant_id = gen_random_uuid() WHERE status = 'superseded'",
        "UPDATE prescriptions SET status = 'active' WHERE status = 'superseded'",
        (
            "UPDATE fills SET prescription_id = (SELECT prescription_id FROM supersessions),"
            " reserved_at = now() + interval '1 day' WHERE status = 'dispensed'"
        ),
    ],
    "I6 of one client and pack": [
        (
            "UPDATE prescriptions SET (client_id, variant_id) = (SELECT client_id, variant_id"
            " FROM prescriptions WHERE id = %(paid_prescription)s)"
            " WHERE id = %(unpaid_prescription)s"
        )
    ],
    "I30 two people": [
        "UPDATE error_reports SET decided_by_id = reported_by_id",
        "UPDATE error_reports SET confirmed = false",
        "UPDATE prescriptions SET status = 'entered_in_error' WHERE id = %(paid_prescription)s",
        (
            "UPDATE prescriptions SET client_id = (SELECT reported_by_id FROM error_reports)"
            " WHERE status = 'entered_in_error'"
        ),
    ],
    "I9 heads of a lot": [
        "UPDATE lots SET on_hand = on_hand + 1",
        "UPDATE lots SET reserved = reserved + 1",
        "UPDATE lots SET on_hand = -1",
    ],
    "I9 what lies in a place": [
        "UPDATE holdings SET on_hand = on_hand + 1",
        "DELETE FROM holdings",
        "UPDATE lots SET on_shelf = on_shelf - 1",
    ],
    "I9 a ledger runs": [
        "UPDATE movements SET balance = balance + 1 WHERE seq = 1",
        "UPDATE movements SET seq = 9 WHERE seq = 2",
    ],
    "I9 a line that waits": [
        "UPDATE reservation_parts SET ended_at = now()",
        "UPDATE reservation_parts SET ended_at = NULL",
    ],
    "I10 nothing was shipped": ["UPDATE lots SET expires_on = current_date - 9"],
    "I11 what left is told": [
        "DELETE FROM shipment_lines",
        "UPDATE movements SET units = 9, delta = -9 WHERE kind = 'ship'",
    ],
    "I11 what left was picked": [
        "UPDATE picks SET units = units + 1",
        "UPDATE picks SET put_back_at = now(), put_back_by_id = picked_by_id",
        "UPDATE picks SET picked_by_id = %(bob)s",
        "UPDATE movements SET from_id = NULL WHERE kind = 'ship'",
        "DELETE FROM documents_issued",
    ],
    "I11 a recall's list": [
        "DELETE FROM recall_clients",
        "UPDATE recall_clients SET retail_units = 9",
        "UPDATE recall_clients SET client_id = %(bob)s",
    ],
    "I11 a recalled lot's units": [
        "UPDATE recall_dispositions SET witnessed_by_id = planned_by_id",
        "UPDATE recall_dispositions SET units = units + 1",
        "UPDATE movements SET reference_id = id WHERE kind = 'destroy'",
    ],
    "I13 totals are sums": [
        "UPDATE orders SET total_cents = total_cents - 1",
        "UPDATE order_lines SET unit_price_cents = 1 WHERE id = %(paid_line)s",
    ],
    "I13 lines bear": [
        "UPDATE order_lines SET discount_cents = 0 WHERE order_id = %(discounted)s",
        "UPDATE order_lines SET tax_cents = tax_cents + 1 WHERE order_id = %(paid)s",
        "UPDATE order_lines SET discount_cents = 1 WHERE id = %(paid_line)s",
    ],
    "I13 a discount is what": [
        "UPDATE discounts SET percent = 11 WHERE id = %(discount)s",
        "UPDATE discounts SET percent = NULL, cents = 301 WHERE id = %(discount)s",
        "UPDATE discounts SET least_cents = 3001 WHERE id = %(discount)s",
        "UPDATE discounts SET classes = '{otc_drug}' WHERE id = %(discount)s",
        (
            "UPDATE variants SET legal_class = 'rx' WHERE id IN"
            " (SELECT variant_id FROM order_lines WHERE id = ANY (%(discounted_lines)s))"
        ),
        (
            "UPDATE order_lines SET fill_id = gen_random_uuid()"
            " WHERE id = ANY (%(discounted_lines)s)"
        ),
        (
            "INSERT INTO discount_bars (id, legal_class, jurisdiction, source, barred_at)"
            " VALUES (gen_random_uuid(), 'cosmetic', 'CA', 'x', '2000-01-01')"
        ),
    ],
    "I18 a discount has": ["UPDATE discounts SET most_uses = 1 WHERE id = %(discount)s"],
    "I18 a client has": [
        (
            "UPDATE discount_uses SET client_id = (SELECT client_id FROM orders"
            " WHERE id = %(discounted)s) WHERE order_id = %(discounted_too)s"
        )
    ],
    "I18 a number": ["UPDATE discount_uses SET number = 1 WHERE NOT returned"],
    "I18 an order at": [
        "DELETE FROM discount_uses WHERE order_id = %(discounted)s",
        "DELETE FROM orders WHERE id = %(discounted)s",
        "UPDATE discount_uses SET cents = 1 WHERE order_id = %(discounted)s",
        "UPDATE discount_uses SET client_id = %(bob)s WHERE order_id = %(discounted)s",
        "UPDATE discount_uses SET returned = true WHERE order_id = %(discounted)s",
        "UPDATE discount_uses SET returned = false WHERE order_id = %(undiscounted)s",
    ],
    "I18 nobody orders": [
        "UPDATE discounts SET ended_at = '2001-01-01' WHERE id = %(discount)s",
        "UPDATE discounts SET valid_from = '3000-01-01' WHERE id = %(discount)s",
        "UPDATE discounts SET valid_until = '2001-01-01' WHERE id = %(discount)s",
    ],
    "I13 an order has": ["DELETE FROM order_lines WHERE order_id = %(unpaid)s"],
    "I14 paid means": [
        f"UPDATE payments SET captured_cents = 0 {THE_PAYMENT}",
        f"UPDATE payments SET amount_cents = 1 {THE_PAYMENT}",
        f"UPDATE payments SET status = 'cancelled' {THE_PAYMENT}",
        "UPDATE payments SET order_id = %(unpaid)s WHERE order_id = %(paid)s",
    ],
    "I15 refunds are": [
        f"UPDATE payments SET refunded_cents = 1 {THE_PAYMENT}",
        (
            "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status,"
            " state_seq) SELECT gen_random_uuid(), id, 'x', captured_cents + 1, 'x', 'planned', 1"
            f" FROM payments {THE_PAYMENT}"
        ),
    ],
    "I15 a unit goes back": [
        "UPDATE refund_units SET unit = 1, freed_at = NULL",
        "UPDATE refund_units SET cents = cents + 99999",
    ],
    "I15 a large refund": [
        "UPDATE refunds SET decided_by_id = NULL WHERE large AND status = 'planned'",
        "UPDATE refunds SET decided_by_id = proposed_by_id WHERE large AND status = 'planned'",
    ],
    "I17 what disputes took": [
        "UPDATE payments SET disputed_cents = disputed_cents + 1 WHERE id = %(disputed)s",
        "DELETE FROM dispute_movements",
    ],
    "I14 what was handed over": [
        "DELETE FROM drawer_moves WHERE kind = 'tender'",
        "UPDATE drawer_moves SET cents = cents - 1 WHERE kind = 'tender'",
        "UPDATE drawer_moves SET by_id = %(bob)s WHERE kind = 'tender'",
        "UPDATE payments SET provider_intent_id = 'pi_x' || id WHERE tender IS NOT NULL",
    ],
    "I15 what was handed over": [
        "DELETE FROM drawer_moves WHERE refund_id IS NOT NULL",
        "UPDATE drawer_moves SET cents = cents - 1 WHERE refund_id IS NOT NULL",
    ],
    "drawers: the ledger": [
        "UPDATE drawer_moves SET balance_cents = balance_cents + 1 WHERE kind = 'tender'",
        "UPDATE drawer_moves SET seq = seq + 99 WHERE kind = 'tender'",
    ],
    "drawers: one open": [
        (
            "UPDATE drawers SET status = 'open', register_id ="
            " (SELECT register_id FROM drawers WHERE status = 'open')"
        ),
        "UPDATE drawers SET explanation = NULL WHERE status <> 'open'",
        "UPDATE drawers SET expected_cash_cents = 1 WHERE status <> 'open'",
    ],
    "papers are numbered": [
        "UPDATE papers SET n = 7 WHERE series = 'INV' AND n = 2",
        "UPDATE papers SET n = n + 1 WHERE series = 'CN'",
    ],
    "a counter is the last": [
        "UPDATE paper_counters SET last = 9 WHERE series = 'INV'",
        "DELETE FROM paper_counters",
    ],
    "an invoice is of a paid": [
        "UPDATE papers SET total_cents = 1 WHERE series = 'INV'",
        "UPDATE papers SET order_id = %(papered)s WHERE series = 'INV'",
        "UPDATE papers SET order_id = %(unpaid)s WHERE series = 'RCT' AND n = 1",
    ],
    "credited is what went back": [
        "UPDATE papers SET total_cents = total_cents + 1 WHERE series = 'CN'",
        "UPDATE papers SET refund_id = NULL WHERE series = 'CN'",
    ],
    "I16 money for an order": [
        "UPDATE payments SET order_id = %(cancelled)s WHERE order_id = %(paid)s"
    ],
    "I17 a charge is": [
        f"UPDATE payments SET card_id = %(bobs_card)s {THE_PAYMENT}",
        f"UPDATE payments SET card_id = %(removed_card)s, created_at = '3000-01-01' {THE_PAYMENT}",
    ],
    "I18 an account": [
        "UPDATE credit_accounts SET balance_cents = balance_cents + 1",
        "UPDATE credit_entries SET balance_cents = -1 WHERE seq = 1",
        "DELETE FROM credit_entries WHERE kind = 'redeemed'",
    ],
    "I18 an order spent": [
        "UPDATE orders SET credit_cents = 1 WHERE id = %(unpaid)s",
        "UPDATE credit_entries SET delta_cents = 9999 WHERE kind = 'returned'",
        "DELETE FROM credit_entries WHERE kind = 'returned'",
        "UPDATE credit_entries SET client_id = %(bob)s WHERE kind = 'spent'",
    ],
    "I18 a gift card": [
        "UPDATE gift_cards SET status = 'issued' WHERE status = 'redeemed'",
        "UPDATE gift_cards SET cents = cents + 1 WHERE status = 'redeemed'",
        "UPDATE gift_cards SET decided_by_id = proposed_by_id",
        "UPDATE gift_cards SET large = true, decided_by_id = NULL WHERE status = 'redeemed'",
    ],
    "I18 a correction": [
        "UPDATE credit_corrections SET status = 'declined'",
        "UPDATE credit_corrections SET delta_cents = delta_cents + 1",
        "UPDATE credit_corrections SET large = true, decided_by_id = NULL",
        "UPDATE credit_corrections SET decided_by_id = proposed_by_id",
    ],
    "I20 a call": [A_CALL],
    "I22 a status": [
        "UPDATE orders SET status = 'closed' WHERE id = %(paid)s",
        "UPDATE lots SET status = 'on_hold'",
        "UPDATE fills SET status = 'released' WHERE id = %(paid_fill)s",
        "DELETE FROM events WHERE subject_id = %(paid)s AND seq = 1",
        "DELETE FROM events WHERE subject_id = %(paid_line)s AND seq = 2",
    ],
    "I22 an order's last line": [
        "UPDATE order_lines SET status = 'ready' WHERE id = %(unpaid_line)s",
        "UPDATE order_lines SET status = 'cancelled' WHERE order_id = %(paid)s",
        "UPDATE order_lines SET status = 'ready' WHERE order_id = %(shipped)s",
        "UPDATE order_lines SET status = 'ready' WHERE order_id = %(cancelled)s",
    ],
    "plans: what goes on was started": [
        "DELETE FROM plan_starts WHERE plan_id = %(going)s",
        "UPDATE plans SET status = 'proposed' WHERE id = %(going)s",
        "UPDATE plan_starts SET content_hash = sha256('x')",
        "UPDATE plan_starts SET physician_id = client_id",
        "UPDATE plan_starts SET fresh_at = now(), started_at = started_at + interval '6 minutes'",
        "UPDATE people SET role = 'esthetician' WHERE role = 'physician'",
    ],
    "plans: versions": ["UPDATE plan_versions SET number = 2"],
    "plans: what has ended": [
        "UPDATE plans SET status = 'revoked' WHERE id = %(going)s",
        "UPDATE plans SET status = 'completed' WHERE id = %(going)s",
        "WITH s AS (DELETE FROM sessions) UPDATE plans SET status = 'completed' WHERE id = %(done)s",
    ],
    "plans: what was performed": [
        "UPDATE sessions SET status = 'performed' WHERE id = %(booked)s",
        "UPDATE sessions SET status = 'booked' WHERE id = %(performed)s",
        "UPDATE sessions SET client_id = %(bob)s WHERE id = %(booked)s",
        "UPDATE performances SET client_id = %(bob)s",
        "UPDATE performances SET performer_id = client_id",
        "UPDATE performances SET performed_at = recorded_at + interval '1 second'",
        "UPDATE performances SET performed_at = '2000-01-01'",
        "UPDATE plans SET state = 'TX' WHERE id = %(done)s",
    ],
    "plans: nobody is in two": [
        (
            "UPDATE sessions s SET status = 'booked', starts_at = b.starts_at, ends_at = b.ends_at,"
            " client_id = b.client_id FROM sessions b"
            " WHERE b.id = %(booked)s AND s.id = %(performed)s"
        ),
        (
            "UPDATE sessions s SET status = 'booked', starts_at = b.starts_at - interval '1 minute',"
            " ends_at = b.ends_at, performer_id = b.performer_id FROM sessions b"
            " WHERE b.id = %(booked)s AND s.id = %(performed)s"
        ),
    ],
    "refills: a pack is followed": [
        (
            "INSERT INTO refill_cycles (id, auto_refill_id, client_id, number, after_line_id,"
            " act_on, status, order_id, created_at) SELECT gen_random_uuid(), auto_refill_id,"
            " client_id, 2, after_line_id, act_on, status, NULL, created_at FROM refill_cycles"
        )
    ],
    "refills: what was charged": [
        "UPDATE refill_cycles SET client_id = %(bob)s",
        "DELETE FROM refill_notices",
        "UPDATE refill_notices SET told_at = shop_now()",
        (
            "UPDATE orders SET total_cents = total_cents + 1"
            " WHERE id IN (SELECT order_id FROM refill_cycles)"
        ),
    ],
    "refills: charged is paid": [
        "UPDATE orders SET paid_at = NULL WHERE id IN (SELECT order_id FROM refill_cycles)",
        "UPDATE refill_cycles SET status = 'lapsed'",
    ],
    "plans: a session is where": [
        "UPDATE sessions SET starts_at = starts_at + interval '1 minute' WHERE id = %(booked)s"
    ],
}
CASES = [(rule, statement) for rule, planted in PLANTED.items() for statement in planted]


@pytest.mark.parametrize(("rule", "statement"), CASES)
def test_what_is_planted_is_seen(
    scene: dict[str, Any], live: Database, rule: str, statement: str
) -> None:
    with live.as_role() as superuser:
        superuser.execute("SET session_replication_role = replica")
        changed = superuser.execute(statement, scene)
        assert changed.rowcount > 0
        assert [line for line in broken(superuser) if line.startswith(rule)]
        superuser.rollback()


def test_every_rule_was_broken_once() -> None:
    unbroken = [rule for rule in RULES if not any(rule.startswith(name) for name in PLANTED)]
    assert unbroken == []


def test_what_is_under_way_is_seen(scene: dict[str, Any], live: Database) -> None:
    with live.as_role() as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(A_CALL, scene)
        superuser.execute(f"UPDATE payments SET status = 'open' {THE_PAYMENT}", scene)
        superuser.execute(
            "UPDATE payments SET order_id = %(cancelled)s, refunded_cents = 0"
            " WHERE order_id = %(paid)s",
            scene,
        )
        superuser.execute(
            "INSERT INTO refunds (id, payment_id, request_key, amount_cents, reason, status,"
            " state_seq) SELECT gen_random_uuid(), id, 'x', 1, 'x', 'planned', 1 FROM payments"
        )
        superuser.execute(
            "INSERT INTO provider_events (id, type, object_type, created)"
            " VALUES ('evt_1', 'x', 'x', now())"
        )
        superuser.execute("DELETE FROM papers WHERE series = 'INV'")
        superuser.execute("UPDATE refunds SET request_key = 'x' || id")
        seen = {line.split(":")[0] for line in unfinished(superuser)}
        superuser.rollback()
    assert seen >= set(AT_REST) - {"no job waits or runs"}


def test_a_connection_that_may_not_read_is_no_yes(live: Database) -> None:
    with live.as_role("aftercare_sandbox") as nobody, pytest.raises(psycopg.Error):
        broken(nobody)
