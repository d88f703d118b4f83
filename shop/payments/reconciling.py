"""Does everything agree: payments, orders and the provider; shelves and orders; prescriptions?

Looking changes nothing. Repairing does only what is safe: it applies what the provider says,
sends calls that are due, expires orders whose time is over, takes in what moved on the account
and sends back money that nobody may keep. What remains is for a person.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.payments import balancing, calls, chasing, disputing, following, queries, taking_in
from shop.payments.differences import Compared, Difference
from shop.payments.following import Fact
from shop.payments.gateway import (
    CheckoutSession,
    Dispute,
    Gateway,
    GatewayError,
    Intent,
    IntentState,
    NotThere,
    Refund,
    RefundState,
    SessionState,
    SetupPage,
)
from shop.payments.models import Payment
from shop.payments.models import Refund as RefundRow
from shop.payments.states import LIVE, PaymentStatus, RefundStatus

SINCE = timedelta(hours=48)  # how far back the provider's lists are read

log = structlog.get_logger()


# Each finds (subject, text, order id or NULL). Grace lets work under way finish.
CHECKS = {
    "paid_order_without_money": """
        SELECT o.number, 'paid without a payment that took what is due', o.id FROM orders o
        WHERE o.status IN ('paid', 'closed') AND o.due_cents > 0 AND NOT EXISTS (
            SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'succeeded'
                AND p.captured_cents = o.due_cents)""",
    "money_without_paid_order": """
        SELECT o.number, 'still waits for money that was taken', o.id
        FROM orders o JOIN payments p ON p.order_id = o.id
        WHERE o.status = 'awaiting_payment' AND p.status = 'succeeded'""",
    "money_of_an_ended_order": """
        SELECT o.number, 'ended, and money taken for it is not on its way back', o.id
        FROM orders o JOIN payments p ON p.order_id = o.id
        WHERE o.status IN ('cancelled', 'expired')
            AND p.captured_cents > p.refunded_cents + greatest(p.disputed_cents, 0)
            AND NOT EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id
                            AND d.status IN ('open', 'under_review'))
            AND o.ended_at < :at - interval '15 minutes'""",
    "order_paid_twice": """
        SELECT o.number, 'more than one payment took money and kept it', o.id
        FROM orders o JOIN payments p ON p.order_id = o.id
        WHERE p.captured_cents > p.refunded_cents GROUP BY o.id HAVING count(*) > 1""",
    "order_overdue": """
        SELECT o.number, 'should have expired', o.id FROM orders o
        WHERE o.status = 'awaiting_payment' AND o.pay_by < :at - interval '15 minutes'""",
    "order_is_not_its_lines": """
        SELECT o.number, format('its lines add up to %s - %s + %s cents, it says %s - %s + %s',
                                sum(l.total_cents), sum(l.discount_cents), sum(l.tax_cents),
                                o.subtotal_cents, o.discount_cents, o.tax_cents), o.id
        FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING
            (sum(l.total_cents), sum(l.discount_cents), sum(l.tax_cents)) IS DISTINCT FROM
            (o.subtotal_cents::bigint, o.discount_cents::bigint, o.tax_cents::bigint)""",
    "order_is_not_as_placed": """
        SELECT o.number, format('%s cents when placed, now %s', e.facts->>'cents', o.total_cents),
            o.id
        FROM orders o LEFT JOIN events e ON e.subject_id = o.id AND e.kind = 'order_placed'
        WHERE e.facts->>'cents' IS DISTINCT FROM o.total_cents::text OR o.total_cents
            <> o.subtotal_cents + o.shipping_cents + o.tax_cents - o.discount_cents""",
    "line_is_not_what_backs_it": """
        SELECT o.number || ' ' || l.sku, 'is not what its price, reservation or fill is for', o.id
        FROM order_lines l JOIN orders o ON o.id = l.order_id
            JOIN variants v ON v.id = l.variant_id
            LEFT JOIN prices c ON c.id = l.price_id
            LEFT JOIN reservations r ON r.id = l.reservation_id
            LEFT JOIN fills f ON f.id = l.fill_id
        WHERE l.sku <> v.sku OR l.total_cents <> l.unit_price_cents * l.quantity
            OR l.client_id <> o.client_id OR l.ship_to_state <> o.ship_to_state
            OR (c.variant_id, c.cents) IS DISTINCT FROM (l.variant_id, l.unit_price_cents)
            OR (r.variant_id, r.units) IS DISTINCT FROM (l.variant_id, l.quantity)
            OR l.requires_prescription <> (l.fill_id IS NOT NULL)
            OR l.fill_id IS NOT NULL AND (f.client_id, f.variant_id, f.state, f.quantity)
                IS DISTINCT FROM (l.client_id, l.variant_id, l.ship_to_state, l.quantity)""",
    "fill_is_not_on_its_terms": """
        SELECT p.number, format('fill %s is not what was prescribed', f.number), NULL::uuid
        FROM fills f LEFT JOIN prescriptions p ON p.id = f.prescription_id
        WHERE (f.client_id, f.variant_id, f.quantity, f.fills_allowed) IS DISTINCT FROM
                (p.client_id, p.variant_id, p.quantity_per_fill, p.fills_allowed)
            OR f.number NOT BETWEEN 1 AND p.fills_allowed
            OR NOT EXISTS (SELECT FROM prescription_states s
                WHERE s.prescription_id = f.prescription_id AND s.state = f.state)""",
    "payment_is_not_for_its_order": """
        SELECT p.id::text, format('asks for %s cents, its order is over %s', p.amount_cents,
                                  o.due_cents), o.id
        FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.amount_cents <> o.due_cents""",
    "order_is_not_what_its_credit_says": """
        SELECT o.number, format('says %s cents of credit; spent were %s and came back %s',
                                o.credit_cents, spent, returned), o.id
        FROM orders o CROSS JOIN LATERAL (
            SELECT coalesce(-sum(delta_cents) FILTER (WHERE kind = 'spent'), 0) AS spent,
                coalesce(sum(delta_cents) FILTER (WHERE kind = 'returned'), 0) AS returned,
                coalesce(bool_or(client_id <> o.client_id), false) AS anothers
            FROM credit_entries WHERE order_id = o.id) AS credit
        WHERE spent <> o.credit_cents OR returned > spent
            OR o.status IN ('cancelled', 'expired') AND returned <> spent
            OR anothers""",
    "credit_account_is_not_its_ledger": """
        SELECT a.client_id::text, format('%s cents of credit, the ledger says %s',
                                         a.balance_cents, coalesce(sum(e.delta_cents), 0)),
            NULL::uuid
        FROM credit_accounts a LEFT JOIN credit_entries e ON e.client_id = a.client_id
        GROUP BY a.client_id HAVING a.balance_cents <> coalesce(sum(e.delta_cents), 0)
            OR bool_or(e.balance_cents < 0)""",
    "gift_card_is_not_what_was_booked": """
        SELECT c.number, format('%s, and in %s accounts', c.status, count(e.card_id)), NULL::uuid
        FROM gift_cards c LEFT JOIN credit_entries e ON e.card_id = c.id
            AND (e.client_id, e.delta_cents) = (c.redeemed_by_id, c.cents)
        GROUP BY c.id HAVING count(e.card_id) <> CASE c.status WHEN 'redeemed' THEN 1 ELSE 0 END""",
    "refunds_do_not_add_up": """
        SELECT p.id::text, format('refunds add up to %s cents, the payment says %s',
                                  coalesce(sum(r.amount_cents), 0), p.refunded_cents), p.order_id
        FROM payments p LEFT JOIN refunds r
            ON r.payment_id = p.id AND r.status NOT IN ('failed', 'declined')
        GROUP BY p.id HAVING coalesce(sum(r.amount_cents), 0) <> p.refunded_cents""",
    "refund_failed": """
        SELECT r.id::text, 'a refund failed and the money is still here', p.order_id
        FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.status = 'failed' AND p.captured_cents > p.refunded_cents""",
    "refund_is_not_its_parts": """
        SELECT r.id::text, format('%s cents, its parts are %s', r.amount_cents + r.credit_cents,
                                  r.shipping_cents + r.other_cents + coalesce(sum(u.cents), 0)),
            p.order_id
        FROM refunds r JOIN payments p ON p.id = r.payment_id
            LEFT JOIN refund_units u ON u.refund_id = r.id
        GROUP BY r.id, p.id HAVING r.amount_cents + r.credit_cents
            <> r.shipping_cents + r.other_cents + coalesce(sum(u.cents), 0)""",
    "refund_waits_for_a_second_person": """
        SELECT r.id::text, 'was proposed, and nobody has signed or declined it', p.order_id
        FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.status = 'proposed' AND r.planned_at < :at - interval '3 days'""",
    "disputes_do_not_add_up": """
        SELECT p.id::text, format('disputes took %s cents, the payment says %s',
                                  -coalesce(sum(m.cents), 0), p.disputed_cents), p.order_id
        FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id
            LEFT JOIN dispute_movements m ON m.dispute_id = d.id
        GROUP BY p.id HAVING -coalesce(sum(m.cents), 0) <> p.disputed_cents""",
    "more_went_back_than_came": """
        SELECT p.id::text, format('%s cents came, %s went back and disputes took %s',
                                  p.captured_cents, p.refunded_cents, p.disputed_cents), p.order_id
        FROM payments p WHERE p.refunded_cents + greatest(p.disputed_cents, 0) > p.captured_cents
        """,
    "payment_questioned": """
        SELECT p.id::text, 'what came does not fit what was asked', p.order_id
        FROM payments p WHERE p.status = 'questioned'""",
    "call_needs_a_person": """
        SELECT c.idempotency_key, format('nobody knows what came of it (%s)', c.answer), c.order_id
        FROM provider_calls c WHERE c.status = 'human'""",
    "call_overdue": """
        SELECT c.idempotency_key, 'should have been sent', c.order_id
        FROM provider_calls c WHERE c.status IN ('planned', 'in_flight')
            AND coalesce(c.lease_until, c.planned_at) < :at - interval '15 minutes'""",
    "refund_without_its_call": """
        SELECT r.id::text, 'planned, and nothing will send it', p.order_id
        FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.status = 'planned' AND p.tender IS NULL AND NOT EXISTS (
            SELECT FROM provider_calls c WHERE c.operation = 'refund' AND c.reference_id = r.id)""",
    "tender_is_in_no_drawer": """
        SELECT p.id::text, format('%s cents were taken at the desk, and no drawer says so',
                                  p.captured_cents), p.order_id
        FROM payments p LEFT JOIN drawer_moves m ON m.payment_id = p.id
            AND (m.kind, m.tender, m.cents) = ('tender', p.tender, p.captured_cents)
        WHERE p.tender IS NOT NULL AND m.id IS NULL""",
    "drawer_has_money_of_no_tender": """
        SELECT d.number, format('%s cents of a payment that did not take them', m.cents),
               p.order_id
        FROM drawer_moves m JOIN drawers d ON d.id = m.drawer_id
            LEFT JOIN payments p ON p.id = m.payment_id
        WHERE m.kind = 'tender'
            AND (p.tender, p.captured_cents) IS DISTINCT FROM (m.tender, m.cents)""",
    "pay_out_is_not_its_refund": """
        SELECT coalesce(r.id, m.refund_id)::text, format('%s cents were paid out at the desk, %s'
            ' went back', coalesce(-m.cents, 0), coalesce(r.amount_cents, 0)), p.order_id
        FROM (SELECT r.* FROM refunds r JOIN payments p ON p.id = r.payment_id
              WHERE p.tender IS NOT NULL AND r.status = 'done') r
            FULL JOIN (SELECT * FROM drawer_moves WHERE kind = 'pay_out') m ON m.refund_id = r.id
            LEFT JOIN payments p ON p.id = r.payment_id
        WHERE (-m.cents, m.tender) IS DISTINCT FROM (r.amount_cents, p.tender)""",
    "drawer_does_not_add_up": """
        SELECT d.number, format('entry %s says %s cents of %s, the entries add up to %s', m.seq,
                                m.balance_cents, m.tender, m.adds_up_to), NULL::uuid
        FROM drawers d JOIN (
            SELECT drawer_id, seq, tender, balance_cents,
                   sum(cents) OVER (PARTITION BY drawer_id, tender ORDER BY seq) AS adds_up_to,
                   row_number() OVER (PARTITION BY drawer_id ORDER BY seq) AS place
            FROM drawer_moves) m ON m.drawer_id = d.id
        WHERE m.balance_cents <> m.adds_up_to OR m.seq <> m.place""",
    "drawer_was_counted_against_another_sum": """
        SELECT d.number, 'what should have been in it is not what its entries add up to',
               NULL::uuid
        FROM drawers d JOIN drawer_moves m ON m.drawer_id = d.id
        WHERE d.status <> 'open' GROUP BY d.id HAVING
            (coalesce(sum(m.cents) FILTER (WHERE m.tender = 'cash'), 0),
             coalesce(sum(m.cents) FILTER (WHERE m.tender = 'terminal'), 0),
             coalesce(sum(m.cents) FILTER (WHERE m.tender = 'cheque'), 0))
            <> (d.expected_cash_cents, d.expected_terminal_cents, d.expected_cheque_cents)""",
    "drawer_left_open": """
        SELECT d.number, 'was opened more than a day ago and is not counted', NULL::uuid
        FROM drawers d WHERE d.status = 'open' AND d.opened_at < :at - interval '24 hours'""",
    "drawer_waits_to_be_closed": """
        SELECT d.number, 'does not add up, and nobody has explained or signed it for a day',
               NULL::uuid
        FROM drawers d
        WHERE d.status = 'counted' AND d.counted_at < :at - interval '24 hours'""",
    "lot_reserves_what_nobody_holds": """
        SELECT l.number, format('reserves %s units, reservations hold %s', l.reserved,
                                coalesce(sum(p.units), 0)), NULL::uuid
        FROM lots l LEFT JOIN reservation_parts p ON p.lot_id = l.id AND p.ended_at IS NULL
        GROUP BY l.id HAVING l.reserved <> coalesce(sum(p.units), 0)""",
    "lot_is_not_its_ledger": """
        SELECT l.number, format('%s units on hand, the ledger says %s', l.on_hand,
                                coalesce(sum(m.delta), 0)), NULL::uuid
        FROM lots l LEFT JOIN movements m ON m.lot_id = l.id
        GROUP BY l.id HAVING l.on_hand <> coalesce(sum(m.delta), 0)""",
    "reservation_is_not_its_parts": """
        SELECT r.id::text, format('promises %s units, its lots hold %s', r.units,
                                  coalesce(sum(p.units), 0)), NULL::uuid
        FROM reservations r
            LEFT JOIN reservation_parts p ON p.reservation_id = r.id AND p.ended_at IS NULL
        GROUP BY r.id HAVING coalesce(sum(p.units), 0) <> CASE
            WHEN r.released_at IS NULL AND r.shipped_at IS NULL THEN r.units ELSE 0 END""",
    "reservation_for_nobody": """
        SELECT r.id::text, 'holds units for no line of any order', NULL::uuid
        FROM reservations r LEFT JOIN order_lines l ON l.reservation_id = r.id
        WHERE r.released_at IS NULL AND r.shipped_at IS NULL
            AND coalesce(l.status, 'cancelled') = 'cancelled'""",
    "line_without_its_units": """
        SELECT o.number || ' ' || l.sku, 'waits for units that nobody holds', o.id
        FROM order_lines l JOIN orders o ON o.id = l.order_id
            JOIN reservations r ON r.id = l.reservation_id
        WHERE l.status IN ('placed', 'ready', 'packed')
            AND (r.released_at IS NOT NULL OR r.shipped_at IS NOT NULL)""",
    "shipped_without_movement": """
        SELECT o.number || ' ' || l.sku, 'shipped, and the ledger does not say so', o.id
        FROM order_lines l JOIN orders o ON o.id = l.order_id
        WHERE l.status IN ('shipped', 'delivered', 'returned') AND l.quantity <> (
            SELECT coalesce(-sum(m.delta), 0) FROM shipment_lines s
                JOIN movements m ON m.id = s.movement_id WHERE s.order_line_id = l.id)""",
    "fill_for_nobody": """
        SELECT p.number, format('fill %s is taken by no line of any order', f.number), NULL::uuid
        FROM fills f JOIN prescriptions p ON p.id = f.prescription_id
        WHERE f.status <> 'released' AND NOT EXISTS (
            SELECT FROM order_lines l WHERE l.fill_id = f.id AND l.status <> 'cancelled')""",
    "line_without_its_fill": """
        SELECT o.number || ' ' || l.sku, format('is %s, its fill %s', l.status, f.status), o.id
        FROM order_lines l JOIN orders o ON o.id = l.order_id LEFT JOIN fills f ON f.id = l.fill_id
        WHERE l.requires_prescription AND l.status <> 'cancelled'
            AND coalesce(f.status, '') <> CASE
                WHEN l.status = 'placed' THEN 'reserved'
                WHEN l.status IN ('shipped', 'delivered', 'returned') THEN 'dispensed'
                ELSE 'consumed' END""",
    "too_many_fills": """
        SELECT p.number, format('%s fills taken of %s', count(*), p.fills_allowed), NULL::uuid
        FROM fills f JOIN prescriptions p ON p.id = f.prescription_id WHERE f.status <> 'released'
        GROUP BY p.id HAVING count(*) > p.fills_allowed""",
}


def differences(gateway: Gateway) -> list[Difference]:
    """Everything that does not agree, here and at the provider. Changes nothing.

    Raises GatewayError where the provider cannot be read.
    """
    return compared(gateway).differences


def compared(gateway: Gateway) -> Compared:
    """Everything that does not agree, and what moved at the provider. Changes nothing.

    Raises GatewayError where the provider cannot be read.
    """
    at = now()
    found = list(_here(at))
    payments = _to_compare(at)
    db.session.commit()
    for payment in payments:
        found += _at_the_provider(payment, gateway)
    found += _unknown_here(at, gateway)
    found += _disputes_there(at, gateway)
    account = balancing.compared(gateway, since=at - SINCE, at=at, told=found)
    return Compared(found + account.differences, account.noted)


def repair(gateway: Gateway) -> None:
    """Do what is safe: apply the provider's word, send what is due, end what is over. Commits."""
    at = now()
    known = {payment.id for payment in _to_compare(at)}
    db.session.commit()
    _learn_unknown(at, gateway)
    for payment_id in known:
        try:
            _send(following.payment(payment_id, gateway), gateway)
        except GatewayError as error:
            log.warning("payment_not_read", payment=str(payment_id), code=error.code)
            db.session.rollback()
    _learn_disputes(at, gateway)
    calls.send_due(gateway)
    chasing.overdue_orders(gateway)
    taking_in.take_in(gateway, at=now())
    for difference in _here(now()):
        if difference.kind == "money_of_an_ended_order" and difference.order_id is not None:
            chasing.order_ended(difference.order_id, gateway)


