"""What must never be false, asked of the tables themselves: an independent judge for races, model and kills.

Plain SQL over committed rows, written from docs/domain.md alone: it calls none of the shop's code
and none of its database functions, so that a mistake there cannot hide behind itself. Every
statement answers the rows that break its rule. The numbers are those of docs/domain.md.
"""

from __future__ import annotations

from typing import Any

import psycopg

RULES = {
    "I1 a doctor-only line that is paid for or gone has a live fill that covers it": """
        SELECT l.id FROM order_lines l
        JOIN variants v ON v.id = l.variant_id
        LEFT JOIN fills f ON f.id = l.fill_id
        LEFT JOIN prescriptions p ON p.id = f.prescription_id
        WHERE (l.requires_prescription OR v.doctor_only
               AND (SELECT e.at FROM events e WHERE e.subject_id = l.id AND e.seq = l.state_seq)
                   > coalesce((SELECT min(e.at) FROM events e  -- where it was free before
                               WHERE e.subject_id = v.product_id
                                 AND e.facts -> 'fields' ? 'doctor_only'), '-infinity'))
          AND l.status IN ('ready', 'on_hold', 'packed', 'shipped', 'delivered', 'returned')
          AND (f.id IS NULL OR p.id IS NULL
               OR f.status NOT IN ('consumed', 'dispensed')
               OR (p.client_id, p.variant_id, p.quantity_per_fill)
                   IS DISTINCT FROM (l.client_id, l.variant_id, l.quantity)
               OR f.state <> l.ship_to_state
               OR NOT EXISTS (SELECT FROM prescription_states s
                              WHERE s.prescription_id = p.id AND s.state = l.ship_to_state)
               OR f.consumed_at < p.signed_at OR f.consumed_at >= p.valid_until
               OR f.consumed_at >= p.revoked_at)""",
    "I1 nothing doctor-only left under a prescription that was revoked before": """
        SELECT l.id FROM order_lines l JOIN fills f ON f.id = l.fill_id
        JOIN prescriptions p ON p.id = f.prescription_id
        WHERE l.shipped_at >= p.revoked_at OR f.dispensed_at >= p.revoked_at
           OR l.shipped_at >= p.valid_until""",
    "I1 the prescriber had a licence for the state when it left": """
        SELECT l.id FROM order_lines l JOIN fills f ON f.id = l.fill_id
        JOIN prescriptions p ON p.id = f.prescription_id
        WHERE l.shipped_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM licences c WHERE c.person_id = p.prescriber_id
              AND c.state = l.ship_to_state
              AND (l.shipped_at AT TIME ZONE 'UTC')::date >= c.valid_from
              AND (l.shipped_at AT TIME ZONE 'UTC')::date < c.valid_until
              AND (c.ended_on IS NULL OR (l.shipped_at AT TIME ZONE 'UTC')::date < c.ended_on
                   OR l.shipped_at < (SELECT min(e.at) FROM events e  -- it was ended that day
                                      WHERE e.subject_id = c.id AND e.kind = 'licence_ended')))""",
    "I2 no more live fills than were authorised": """
        SELECT p.id FROM prescriptions p JOIN fills f ON f.prescription_id = p.id
        WHERE f.status <> 'released' GROUP BY p.id HAVING count(*) > max(p.fills_allowed)""",
    "I2 a number of a fill is live once": """
        SELECT prescription_id FROM fills WHERE status <> 'released'
        GROUP BY prescription_id, number HAVING count(*) > 1""",
    "I2 a live fill belongs to one live order line": """
        SELECT f.id FROM fills f
        LEFT JOIN order_lines l ON l.fill_id = f.id AND l.status <> 'cancelled'
        WHERE f.status <> 'released'
          AND EXISTS (SELECT FROM order_lines known WHERE known.fill_id = f.id)
        GROUP BY f.id HAVING count(l.id) <> 1""",
    "I3 signed by another than the client, licensed in both states, signed in afresh": """
        SELECT p.id FROM prescriptions p
        JOIN people who ON who.id = p.prescriber_id
        LEFT JOIN auth_events a ON a.id = p.fresh_id
        WHERE p.prescriber_id = p.client_id OR who.role <> 'physician' OR a.id IS NULL
           OR a.person_id <> p.prescriber_id OR a.kind <> 'fresh'
           OR NOT p.signed_at BETWEEN a.at AND a.at + interval '5 minutes'
           OR EXISTS (
                SELECT FROM prescription_states s WHERE s.prescription_id = p.id
                AND NOT EXISTS (
                    SELECT FROM licences c WHERE c.person_id = p.prescriber_id AND c.state = s.state
                    AND p.signed_on >= c.valid_from AND p.signed_on < c.valid_until))
           OR NOT EXISTS (SELECT FROM prescription_states s
                          WHERE s.prescription_id = p.id AND s.state = p.client_state)""",
    "I4 one decision for one request": """
        SELECT r.id FROM approval_requests r
        LEFT JOIN prescriptions p ON p.request_id = r.id LEFT JOIN refusals n ON n.request_id = r.id
        GROUP BY r.id
        HAVING count(DISTINCT p.id) + count(DISTINCT n.id) > 1
            OR (r.status IN ('approved', 'pending_client') AND count(DISTINCT p.id) = 0)
            OR (r.status NOT IN ('approved', 'pending_client', 'withdrawn', 'expired')
                AND count(DISTINCT p.id) = 1)
            OR (r.status = 'declined') <> (count(DISTINCT n.id) = 1)""",
    "I1 what differs from what was asked for gives fills only once its client took it": """
        SELECT p.id FROM prescriptions p JOIN approval_requests r ON r.id = p.request_id
        LEFT JOIN acceptances a ON a.prescription_id = p.id
        LEFT JOIN fills f ON f.prescription_id = p.id
        WHERE (f.id IS NOT NULL OR r.status = 'approved')
          AND (p.variant_id, p.quantity_per_fill) <> (r.variant_id, r.quantity)
          AND (r.status <> 'approved' OR a.prescription_id IS NULL OR f.reserved_at < a.accepted_at)""",
    "I5 request, prescription, fill and order are of one client": """
        SELECT p.id FROM prescriptions p JOIN approval_requests r ON r.id = p.request_id
        LEFT JOIN fills f ON f.prescription_id = p.id LEFT JOIN order_lines l ON l.fill_id = f.id
        LEFT JOIN orders o ON o.id = l.order_id
        WHERE p.client_id <> r.client_id OR f.client_id <> p.client_id
           OR o.client_id <> p.client_id OR l.client_id <> o.client_id""",
    "I6 a revoked prescription holds no line that could leave": """
        SELECT l.id FROM order_lines l JOIN fills f ON f.id = l.fill_id
        JOIN prescriptions p ON p.id = f.prescription_id
        WHERE p.status = 'revoked' AND l.status IN ('placed', 'ready', 'packed')""",
    "I6 superseded is what was replaced and owes nothing, and it gives no fill after that": """
        SELECT p.id FROM prescriptions p
        LEFT JOIN supersessions s ON s.prescription_id = p.id
        LEFT JOIN prescriptions later ON later.id = s.successor_id
        WHERE (p.status = 'superseded' AND s.prescription_id IS NULL)
           OR (p.status IN ('active', 'superseded') AND s.prescription_id IS NOT NULL
               AND (p.status = 'active') <> EXISTS (
                   SELECT FROM fills f WHERE f.prescription_id = p.id
                     AND f.status IN ('reserved', 'consumed')))
           OR (later.client_id, later.variant_id) IS DISTINCT FROM (p.client_id, p.variant_id)
              AND s.prescription_id IS NOT NULL
           OR EXISTS (SELECT FROM fills f WHERE f.prescription_id = p.id
                        AND f.reserved_at > s.superseded_at)""",
    "I6 of one client and pack the latest prescription alone gives fills": """
        SELECT p.id FROM prescriptions p JOIN prescriptions q
            ON (q.client_id, q.variant_id) = (p.client_id, p.variant_id) AND q.id > p.id
        JOIN approval_requests r ON r.id = p.request_id AND r.status = 'approved'
        JOIN approval_requests s ON s.id = q.request_id AND s.status = 'approved'
        WHERE p.status = 'active' AND q.status = 'active'
          AND NOT EXISTS (SELECT FROM supersessions WHERE prescription_id IN (p.id, q.id))""",
    "I30 two people enter a prescription in error": """
        SELECT p.id FROM prescriptions p
        LEFT JOIN error_reports e ON e.prescription_id = p.id AND e.confirmed
        WHERE (p.status = 'entered_in_error') <> (e.id IS NOT NULL)
           OR e.decided_by_id IN (e.reported_by_id, p.client_id) OR e.reported_by_id = p.client_id""",
    "I9 heads of a lot are the sums of its ledger and its promises, and never below zero": """
        SELECT lots.id FROM lots
        LEFT JOIN (SELECT lot_id, sum(delta) AS moved FROM movements GROUP BY lot_id) m
            ON m.lot_id = lots.id
        LEFT JOIN (SELECT lot_id, sum(units) AS promised FROM reservation_parts
                   WHERE ended_at IS NULL GROUP BY lot_id) r ON r.lot_id = lots.id
        WHERE lots.on_hand <> coalesce(m.moved, 0) OR lots.reserved <> coalesce(r.promised, 0)
           OR lots.on_hand < 0 OR lots.reserved < 0 OR lots.reserved > lots.on_shelf
           OR lots.on_shelf > lots.on_hand""",
    "I9 what lies in a place is what came there less what went": """
        SELECT lots.id FROM lots
        LEFT JOIN (SELECT lot_id, place, sum(units) AS lies FROM (
                       SELECT lot_id, to_id AS place, units FROM movements
                       UNION ALL SELECT lot_id, from_id, -units FROM movements) AS legs
                   WHERE place IS NOT NULL GROUP BY lot_id, place) m ON m.lot_id = lots.id
        FULL JOIN holdings h ON h.lot_id = m.lot_id AND h.location_id = m.place
        WHERE coalesce(m.lies, 0) <> coalesce(h.on_hand, 0)
        UNION ALL
        SELECT lots.id FROM lots
        LEFT JOIN (SELECT lot_id, sum(on_hand) AS lies FROM holdings
                   JOIN locations p ON p.id = location_id AND p.kind = 'retail'
                   JOIN sites s ON s.id = p.site_id AND s.fills_orders GROUP BY lot_id) h
            ON h.lot_id = lots.id
        WHERE lots.on_shelf <> coalesce(h.lies, 0)""",
    "I9 a ledger runs without a gap": """
        SELECT lot_id FROM (
            SELECT lot_id, seq, delta, previous, balance,
                   lag(balance, 1, 0) OVER w AS before, row_number() OVER w AS place
            FROM movements WINDOW w AS (PARTITION BY lot_id ORDER BY seq)) AS ledger
        WHERE previous <> before OR balance <> previous + delta OR balance < 0 OR seq <> place""",
    "I9 a line that waits or is ready has its units promised, another none": """
        SELECT l.id FROM order_lines l
        LEFT JOIN (SELECT reservation_id, sum(units) AS held FROM reservation_parts
                   WHERE ended_at IS NULL GROUP BY reservation_id) r
            ON r.reservation_id = l.reservation_id
        WHERE (l.status IN ('placed', 'ready', 'packed') AND coalesce(r.held, 0) <> l.quantity)
           OR (l.status IN ('shipped', 'delivered', 'returned', 'cancelled')
               AND coalesce(r.held, 0) <> 0)""",
    "I11 a recall's list names whoever got units of its lots, and how many": """
        SELECT r.number, client_id FROM (
            SELECT recall_id, client_id, sum(sold) AS sold, sum(used) AS used FROM (
                SELECT n.recall_id, o.client_id, p.units AS sold, 0 AS used FROM shipment_lines p
                JOIN shipments s ON s.id = p.shipment_id JOIN orders o ON o.id = s.order_id
                JOIN recall_lots n ON n.lot_id = p.lot_id
                UNION ALL
                SELECT n.recall_id, d.client_id, 0, m.units FROM movements m
                JOIN performances d ON d.id = m.reference_id
                JOIN recall_lots n ON n.lot_id = m.lot_id
                WHERE m.kind = 'treatment_use') AS got
            GROUP BY recall_id, client_id) AS due
        FULL JOIN recall_clients AS listed USING (recall_id, client_id)
        JOIN recalls r ON r.id = recall_id
        WHERE NOT r.drill AND r.listed_at IS NOT NULL
          AND (due.sold, due.used) IS DISTINCT FROM (listed.retail_units, listed.treatment_units)""",
    "I11 a recalled lot's units are here, were there before, or left before a witness": """
        SELECT m.lot_id FROM movements m JOIN recall_lots n ON n.lot_id = m.lot_id AND NOT n.drill
        JOIN recalls r ON r.id = n.recall_id
        WHERE m.at > r.opened_at AND m.to_id IS NULL AND m.kind NOT IN ('damage', 'count_adjust')
          AND NOT EXISTS (SELECT FROM recall_dispositions d WHERE d.id = m.reference_id
                          AND d.witnessed_by_id <> d.planned_by_id AND d.units = m.units)""",
    "I10 nothing was shipped from a lot past its date": """
        SELECT m.id FROM movements m JOIN lots ON lots.id = m.lot_id
        WHERE m.kind = 'ship' AND (m.at AT TIME ZONE 'Etc/GMT+12')::date > lots.expires_on""",
    "I11 what left is told by parcels, and the ledger says the same": """
        SELECT l.id FROM order_lines l
        LEFT JOIN (SELECT order_line_id, sum(units) AS units FROM shipment_lines
                   GROUP BY order_line_id) s ON s.order_line_id = l.id
        LEFT JOIN (SELECT reference_id, -sum(delta) AS units FROM movements WHERE kind = 'ship'
                   GROUP BY reference_id) m ON m.reference_id = l.id
        WHERE coalesce(s.units, 0) <> coalesce(m.units, 0)
           OR coalesce(s.units, 0) <> CASE WHEN l.status IN ('shipped', 'delivered', 'returned')
                                           THEN l.quantity ELSE 0 END""",
    "I11 what left was picked by who keeps the shelf, and labelled": """
        SELECT s.id FROM shipment_lines s
        JOIN movements m ON m.id = s.movement_id
        WHERE s.units IS DISTINCT FROM (
            SELECT sum(p.units) FROM picks p JOIN people ON people.id = p.picked_by_id
            WHERE p.order_line_id = s.order_line_id AND p.put_back_at IS NULL
              AND (p.lot_id, p.location_id) = (m.lot_id, m.from_id)
              AND people.role IN ('staff', 'manager'))
           OR (s.fill_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM documents_issued
               WHERE subject_id = s.fill_id AND kind = 'dispensing_label'))""",
    "I13 totals are sums": """
        SELECT o.id FROM orders o JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id
        HAVING sum(l.unit_price_cents * l.quantity) <> o.subtotal_cents
            OR o.subtotal_cents + o.shipping_cents + o.tax_cents - o.discount_cents
               <> o.total_cents""",
    "I13 lines bear the order's discount and tax, to the cent": """
        SELECT o.id FROM orders o JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id
        HAVING sum(l.discount_cents) <> o.discount_cents OR sum(l.tax_cents) <> o.tax_cents
            OR bool_or(l.discount_cents > l.unit_price_cents * l.quantity)""",
    "I13 a discount is what its terms take off what it may touch": """
        SELECT o.id FROM orders o
        JOIN discount_uses u ON u.order_id = o.id JOIN discounts d ON d.id = u.discount_id
        JOIN order_lines l ON l.order_id = o.id
        JOIN variants v ON v.id = l.variant_id
        CROSS JOIN LATERAL (SELECT v.legal_class IN ('cosmetic', 'otc_drug')
            AND v.legal_class = ANY (d.classes) AND l.fill_id IS NULL
            AND NOT EXISTS (SELECT FROM discount_bars b WHERE b.legal_class = v.legal_class
                AND b.jurisdiction IN ('US', o.ship_to_state) AND b.barred_at <= o.placed_at
                AND coalesce(b.lifted_at > o.placed_at, true)) AS may) AS touched
        GROUP BY o.id, d.id
        HAVING bool_or(l.discount_cents > 0 AND NOT may)
            OR coalesce(sum(l.total_cents) FILTER (WHERE may), 0) < d.least_cents
            OR o.discount_cents <> coalesce(
                round(sum(l.total_cents) FILTER (WHERE may) * d.percent / 100.0),
                least(d.cents, sum(l.total_cents) FILTER (WHERE may)))""",
    "I18 a discount has no more uses than it may": """
        SELECT d.id FROM discounts d JOIN discount_uses u ON u.discount_id = d.id
        WHERE NOT u.returned GROUP BY d.id HAVING count(*) > d.most_uses""",
    "I18 a client has no more uses than she may": """
        SELECT d.id FROM discounts d JOIN discount_uses u ON u.discount_id = d.id
        WHERE NOT u.returned GROUP BY d.id, u.client_id HAVING count(*) > d.most_per_client""",
    "I18 a number of a discount is used once": """
        SELECT discount_id FROM discount_uses WHERE NOT returned
        GROUP BY discount_id, number HAVING count(*) > 1""",
    "I18 an order at a discount has one use, which stands as long as it does": """
        SELECT o.id FROM orders o FULL JOIN discount_uses u ON u.order_id = o.id
        WHERE (o.discount_cents > 0 OR u.id IS NOT NULL)
          AND (u.cents = o.discount_cents AND u.client_id = o.client_id
               AND u.returned = (o.status IN ('cancelled', 'expired'))) IS NOT TRUE""",
    "I18 nobody orders with a discount outside its time": """
        SELECT u.id FROM discount_uses u JOIN discounts d ON d.id = u.discount_id
        WHERE u.taken_at < d.valid_from OR u.taken_at > d.ended_at
           OR u.taken_at >= d.valid_until + interval '1 minute'""",
    "I13 an order has its lines": """
        SELECT o.id FROM orders o
        WHERE NOT EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id)""",
    "I14 paid means captured, once, in full": """
        SELECT o.id FROM orders o LEFT JOIN payments p ON p.order_id = o.id
        GROUP BY o.id
        HAVING (o.status IN ('paid', 'closed')
                AND coalesce(sum(p.captured_cents) FILTER (WHERE p.status = 'succeeded'), 0)
                    - (SELECT coalesce(sum(r.amount_cents), 0) FROM refunds r
                           JOIN payments q ON q.id = r.payment_id
                       WHERE q.order_id = o.id AND r.proposed_by_id IS NULL
                         AND r.request_key NOT LIKE 'line:%%' AND r.status <> 'failed')
                    <> o.total_cents - o.credit_cents)
            OR bool_or(p.amount_cents <> o.total_cents - o.credit_cents
                       OR p.captured_cents NOT IN (0, p.amount_cents))
            OR count(*) FILTER (WHERE p.status IN ('created', 'open')) > 1
            OR (o.status = 'awaiting_payment' AND bool_or(p.status = 'succeeded'))""",
    "I15 refunds are within what was captured": """
        SELECT p.id FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id
        GROUP BY p.id
        HAVING coalesce(sum(r.amount_cents) FILTER (WHERE r.status NOT IN ('failed', 'declined')), 0)
                   > p.captured_cents
            OR coalesce(sum(r.amount_cents) FILTER (WHERE r.status NOT IN ('failed', 'declined')), 0)
                   <> p.refunded_cents""",
    "papers are numbered without a gap, once each": """
        SELECT series || '-' || year FROM papers GROUP BY series, year
        HAVING min(n) <> 1 OR max(n) <> count(*) OR count(DISTINCT n) <> count(*)""",
    "a counter is the last number of its series": """
        SELECT c.series || '-' || c.year FROM paper_counters c
        FULL JOIN (SELECT series, year, max(n) AS last FROM papers GROUP BY series, year) AS p
            USING (series, year)
        WHERE c.last IS DISTINCT FROM p.last""",
    "an invoice is of a paid order, once, for its total": """
        SELECT o.id FROM papers p JOIN orders o ON o.id = p.order_id
        WHERE p.series IN ('INV', 'RCT')
        GROUP BY o.id, p.series
        HAVING count(*) > 1 OR min(p.total_cents) <> o.total_cents OR o.paid_at IS NULL""",
    "credited is what went back, once for each refund, and no more than was invoiced": """
        SELECT o.id FROM papers p JOIN orders o ON o.id = p.order_id
        LEFT JOIN refunds r ON r.id = p.refund_id
        WHERE p.series IN ('CN', 'RV')
        GROUP BY o.id
        HAVING bool_or(p.total_cents IS DISTINCT FROM r.amount_cents)
            OR count(*) <> count(DISTINCT (p.series, p.refund_id))
            OR sum(p.total_cents * CASE p.series WHEN 'CN' THEN 1 ELSE -1 END) > o.total_cents""",
    "I15 a unit goes back once, and a line gives at most what was paid": """
        SELECT l.id FROM refund_units u JOIN order_lines l ON l.id = u.order_line_id
        WHERE u.freed_at IS NULL
        GROUP BY l.id HAVING count(DISTINCT u.unit) < count(*) OR count(*) > l.quantity
            OR sum(u.cents) > l.total_cents - l.discount_cents + l.tax_cents
            OR count(*) = l.quantity
               AND sum(u.cents) <> l.total_cents - l.discount_cents + l.tax_cents""",
    "I15 a large refund was signed by another": """
        SELECT id FROM refunds WHERE large AND status IN ('planned', 'done', 'failed')
            AND (decided_by_id IS NULL OR decided_by_id = proposed_by_id)""",
    "I17 what disputes took is the sum of their ledger": """
        SELECT p.id FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id
            LEFT JOIN dispute_movements m ON m.dispute_id = d.id
        GROUP BY p.id HAVING -coalesce(sum(m.cents), 0) <> p.disputed_cents""",
    "I16 money for an order that ended goes back": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE o.status IN ('cancelled', 'expired') AND p.captured_cents > p.refunded_cents
          AND NOT EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)""",
    "I17 a charge is of its client's card, and of none that was removed before": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
            JOIN saved_cards c ON c.id = p.card_id
        WHERE c.client_id <> o.client_id OR c.removed_at < p.created_at""",
    "I18 an account is what its ledger adds up to, and never overdrawn": """
        SELECT a.client_id FROM credit_accounts a
        WHERE a.balance_cents < 0 OR a.balance_cents <> (
            SELECT coalesce(sum(e.delta_cents), 0) FROM credit_entries e
            WHERE e.client_id = a.client_id)
        UNION ALL
        SELECT client_id FROM (
            SELECT client_id, seq, delta_cents, balance_cents,
                sum(delta_cents) OVER upto AS added, count(*) OVER upto AS nth
            FROM credit_entries WINDOW upto AS (PARTITION BY client_id ORDER BY seq)) AS entries
        WHERE added <> balance_cents OR balance_cents < 0 OR nth <> seq""",
    "I18 an order spent what it says, of its client's credit, and got back no more": """
        SELECT o.id FROM orders o LEFT JOIN credit_entries e ON e.order_id = o.id
        GROUP BY o.id
        HAVING coalesce(-sum(e.delta_cents) FILTER (WHERE e.kind = 'spent'), 0) <> o.credit_cents
            OR coalesce(sum(e.delta_cents), 0) > 0
            OR o.status IN ('cancelled', 'expired') AND coalesce(sum(e.delta_cents), 0) <> 0
            OR bool_or(e.client_id <> o.client_id)""",
    "I18 a gift card is in one account, once and whole, or in none": """
        SELECT c.id FROM gift_cards c LEFT JOIN credit_entries e ON e.card_id = c.id
        GROUP BY c.id
        HAVING count(e.card_id) <> CASE c.status WHEN 'redeemed' THEN 1 ELSE 0 END
            OR bool_or((e.client_id, e.delta_cents) IS DISTINCT FROM (c.redeemed_by_id, c.cents))
               AND c.status = 'redeemed'
            OR c.large AND c.decided_by_id IS NULL AND c.status NOT IN ('proposed', 'declined')
            OR c.decided_by_id = c.proposed_by_id""",
    "I18 a correction moved what two, or one for a little, agreed to": """
        SELECT c.id FROM credit_corrections c LEFT JOIN credit_entries e ON e.correction_id = c.id
        GROUP BY c.id
        HAVING count(e.correction_id) <> CASE c.status WHEN 'booked' THEN 1 ELSE 0 END
            OR bool_or((e.client_id, e.delta_cents) IS DISTINCT FROM (c.client_id, c.delta_cents))
               AND c.status = 'booked'
            OR c.status = 'booked' AND (c.large OR c.delta_cents < 0) AND c.decided_by_id IS NULL
            OR c.decided_by_id = c.proposed_by_id""",
    "I14 what was handed over at the desk is in full, in one drawer, and the drawer was open": """
        SELECT p.id FROM payments p LEFT JOIN drawer_moves m ON m.payment_id = p.id
        LEFT JOIN drawers d ON d.id = m.drawer_id
        WHERE p.tender IS NOT NULL AND (p.status <> 'succeeded' OR m.id IS NULL
            OR (m.kind, m.tender, m.cents) <> ('tender', p.tender, p.captured_cents)
            OR m.by_id <> d.opened_by_id OR m.moved_at < d.opened_at OR m.moved_at > d.counted_at
            OR coalesce(p.provider_session_id, p.provider_intent_id) IS NOT NULL)""",
    "I15 what was handed over goes back out of a drawer, once": """
        SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id
        LEFT JOIN drawer_moves m ON m.refund_id = r.id
        WHERE p.tender IS NOT NULL AND (r.status NOT IN ('planned', 'done')
            OR (r.status = 'done') <> (m.id IS NOT NULL)
            OR (m.id IS NOT NULL AND (m.tender, -m.cents) <> (p.tender, r.amount_cents))
            OR EXISTS (SELECT FROM provider_calls WHERE reference_id IN (r.id, p.id)))""",
    "drawers: the ledger is numbered without a gap and adds up; cash is never less than nothing": """
        SELECT m.id FROM (
            SELECT m.*, sum(cents) OVER (PARTITION BY drawer_id, tender ORDER BY seq) AS adds_up_to,
                   row_number() OVER (PARTITION BY drawer_id ORDER BY seq) AS place
            FROM drawer_moves m) AS m
        WHERE m.balance_cents <> m.adds_up_to OR m.seq <> m.place
           OR (m.tender = 'cash' AND m.adds_up_to < 0)""",
    "drawers: one open of a person and at a register; closed ones add up or are explained": """
        SELECT (array_agg(id))[1] FROM drawers WHERE status = 'open'
        GROUP BY GROUPING SETS ((opened_by_id), (register_id)) HAVING count(*) > 1
        UNION ALL
        SELECT d.id FROM drawers d JOIN drawer_moves m ON m.drawer_id = d.id
        WHERE d.status <> 'open' GROUP BY d.id
        HAVING coalesce(sum(m.cents) FILTER (WHERE m.tender = 'cash'), 0) <> d.expected_cash_cents
            OR (d.status = 'closed' AND d.explanation IS NULL
                AND d.counted_cash_cents <> d.expected_cash_cents)""",
    "I20 a call has one row and one key": """
        SELECT operation FROM provider_calls
        GROUP BY operation, reference_id HAVING count(*) > 1""",
    "I22 a status is what its last event says, and events are numbered without a gap": """
        SELECT subject.id FROM (
            SELECT id, status, state_seq FROM orders
            UNION ALL SELECT id, status, state_seq FROM order_lines
            UNION ALL SELECT id, status, state_seq FROM fills
            UNION ALL SELECT id, status, state_seq FROM prescriptions
            UNION ALL SELECT id, status, state_seq FROM approval_requests
            UNION ALL SELECT id, status, state_seq FROM lots
            UNION ALL SELECT id, status, state_seq FROM payments
            UNION ALL SELECT id, status, state_seq FROM plans
            UNION ALL SELECT id, status, state_seq FROM sessions
            UNION ALL SELECT id, status, state_seq FROM drawers
            UNION ALL SELECT id, status, state_seq FROM refunds) AS subject
        LEFT JOIN (
            SELECT subject_id, count(*) AS told, max(seq) AS last,
                   (array_agg(to_state ORDER BY seq DESC))[1] AS state
            FROM events GROUP BY subject_id) AS log ON log.subject_id = subject.id
        WHERE (log.last, log.state) IS DISTINCT FROM (subject.state_seq, subject.status)
           OR log.told <> log.last""",
    "I22 an order's last line leads to its end": """
        SELECT o.id FROM orders o JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id
        HAVING (o.status = 'awaiting_payment') <> bool_and(l.status = 'placed')
            OR (o.status <> 'awaiting_payment' AND bool_or(l.status = 'placed'))
            OR (o.status IN ('cancelled', 'expired') AND bool_or(l.status <> 'cancelled'))
            OR (o.status = 'closed' AND bool_or(l.status IN ('ready', 'on_hold', 'packed')))
            OR (o.status = 'paid' AND bool_and(l.status IN ('shipped', 'cancelled')))""",
    "plans: what goes on was started by a physician, as it said, freshly signed in": """
        SELECT p.id FROM plans p
        LEFT JOIN plan_starts s ON s.plan_id = p.id AND s.client_id = p.client_id
        LEFT JOIN plan_versions v ON v.plan_id = p.id AND v.number = s.version
        LEFT JOIN people d ON d.id = s.physician_id
        LEFT JOIN auth_events a ON a.id = s.fresh_id
        WHERE (p.status IN ('active', 'on_hold', 'completed') AND s.plan_id IS NULL)
           OR (p.status IN ('draft', 'proposed', 'awaiting_physician') AND s.plan_id IS NOT NULL)
           OR (s.plan_id IS NOT NULL AND (
               v.content_hash IS DISTINCT FROM s.content_hash OR d.role <> 'physician'
               OR d.id = p.client_id OR a.person_id <> d.id OR a.kind <> 'fresh'
               OR s.started_at NOT BETWEEN a.at AND a.at + interval '5 minutes'))""",
    "plans: versions are numbered without a gap": """
        SELECT plan_id FROM plan_versions GROUP BY plan_id
        HAVING max(number) <> count(*) OR min(number) <> 1""",
    "plans: what has ended has nothing ahead, and what is complete was done": """
        SELECT p.id FROM plans p LEFT JOIN sessions s ON s.plan_id = p.id
        WHERE p.status IN ('completed', 'revoked') GROUP BY p.id
        HAVING bool_or(s.status IN ('proposed', 'booked'))
            OR (p.status = 'completed' AND NOT coalesce(bool_or(s.status = 'performed'), false))""",
    "plans: what was performed was done by somebody licensed, after the start, to this client": """
        SELECT s.id FROM sessions s JOIN plans p ON p.id = s.plan_id
        LEFT JOIN performances d ON d.session_id = s.id
        LEFT JOIN plan_starts b ON b.plan_id = p.id
        WHERE (s.status = 'performed') <> (d.id IS NOT NULL) OR s.client_id <> p.client_id
           OR (d.id IS NOT NULL AND (
               d.client_id <> s.client_id OR d.performer_id = d.client_id
               OR d.performed_at > d.recorded_at OR d.performed_at < b.started_at
               OR b.plan_id IS NULL
               OR NOT EXISTS (SELECT FROM licences c WHERE c.person_id = d.performer_id
                              AND c.state = p.state
                              AND (d.performed_at AT TIME ZONE 'UTC')::date >= c.valid_from
                              AND (d.performed_at AT TIME ZONE 'UTC')::date < c.valid_until)))""",
    "plans: nobody is in two booked sessions at once": """
        SELECT a.id FROM sessions a JOIN sessions b ON a.id < b.id
            AND (a.client_id = b.client_id OR a.performer_id = b.performer_id)
            AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status = 'booked' AND b.status = 'booked'""",
    "plans: a session is where its last move put it": """
        SELECT s.id FROM sessions s JOIN session_moves m ON m.session_id = s.id
        WHERE m.number = (SELECT count(*) FROM session_moves o WHERE o.session_id = s.id)
          AND (m.starts_at, m.ends_at) IS DISTINCT FROM (s.starts_at, s.ends_at)""",
    "refills: a pack is followed by one charge": """
        SELECT min(id::text) FROM refill_cycles WHERE status <> 'lapsed'
        GROUP BY after_line_id HAVING count(*) > 1""",
    "refills: what was charged was agreed to, announced, and costs no more than that": """
        SELECT c.id FROM refill_cycles c JOIN orders o ON o.id = c.order_id
        WHERE o.client_id <> c.client_id
           OR NOT EXISTS (SELECT FROM refill_notices n WHERE n.cycle_id = c.id
                          AND n.told_at < o.placed_at)
           OR o.total_cents > greatest(
              (SELECT max(total_cents) FROM refill_notices n
               WHERE n.cycle_id = c.id AND n.charge_on <= (o.placed_at AT TIME ZONE 'UTC')::date),
              (SELECT max(total_cents) FROM refill_consents a
               WHERE a.auto_refill_id = c.auto_refill_id AND a.consented_at < o.placed_at))""",
    "refills: charged is paid, and what lapsed kept no money": """
        SELECT c.id FROM refill_cycles c LEFT JOIN orders o ON o.id = c.order_id
        WHERE c.status = 'charged' AND o.paid_at IS NULL
           OR c.status = 'lapsed' AND o.status IN ('awaiting_payment', 'paid', 'closed')""",
}


