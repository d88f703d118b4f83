"""The judge of what clients were told and what the provider did: plain SQL, none of the shop's code.

tests/invariants.py judges the tables by themselves; this compares them with the two histories that
lie outside: the clients' and the provider's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import psycopg

from tests.kills.history import Asked

Rows = psycopg.Connection[Any]

EFFECT = {  # act → how many rows bear the number that the client was told
    "place": "SELECT count(*) FROM orders WHERE number = %s",
    "ship": "SELECT count(*) FROM shipments WHERE number = %s",
    "sign": "SELECT count(*) FROM prescriptions WHERE number = %s",
    "cancel": "SELECT count(*) FROM orders WHERE number = %s AND status = 'cancelled'",
}


def lost(shop: Rows, history: Iterable[Asked]) -> list[str]:
    """Acts that were acknowledged and are not in the tables."""
    found = []
    for asked in history:
        told = asked.acknowledged
        if told is None:
            continue
        if asked.act == "begin":
            rows = shop.execute(
                "SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id"
                " WHERE o.number = %s AND p.amount_cents = %s",
                [asked.path.split("/")[-2], told["amount_cents"]],
            ).fetchone()
        else:
            rows = shop.execute(EFFECT[asked.act], [told["number"]]).fetchone()
        if rows is None or rows[0] < 1:
            found.append(f"{asked.act} {asked.key}: told {told.get('number')}, and it is not there")
    return found


def told_differently(history: Iterable[Asked]) -> list[str]:
    """Keys that got two different answers with a yes."""
    found = []
    for asked in history:
        yes = [one["json"] for one in asked.answers if 200 <= one["status"] < 300]
        if any(one != yes[0] for one in yes) and asked.act != "begin":
            found.append(f"{asked.act} {asked.key}: told {yes}")
    return found


# Rows that acts of these clients made, as "<act> <whose>": how many there are.
MADE = """
    SELECT 'place ' || client_id, number FROM orders
    UNION ALL SELECT 'ship ' || o.number, s.number FROM shipments s JOIN orders o ON o.id = s.order_id
    UNION ALL SELECT 'sign ' || r.number, p.number
        FROM prescriptions p JOIN approval_requests r ON r.id = p.request_id"""


def unasked(shop: Rows, history: Iterable[Asked], *, but: Iterable[str] = ()) -> list[str]:
    """Orders, parcels and prescriptions that no key was told of: an effect done twice, or a no
    after the effect. Asked when every act is over. `but` names what a test made by itself.
    """
    known = Counter(
        told["number"] for one in history if (told := one.acknowledged) and "number" in told
    )
    known.update(but)
    return [
        f"{what}: {number} was made, and no key was told of it"
        for what, number in shop.execute(MADE).fetchall()
        if number not in known
    ]


def open_acts(history: Iterable[Asked]) -> list[str]:
    """Acts that never came to an answer."""
    return [f"{one.act} {one.key}: {one.answers[-1:]}" for one in history if not one.over]


def at_the_provider(shop: Rows, bank: Rows) -> list[str]:
    """Where the provider did more or other than the shop has in its books.

    One page for each attempt, money taken once for each order and in full, sent back once for each
    refund; what one of the two has and the other has not.
    """
    there = _there(bank)
    here = shop.execute(
        "SELECT o.number, count(p.id), coalesce(sum(p.captured_cents), 0),"
        " coalesce(sum((SELECT sum(r.amount_cents) FROM refunds r"
        "               WHERE r.payment_id = p.id AND r.status = 'done')), 0),"
        " coalesce(sum((SELECT count(*) FROM refunds r WHERE r.payment_id = p.id)), 0)"
        " FROM orders o LEFT JOIN payments p ON p.order_id = o.id GROUP BY o.id"
    ).fetchall()
    found = []
    for number, attempts, captured, returned, refunds in here:
        pages, taken, back, times_back, times_taken = there.pop(number, (0, 0, 0, 0, 0))
        if pages > attempts:
            found.append(f"{number}: {pages} pages for {attempts} attempts")
        if (taken, back) != (captured, returned):
            found.append(f"{number}: {taken} - {back} there, {captured} - {returned} here")
        if times_back > refunds:
            found.append(f"{number}: sent back {times_back} times for {refunds} refunds")
        if times_taken > 1:
            found.append(f"{number}: taken {times_taken} times")
    return found + [f"{number}: an order that nobody here knows" for number in there]


def _there(bank: Rows) -> dict[str, tuple[int, int, int, int, int]]:
    """Order → pages, cents taken, cents sent back, times sent back, times taken."""
    return {
        row[0]: row[1:]
        for row in bank.execute("""
            SELECT body->'metadata'->>'order_ref',
                count(*) FILTER (WHERE kind = 'checkout.session'),
                coalesce(sum((body->>'amount_received')::int)
                    FILTER (WHERE kind = 'payment_intent'), 0),
                coalesce(sum((body->>'amount')::int)
                    FILTER (WHERE kind = 'refund' AND body->>'status' = 'succeeded'), 0),
                count(*) FILTER (WHERE kind = 'refund'),
                count(*) FILTER (WHERE kind = 'payment_intent' AND body->>'status' = 'succeeded')
            FROM stripe_sandbox.objects
            WHERE kind IN ('checkout.session', 'payment_intent', 'refund')
              AND body->'metadata'->>'order_ref' IS NOT NULL
            GROUP BY 1""").fetchall()
    }


# Beside tests/invariants.py: what this package knows to be an end.
ENDS = {
    "every order is closed, cancelled or expired": """
        SELECT number FROM orders WHERE status NOT IN ('closed', 'cancelled', 'expired')""",
    "no call is left to a person": "SELECT id FROM provider_calls WHERE status = 'human'",
    "no payment is left to a person": "SELECT id FROM payments WHERE status = 'questioned'",
    "every reservation was shipped or given back": """
        SELECT id FROM reservations WHERE shipped_at IS NULL AND released_at IS NULL""",
    "every fill was dispensed or given back": """
        SELECT id FROM fills WHERE status NOT IN ('dispensed', 'released')""",
    "every letter is sent": """
        SELECT template || ' ' || id FROM letters WHERE sent_at IS NULL""",
    "who paid and who was shipped to was written to": """
        SELECT o.number FROM orders o WHERE o.status = 'closed' AND 2 <> (
            SELECT count(DISTINCT l.template) FROM letters l
            WHERE l.template = 'order_paid' AND l.subject_id = o.id
               OR l.template = 'order_shipped' AND l.subject_id IN
                   (SELECT s.id FROM shipments s WHERE s.order_id = o.id))""",
    # A periodic job that failed comes again by itself; what follows an event does not.
    "no job that follows something has failed": """
        SELECT task_name || ' ' || id FROM jobs.procrastinate_jobs
        WHERE status NOT IN ('todo', 'succeeded') AND task_name IN
            ('react', 'follow_provider_event', 'follow_order_end', 'deliver_letter',
             'follow_cancelled_lines', 'issue_papers')""",
}


def not_ended(shop: Rows) -> list[str]:
    """What has not come to one of its ends, when all had its time."""
    return [
        f"{rule}: {len(rows)} rows, e.g. {rows[0][0]}"
        for rule, statement in ENDS.items()
        if (rows := shop.execute(statement).fetchall())
    ]