def _learn_disputes(at: datetime, gateway: Gateway) -> None:
    """Disputes and warnings of the last days, and whatever became of those that are open here."""
    db.session.commit()
    told = {one.id for one in gateway.disputes_since(at - SINCE)}
    warnings = [one.id for one in gateway.fraud_warnings_since(at - SINCE)]
    told |= set(queries.open_disputes())
    db.session.commit()
    for dispute_id in sorted(told):
        _send(following.dispute(dispute_id, gateway), gateway)
    for warning_id in warnings:
        following.warning(warning_id, gateway)


def _learn_unknown(at: datetime, gateway: Gateway) -> None:
    """Apply pages and charges of ours that the provider knows, and nobody here wrote down yet."""
    pages = [page.id for page in gateway.sessions_since(at - SINCE) if page.order_ref is not None]
    charges = [one.id for one in gateway.intents_since(at - SINCE) if one.payment_ref is not None]
    setups = list(gateway.setups_since(at - SINCE))
    for page_id in pages:
        if queries.payment_of_session(page_id) is None:
            _send(following.session(page_id, gateway), gateway)
    for intent_id in charges:
        if queries.payment_of_intent(intent_id) is None:
            _send(following.intent(intent_id, gateway), gateway)
    for setup in setups:
        if _not_written_down(setup):
            following.session(setup.id, gateway)


