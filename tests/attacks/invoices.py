"""Attacks on invoices, receipts and credit notes: a gap, a number twice, another total, a change."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.db import db
from tests.attacks.acts import insert, row
from tests.attacks.attack import OWNER, WORKER, Attacks, Sql
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.invoices.builders import a_paid_order, bounced, issued, line_off, sent_back
from tests.orders.things import placed
from tests.people import alice

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """Orders with all their papers, and orders that are owed each kind."""
    soap = a_variant()
    a_lot(soap)
    unpaid = placed(alice(), {soap: 1})
    full = a_paid_order(1, 1)
    invoice, receipt = issued(full)
    line_off(full)
    sent_back(full)
    (note,) = issued(full)
    db.session.commit()
    back = full.lines[0].paid_cents
    facts = {
        "unpaid": unpaid.id,
        "unpaid_client": unpaid.client_id,
        "unpaid_total": unpaid.total_cents,
        "full": full.id,
        "full_total": full.total_cents,
        "back": back,
        "client": full.client_id,
        "invoice": invoice.id,
        "receipt": receipt.id,
        "receipt_payment": receipt.payment_id,
        "note": note.id,
        "note_refund": note.refund_id,
        "year": invoice.year,
        "today": invoice.issued_on,
    }
    return facts | _owed()


def _owed() -> dict[str, Any]:
    """An order without papers; one whose refunds are planned, done, done and bounced."""
    bare = a_paid_order(1)
    mixed = a_paid_order(1, 1, 1)
    first, _ = issued(mixed)
    facts: dict[str, Any] = {}
    for nth, name in enumerate(("bounced", "done")):
        line_off(mixed, nth)
        sent_back(mixed)
        if name == "bounced":
            issued(mixed)
            db.session.commit()
            bounced(mixed)
        from tests.invoices.builders import refunds_of

        facts[name] = next(
            one.id for one in refunds_of(mixed) if one.request_key == f"line:{mixed.lines[nth].id}"
        )
        facts[f"{name}_cents"] = mixed.lines[nth].paid_cents
    waiting = a_paid_order(1, 1)
    waits_for, _ = issued(waiting)
    line_off(waiting)
    facts["planned"] = refunds_of(waiting)[0].id
    db.session.commit()
    return facts | {
        "bare": bare.id,
        "bare_total": bare.total_cents,
        "bare_client": bare.client_id,
        "bare_payment": _payment_of(bare.id),
        "mixed": mixed.id,
        "mixed_client": mixed.client_id,
        "mixed_invoice": first.id,
        "waiting": waiting.id,
        "waiting_client": waiting.client_id,
        "waiting_invoice": waits_for.id,
        "waiting_cents": waiting.lines[0].paid_cents,
    }


def _payment_of(order_id: Any) -> Any:
    from shop.payments import queries as payments

    return payments.payments_of(order_id)[0].id


ATTACKS = Attacks(scene)


def _body(cents: int, **more: Any) -> str:
    line = {"cents": cents, "discount_cents": 0, "tax_cents": 0}
    return json.dumps({"total_cents": cents, "shipping_cents": 0, "lines": [line]} | more)


def _paper(attacker: Sql, series: str, of: str, cents: Any, **given: Any) -> Any:
    """A paper of this order of the scene, for so many cents (or a fact that says how many)."""
    key, facts = uuid.uuid4(), attacker.facts
    total = facts.get(cents, cents)
    client = "client" if of == "full" else f"{of}_client"
    values = {
        "id": key,
        "series": series,
        "issued_on": facts["today"],
        "order_id": facts[of],
        "client_id": facts[client],
        "total_cents": total,
        "body": _body(total),
    } | {name: facts.get(value, value) for name, value in given.items()}
    insert(attacker, "papers", values)
    return key


def _invoice(attacker: Sql, cents: Any = "bare_total", **given: Any) -> Any:
    return _paper(attacker, "INV", "bare", cents, **given)


def _receipt(attacker: Sql, cents: Any = "bare_total", **given: Any) -> Any:
    key = _invoice(attacker)
    terms = {"invoice_id": key, "payment_id": "bare_payment"} | given
    return _paper(attacker, "RCT", "bare", cents, **terms)


def _note(attacker: Sql, refund: str = "done", cents: Any = "done_cents", **given: Any) -> Any:
    terms = {"invoice_id": "mixed_invoice", "refund_id": refund} | given
    return _paper(attacker, "CN", "mixed", cents, **terms)


@ATTACKS.passes()
def _an_honest_invoice_and_receipt(attacker: Sql) -> None:
    _receipt(attacker)


@ATTACKS.passes(WORKER)
def _an_honest_note_and_reversal(attacker: Sql) -> None:
    _note(attacker)
    terms = {"invoice_id": "mixed_invoice", "refund_id": "bounced"}
    _paper(attacker, "RV", "mixed", "bounced_cents", **terms)


ATTACKS.each(
    {
        "an invoice of what was not paid": (
            lambda a: _paper(a, "INV", "unpaid", "unpaid_total"),
            "invoice_is_of_a_paid_order",
        ),
        "a second invoice": (
            lambda a: _paper(a, "INV", "full", "full_total"),
            "papers_one_each_order",
        ),
        "an invoice of another total": (
            lambda a: _invoice(a, 1),
            "invoice_is_for_the_orders_total",
        ),
        "an invoice whose lines do not add up": (
            lambda a: _invoice(a, body=_body(a.facts["bare_total"], shipping_cents=1)),
            "invoice_adds_up",
        ),
        "an invoice without lines": (
            lambda a: _invoice(a, body=_body(a.facts["bare_total"], lines=[])),
            "invoice_adds_up",
        ),
        "an invoice that says another total": (
            lambda a: _invoice(a, body=_body(a.facts["bare_total"], total_cents=1)),
            "paper_says_its_total",
        ),
        "an invoice of last week": (
            lambda a: _invoice(a, issued_on=a.facts["today"] - timedelta(days=7)),
            "paper_is_dated_today",
        ),
        "another client's invoice": (
            lambda a: _invoice(a, client_id=a.facts["client"]),
            "paper_is_of_its_orders_client",
        ),
        "a receipt of no payment": (
            lambda a: _receipt(a, payment_id=None),
            "receipt_is_of_the_money_that_came",
        ),
        "a receipt of another order's payment": (
            lambda a: _receipt(a, payment_id="receipt_payment"),
            "receipt_is_of_the_money_that_came",
        ),
        "a receipt of another total": (
            lambda a: _receipt(a, 1),
            "invoice_is_for_the_orders_total",
        ),
        "a receipt that names another order's invoice": (
            lambda a: _receipt(a, invoice_id="mixed_invoice"),
            "paper_is_of_its_orders_invoice",
        ),
        "a receipt that names a receipt": (
            lambda a: _paper(
                a,
                "RCT",
                "full",
                "full_total",
                invoice_id="receipt",
                payment_id="receipt_payment",
            ),
            "paper_names_an_invoice",
        ),
        "a credit note of what is only planned": (
            lambda a: _paper(
                a,
                "CN",
                "waiting",
                "waiting_cents",
                invoice_id="waiting_invoice",
                refund_id="planned",
            ),
            "credit_note_is_of_a_refund_that_is_done",
        ),
        "a credit note of another order's refund": (
            lambda a: _note(a, refund="note_refund"),
            "credit_note_is_of_a_refund_that_is_done",
        ),
        "a credit note for more than went back": (
            lambda a: _note(a, cents=1),
            "credit_note_is_for_what_went_back",
        ),
        "a second credit note for a refund": (
            lambda a: _paper(
                a, "CN", "full", "back", invoice_id="invoice", refund_id="note_refund"
            ),
            "papers_one_each_refund",
        ),
        "a reversal of a credit note that holds": (
            lambda a: _paper(
                a, "RV", "full", "back", invoice_id="invoice", refund_id="note_refund"
            ),
            "credit_note_is_of_a_refund_that_is_done",
        ),
        "the next number taken by hand": (
            lambda a: _invoice(a, n=17, year=a.facts["year"]),
            "permission denied for table papers",
        ),
        "a counter turned back": (
            "UPDATE paper_counters SET last = 1",
            "permission denied for table paper_counters",
        ),
        "a paper rewritten": (
            "UPDATE papers SET total_cents = 1 WHERE id = %(invoice)s",
            "permission denied for table papers",
        ),
        "a paper thrown away": (
            "DELETE FROM papers WHERE id = %(note)s",
            "permission denied for table papers",
        ),
    }
)


@ATTACKS.refused("only_what_was_credited_is_taken_back", OWNER)
def _taken_back_what_nobody_credited(attacker: Sql) -> None:
    attacker.move("refund", attacker.facts["planned"], "failed")
    _paper(
        attacker,
        "RV",
        "waiting",
        "waiting_cents",
        invoice_id="waiting_invoice",
        refund_id="planned",
    )


@ATTACKS.refused("what_paid_for_nothing_is_not_credited", OWNER)
def _credited_what_was_paid_twice(attacker: Sql) -> None:
    attacker.run("ALTER TABLE refunds DISABLE TRIGGER USER")
    attacker.run("UPDATE refunds SET request_key = 'paid_twice' WHERE id = %(done)s")
    attacker.run("ALTER TABLE refunds ENABLE TRIGGER USER")
    _note(attacker)


@ATTACKS.refused("no_more_is_credited_than_was_invoiced", OWNER)
def _more_credited_than_was_invoiced(attacker: Sql) -> None:
    """With a refund that is larger than any may be."""
    attacker.run("ALTER TABLE refunds DISABLE TRIGGER USER")
    attacker.run("UPDATE refunds SET amount_cents = 1000000 WHERE id = %(done)s")
    attacker.run("ALTER TABLE refunds ENABLE TRIGGER USER")
    _note(attacker, cents=1_000_000)


# As the owner, who may do what no program may.

ATTACKS.each(
    {
        "a counter that jumps": (
            "UPDATE paper_counters SET last = last + 2 WHERE series = 'INV'",
            "counter_goes_up_by_one",
        ),
        "a counter turned back by the owner": (
            "UPDATE paper_counters SET last = last - 1 WHERE series = 'INV'",
            "counter_goes_up_by_one",
        ),
        "a counter given to another year": (
            "UPDATE paper_counters SET year = year + 1 WHERE series = 'INV'",
            "counter_goes_up_by_one",
        ),
        "a number given away without a paper": (
            "UPDATE paper_counters SET last = last + 1 WHERE series = 'INV'",
            "counter_is_the_last_number",
        ),
        "a counter that begins at 5": (
            "INSERT INTO paper_counters (series, year, last) VALUES ('INV', 2001, 5)",
            "counter_is_the_last_number",
        ),
        "a counter thrown away": ("DELETE FROM paper_counters", "paper_counters_are_kept"),
        "all counters thrown away": (
            "TRUNCATE paper_counters",
            "paper_counters_are_kept",
        ),
        "a paper rewritten by the owner": (
            "UPDATE papers SET issued_on = issued_on WHERE id = %(invoice)s",
            "papers_are_kept",
        ),
        "a paper thrown away by the owner": (
            "DELETE FROM papers WHERE id = %(note)s",
            "papers_are_kept",
        ),
        "all papers thrown away": ("TRUNCATE papers CASCADE", "papers_are_kept"),
    },
    OWNER,
)


def _past_the_guard(attacker: Sql, n: int) -> None:
    """An invoice under a number of one's own choice, and the counter made to fit."""
    attacker.run("ALTER TABLE papers DISABLE TRIGGER paper_guard")
    attacker.run("ALTER TABLE paper_counters DISABLE TRIGGER USER")
    at = datetime(2001, 1, 1, tzinfo=UTC)
    _invoice(attacker, n=n, year=attacker.facts["year"], issued_at=at)
    attacker.run(
        "UPDATE paper_counters SET last = %(n)s WHERE series = 'INV' AND year = %(year)s", n=n
    )
    attacker.settle()
    attacker.run("ALTER TABLE papers ENABLE TRIGGER paper_guard")
    attacker.run("ALTER TABLE paper_counters ENABLE TRIGGER USER")


@ATTACKS.refused("number_follows_the_one_before", OWNER)
def _a_gap(attacker: Sql) -> None:
    _past_the_guard(attacker, 17)


@ATTACKS.refused("papers_numbered_once", OWNER)
def _a_number_used_again(attacker: Sql) -> None:
    _past_the_guard(attacker, 1)


@ATTACKS.undone("paper_guard", OWNER)
def _a_number_and_a_time_of_ones_own(attacker: Sql) -> bool:
    last = attacker.run("SELECT last FROM paper_counters WHERE series = 'INV' AND year = %(year)s")[
        "last"
    ]
    kept = row(attacker, "papers", _invoice(attacker, n=17, year=1999, issued_at=LONG_AGO))
    told = (kept["n"], kept["year"])
    return told == (last + 1, attacker.facts["year"]) and bool(kept["issued_at"] > LONG_AGO)