def broken(connection: psycopg.Connection[Any]) -> list[str]:
    """Every rule that some row breaks, with how many rows and one of them; [] when all is well.

    `connection` may read all tables; it sees one snapshot.
    """
    found = []
    for rule, statement in RULES.items():
        if rows := connection.execute(statement).fetchall():
            found.append(f"{rule}: {len(rows)} rows, e.g. {rows[0][0]}")
    return found


# What may be left only while something is still under way: asked when all has come to rest.
AT_REST = {
    "no order waits past its time to pay": """
        SELECT id FROM orders WHERE status = 'awaiting_payment'""",
    "no payment is in between": """
        SELECT id FROM payments WHERE status IN ('created', 'open')""",
    "no call is planned or in flight": """
        SELECT id FROM provider_calls WHERE status IN ('planned', 'in_flight')""",
    "no refund is planned": "SELECT id FROM refunds WHERE status = 'planned'",
    "no event of the provider waits": "SELECT id FROM provider_events WHERE applied_at IS NULL",
    "no fill is reserved": "SELECT id FROM fills WHERE status = 'reserved'",
    "no money is kept for an order that ended": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE o.status IN ('cancelled', 'expired')
          AND p.captured_cents <> (SELECT coalesce(sum(amount_cents), 0) FROM refunds r
                                   WHERE r.payment_id = p.id AND r.status = 'done')""",
    "no money is kept for a line that was cancelled": """
        SELECT l.id FROM order_lines l JOIN orders o ON o.id = l.order_id
        WHERE o.status IN ('paid', 'closed') AND l.status = 'cancelled'
          AND o.total_cents = o.due_cents
          AND NOT EXISTS (SELECT FROM refunds r WHERE r.request_key = 'line:' || l.id
                          AND r.status = 'done')""",
    "no paid order lacks its invoice, no refund of it its credit note": """
        SELECT o.id FROM orders o
        WHERE o.paid_at IS NOT NULL
          AND ((SELECT count(*) FROM papers p WHERE p.order_id = o.id
                AND p.series IN ('INV', 'RCT')) <> 2
               OR EXISTS (SELECT FROM refunds r JOIN payments q ON q.id = r.payment_id
                          WHERE q.order_id = o.id AND r.status = 'done'
                            AND r.request_key <> 'paid_twice'
                            AND NOT EXISTS (SELECT FROM papers p
                                            WHERE p.refund_id = r.id AND p.series = 'CN')))""",
    "no job waits or runs": """
        SELECT id FROM jobs.procrastinate_jobs WHERE status IN ('todo', 'doing')
        AND scheduled_at IS NULL""",
}


def unfinished(connection: psycopg.Connection[Any]) -> list[str]:
    """What has not come to its end: asked after the worker has had its time."""
    found = []
    for rule, statement in AT_REST.items():
        if rows := connection.execute(statement).fetchall():
            found.append(f"{rule}: {len(rows)} rows, e.g. {rows[0][0]}")
    return found