def _send(orders: set[uuid.UUID], gateway: Gateway) -> None:
    for order_id in orders:
        calls.send_for(order_id, gateway)


def _here(at: datetime) -> Iterator[Difference]:
    for kind, check in CHECKS.items():
        for subject, text, order_id in db.session.execute(sa.text(check), {"at": at}).all():
            yield Difference(kind, subject, text, order_id)


def _to_compare(at: datetime) -> list[Payment]:
    """Payments that may still move, and those of the last days."""
    query = sa.select(Payment).where(
        sa.func.coalesce(Payment.provider_session_id, Payment.provider_intent_id).is_not(None),
        sa.or_(Payment.status.in_(LIVE), Payment.created_at >= at - SINCE),
    )
    return list(db.session.scalars(query.order_by(Payment.created_at, Payment.id)))


def _at_the_provider(payment: Payment, gateway: Gateway) -> list[Difference]:
    """How a payment here differs from its page, its intent and its refunds there."""
    try:
        facts = following.read_payment(
            payment.provider_session_id, payment.provider_intent_id, gateway
        )
        intent_id = next((fact.id for fact in facts if isinstance(fact, Intent)), None)
        refunds = gateway.refunds_of(intent_id) if intent_id else []
    except NotThere:
        return [_about(payment, "page_the_provider_never_saw", "is unknown to the provider")]
    found = [_about(payment, kind, text) for kind, text in _compared(payment, facts)]
    return found + _compared_refunds(payment, refunds)


def _compared(payment: Payment, facts: list[Fact]) -> Iterator[tuple[str, str]]:
    here = payment.captured_cents
    there = 0
    for fact in facts:
        if isinstance(fact, Intent) and fact.state is IntentState.SUCCEEDED:
            there = fact.received_cents
    page = next((fact for fact in facts if isinstance(fact, CheckoutSession)), None)
    if there and not here:
        yield "money_not_booked", f"the provider took {there} cents, here is nothing"
    elif here and not there:
        yield "money_the_provider_never_saw", f"{here} cents are booked, the provider took none"
    elif here != there:
        yield "amounts_differ", f"{here} cents are booked, the provider took {there}"
    if page is not None:
        yield from _compared_page(payment, page)
    elif payment.live and any(isinstance(one, Intent) and one.failure_code for one in facts):
        yield "charge_declined_there", "is under way here and was declined at the provider"


def _compared_page(payment: Payment, page: CheckoutSession) -> Iterator[tuple[str, str]]:
    if page.state is SessionState.EXPIRED and payment.live:
        yield "page_closed_there", "is open here and closed at the provider"
    if page.state is SessionState.OPEN and payment.status is PaymentStatus.CANCELLED:
        yield "page_open_there", "is given up here and can still be paid at the provider"


EXPECTED = {
    RefundState.PENDING: RefundStatus.PLANNED,
    RefundState.REQUIRES_ACTION: RefundStatus.PLANNED,
    RefundState.SUCCEEDED: RefundStatus.DONE,
    RefundState.FAILED: RefundStatus.FAILED,
    RefundState.CANCELED: RefundStatus.FAILED,
}


def _compared_refunds(payment: Payment, there: list[Refund]) -> list[Difference]:
    query = sa.select(RefundRow).where(
        RefundRow.payment_id == payment.id,
        RefundRow.amount_cents > 0,  # of credit alone the provider knows nothing
    )
    here = {row.provider_refund_id: row for row in db.session.scalars(query)}
    found = []
    for refund in there:
        row = here.pop(refund.id, None)
        if row is None:
            text = f"{refund.amount_cents} cents went back and nobody here asked for it"
            found.append(_about(payment, "refund_nobody_asked_for", text))
        elif row.status is not EXPECTED[refund.state]:
            text = f"a refund is {row.status} here and {refund.state} at the provider"
            found.append(_about(payment, "refund_states_differ", text))
    for row in here.values():
        if row.status is RefundStatus.DONE:
            text = f"{row.amount_cents} cents went back, says the shop; the provider knows nothing"
            found.append(_about(payment, "refund_the_provider_never_saw", text))
    db.session.commit()
    return found


def _unknown_here(at: datetime, gateway: Gateway) -> list[Difference]:
    """Pages and money under our orders' numbers that no payment here belongs to."""
    found = []
    pages, intents, setups = (
        list(gateway.sessions_since(at - SINCE)),
        list(gateway.intents_since(at - SINCE)),
        list(gateway.setups_since(at - SINCE)),
    )
    for page in pages:
        if page.order_ref is not None and queries.payment_of_session(page.id) is None:
            text = f"a page for order {page.order_ref} that no payment here asked for"
            found.append(Difference("page_nobody_asked_for", page.id, text))
    for intent in intents:
        money = intent.state is IntentState.SUCCEEDED and intent.order_ref is not None
        if money and queries.payment_of_intent(intent.id) is None:
            text = f"{intent.received_cents} cents for order {intent.order_ref}, booked nowhere"
            found.append(Difference("money_for_nobody", intent.id, text))
    for setup in setups:
        if _not_written_down(setup):
            text = "a card was saved there, and no card here is the one"
            found.append(Difference("card_not_written_down", setup.id, text))
    return found


def _disputes_there(at: datetime, gateway: Gateway) -> list[Difference]:
    """How disputes of our payments differ from the provider's word, and warnings nobody heard."""
    still_open = queries.open_disputes()
    db.session.commit()
    told = list(gateway.disputes_since(at - SINCE))
    known = {one.id for one in told}
    told += [gateway.dispute(one) for one in still_open if one not in known]
    warnings = list(gateway.fraud_warnings_since(at - SINCE))
    found = [each for dispute in told for each in _compared_dispute(dispute)]
    for warning in warnings:
        payment = queries.payment_of_intent(warning.intent_id) if warning.intent_id else None
        if payment is not None and queries.warning_named(warning.id) is None:
            text = "a bank warns of a payment, and nobody here knows"
            found.append(_about(payment, "fraud_warning_not_written_down", text))
    return found


def _compared_dispute(dispute: Dispute) -> Iterator[Difference]:
    row = queries.dispute_named(dispute.id)
    payment = queries.payment_of_intent(dispute.intent_id) if dispute.intent_id else None
    if payment is None:
        return  # of none of ours
    if row is None:
        text = f"a bank disputes {dispute.amount_cents} cents, and nobody here knows"
        yield _about(payment, "dispute_not_written_down", text)
    elif row.status is not disputing.HERE[dispute.state]:
        text = f"a dispute is {row.status} here and {dispute.state} at the provider"
        yield _about(payment, "dispute_states_differ", text)


def _not_written_down(page: SetupPage) -> bool:
    """Whether a card was typed on a page of ours that is not known here yet."""
    if page.state is not SessionState.COMPLETE:
        return False
    setup = queries.setup_named(page.setup_ref)
    return setup is not None and queries.card_of_setup(setup.id) is None


def _about(payment: Payment, kind: str, text: str) -> Difference:
    return Difference(kind, str(payment.id), text, payment.order_id)
