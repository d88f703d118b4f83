"""Attacks on payments, refunds, calls to the provider and its events: I14, I15, I16, I20, I22."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import queries, refunding, settling
from shop.payments.gateway import CheckoutSession, SessionState
from shop.payments.models import MoneyMovement, Payment, ProviderEvent, Refund
from shop.payments.planning import Operation, plan
from shop.payments.states import CallStatus, RefundStatus
from shop.prescriptions import revoking
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.orders import begin_payment, money_comes, order_moves
from tests.orders.things import pay
from tests.payments.orders_to_pay import a_cream_order, an_order, begun

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Orders that wait, were cancelled, are paid; payments in every state; refunds in every state.

    Two creams wait for their money: `cream` under a prescription that stands, `revoked` not.
    """
    facts = _orders()
    tried, page, given_up = (begun(an_order()) for _ in range(3))
    settling.apply_session(_session(page), at=now())
    settling.cancel(given_up, why="a test")
    asked = begun(an_order())
    settling.apply_session(_session(asked, amount_cents=1), at=now())
    facts |= {
        "tried": tried.id,
        "open": page.id,
        "given_up": given_up.id,
        "given_up_order": given_up.order_id,
        "questioned": asked.id,
    }
    facts |= _taken() | _told(facts)
    db.session.commit()
    return facts


def _orders() -> dict[str, Any]:
    over = an_order()
    over_payment = begun(over)
    settling.cancel(over_payment, why="a test")
    cancelling.cancel(over, reason="changed_mind", by=over.client, at=now())
    cream, prescription = a_cream_order()
    under_none, revoked = a_cream_order()
    revoking.revoke(revoked, reason="A test.", by=revoked.prescriber, at=now())
    waiting = an_order()
    return {
        "waiting": waiting.id,
        "over": over.id,
        "over_payment": over_payment.id,
        "cream": cream.id,
        "cream_prescription": prescription.id,
        "cream_fill": cream.lines[0].fill_id,
        "cream_line": cream.lines[0].id,
        "revoked": under_none.id,
    }


def _session(payment: Payment, **given: Any) -> CheckoutSession:
    """What the provider says of a payment's page: it is open."""
    order = db.session.get_one(Order, payment.order_id)
    fields: dict[str, Any] = {
        "id": f"cs_{payment.id.hex}",
        "url": "https://provider.test/page",
        "state": SessionState.OPEN,
        "paid": False,
        "intent_id": f"pi_{payment.id.hex}",
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
        "order_ref": order.number,
        "livemode": False,
        "expires_at": payment.page_ends_at,
    }
    payment.provider_session_id = fields["id"]
    return CheckoutSession(**(fields | given))


def _taken() -> dict[str, Any]:
    """An order that is paid, and one of whose money some is going back, is back, failed to go."""
    paid, whole, partly = _paid(), _paid(), _paid()
    for over in (whole, partly):
        cancelling.cancel(over.order, reason="changed_mind", by=over.order.client, at=now())
    cents = {"planned": 300, "done": 200, "failed": 100}
    refunds = {
        f"refund_{name}": refunding.plan(
            partly, some, request_key=name, reason="cancelled", at=now()
        )
        for name, some in cents.items()
    }
    _done(refunds["refund_done"])
    refunding.fail(refunds["refund_failed"], why="a test")
    return {name: refund.id for name, refund in refunds.items()} | {
        "paid": paid.order_id,
        "payment": whole.id,
        "partly": partly.id,
    }


def _paid() -> Payment:
    order = an_order()
    pay(order)
    (payment,) = queries.payments_of(order.id)
    payment.provider_session_id = f"cs_{payment.id.hex}"
    payment.provider_intent_id = f"pi_{payment.id.hex}"
    payment.livemode = False
    return payment


def _done(refund: Refund) -> None:
    refund.status, refund.provider_refund_id = RefundStatus.DONE, f"re_{refund.id.hex}"
    events.record(events.Kind.REFUND_DONE, refund, cents=refund.amount_cents)


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """A call that was sent twice and one never, a hint that was followed and one that was not."""
    payment = db.session.get_one(Payment, facts["tried"])
    sent = plan(Operation.OPEN_SESSION, payment.id, order_id=payment.order_id)
    sent.status, sent.tries, sent.fence = CallStatus.IN_FLIGHT, 2, 2
    sent.first_sent_at = sent.lease_until = now()
    never = plan(Operation.EXPIRE_SESSION, facts["open"], order_id=facts["waiting"])
    hints = {name: f"evt_{uuid.uuid4().hex}" for name in ("hint", "followed")}
    for key in hints.values():
        told = {"id": key, "type": "x", "object_type": "y", "object_id": "z", "created": now()}
        db.session.execute(sa.insert(ProviderEvent).values(**told))
    db.session.get_one(ProviderEvent, hints["followed"]).applied_at = now()
    moved = f"txn_{uuid.uuid4().hex}"
    db.session.add(MoneyMovement(**_movement(moved)))
    return hints | {"sent": sent.id, "never_sent": never.id, "moved": moved}


def _movement(key: str) -> dict[str, Any]:
    """What the provider says of 48 dollars that came."""
    return {
        "id": key,
        "kind": "charge",
        "category": "charge",
        "amount_cents": 4800,
        "fee_cents": 169,
        "net_cents": 4631,
        "created": LONG_AGO,
        "available_on": LONG_AGO,
    }


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _charge(attacker: Sql, order: str, **given: Any) -> Any:
    return begin_payment(attacker, attacker.facts[order], **given)


def _open(attacker: Sql, payment: str = "tried", **given: Any) -> None:
    key = attacker.facts[payment]
    values = {"status": "open", "provider_session_id": "cs_mine", "livemode": False} | given
    update(attacker, "payments", key, state_seq=attacker.tell("payment", key, "open"), **values)


def _refund(attacker: Sql, cents: int, payment: str = "payment", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "payment_id": attacker.facts[payment],
        "request_key": "attack",
        "amount_cents": cents,
        "other_cents": max(cents, 0),
        "reason": "other",
        "status": "planned",
    }
    attacker.tell("refund", key, "planned")
    insert(attacker, "refunds", values | given)
    return key


def _total(attacker: Sql, payment: str = "payment") -> int:
    return int(row(attacker, "payments", attacker.facts[payment])["amount_cents"])


def _back(attacker: Sql, payment: str) -> int:
    """What is going back, or is back."""
    return int(row(attacker, "payments", attacker.facts[payment])["refunded_cents"])


def _call(attacker: Sql, **given: Any) -> None:
    key = uuid.uuid4()
    values = {
        "id": key,
        "operation": "refund",
        "reference_id": key,
        "order_id": attacker.facts["waiting"],
        "idempotency_key": f"refund:{key}",
        "parameters": "{}",
        "status": "planned",
    }
    insert(attacker, "provider_calls", values | given)


def _hint(attacker: Sql, **given: Any) -> str:
    key = f"evt_{attacker.facts['new'].hex}"
    values = {"id": key, "type": "x", "object_type": "y", "created": LONG_AGO}
    insert(attacker, "provider_events", values | given)
    return key


# The honest ways.


@ATTACKS.passes(APP, WORKER)
def _a_payment_from_its_beginning_to_its_money(attacker: Sql) -> None:
    attacker.facts["mine"] = payment = _charge(attacker, "waiting")
    _open(attacker, "mine", url="https://provider.test/mine")
    order_moves(attacker, attacker.facts["waiting"])
    names = {"provider_intent_id": "pi_mine", "url": None}
    money_comes(attacker, payment, **names)


@ATTACKS.passes(APP, WORKER)
def _a_payment_of_a_prescribed_cream(attacker: Sql) -> None:
    payment = _charge(attacker, "cream")
    order_moves(attacker, attacker.facts["cream"])
    money_comes(attacker, payment)


@ATTACKS.passes(APP, WORKER)
def _a_second_payment_when_the_first_was_given_up(attacker: Sql) -> None:
    _charge(attacker, "given_up_order")


@ATTACKS.passes(APP, WORKER)
def _money_that_comes_late(attacker: Sql) -> None:
    money_comes(attacker, attacker.facts["over_payment"])


@ATTACKS.passes(APP, WORKER)
def _a_payment_that_a_person_looks_at(attacker: Sql) -> None:
    attacker.move("payment", attacker.facts["open"], "questioned")
    attacker.move("payment", attacker.facts["open"], "cancelled")


@ATTACKS.passes(APP, WORKER)
def _all_the_money_back_in_two(attacker: Sql) -> None:
    first = _refund(attacker, 1)
    _refund(attacker, _total(attacker) - 1, request_key="the rest")
    update(attacker, "refunds", first, provider_refund_id="re_mine")
    attacker.move("refund", first, "done")


@ATTACKS.passes(APP, WORKER)
def _a_call_planned_sent_and_answered(attacker: Sql) -> None:
    _call(attacker)
    attacker.run(
        "UPDATE provider_calls SET status = 'in_flight', tries = 1, fence = 1,"
        " lease_until = shop_now(), first_sent_at = shop_now() WHERE id = %(never_sent)s"
    )
    attacker.run(
        "UPDATE provider_calls SET status = 'done', answer = 'ok', tries = tries + 1,"
        " fence = fence + 1, lease_until = NULL WHERE id IN (%(never_sent)s, %(sent)s)"
    )


@ATTACKS.passes(APP, WORKER)
def _a_hint_followed(attacker: Sql) -> None:
    key = _hint(attacker)
    attacker.run("UPDATE provider_events SET applied_at = shop_now() WHERE id = %(key)s", key=key)


# A charge is begun for an order that waits, under prescriptions that stand, for its total.


def _charged_on_a_fill_that_was_consumed(attacker: Sql) -> None:
    attacker.move("fill", attacker.facts["cream_fill"], "consumed")
    _charge(attacker, "cream")


def _charged_under_hold(attacker: Sql) -> None:
    signed = row(attacker, "prescriptions", attacker.facts["cream_prescription"])
    seq = attacker.tell("prescription", signed["id"], "on_hold")
    held = {"status": "on_hold", "state_seq": seq, "held_by_id": signed["prescriber_id"]}
    update(attacker, "prescriptions", signed["id"], **held)
    _charge(attacker, "cream")


ATTACKS.each(
    {
        "a charge for an order that was cancelled": (
            lambda a: _charge(a, "over"),
            "payment_begins_while_its_order_waits",
        ),
        "a charge for an order that is paid": (
            lambda a: _charge(a, "paid"),
            "payment_begins_while_its_order_waits",
        ),
        "a charge for an order that nobody placed": (
            lambda a: begin_payment(a, a.facts["waiting"], order_id=a.facts["new"]),
            "payment_begins_while_its_order_waits",
        ),
        "a charge under a revoked prescription": (
            lambda a: _charge(a, "revoked"),
            "payment_begins_under_standing_prescriptions",
        ),
        "a charge under a prescription on hold": (
            _charged_under_hold,
            "payment_begins_under_standing_prescriptions",
        ),
        "a charge on a fill that was consumed": (
            _charged_on_a_fill_that_was_consumed,
            "payment_begins_under_standing_prescriptions",
        ),
        "a charge above the total": (
            lambda a: _charge(a, "waiting", amount_cents=100_000),
            "amount_is_what_is_due",
        ),
        "a charge below the total": (
            lambda a: _charge(a, "waiting", amount_cents=50),
            "amount_is_what_is_due",
        ),
        "a charge in another currency": (
            lambda a: _charge(a, "waiting", currency="jpy"),
            "payment_currency_is_usd",
        ),
        "a payment born open": (
            lambda a: _charge(a, "waiting", status="open"),
            "payment_begins_without_money",
        ),
        "a payment born with a page": (
            lambda a: _charge(a, "waiting", provider_session_id="cs_mine"),
            "payment_begins_without_money",
        ),
        "a payment born with an intent": (
            lambda a: _charge(a, "waiting", provider_intent_id="pi_mine"),
            "payment_begins_without_money",
        ),
        "a payment born with an address": (
            lambda a: _charge(a, "waiting", url="https://mine.test"),
            "payment_begins_without_money",
        ),
        "a second payment beside one that begins": (
            lambda a: begin_payment(a, row(a, "payments", a.facts["tried"])["order_id"]),
            "payments_one_live",
        ),
        "a second payment beside one whose page is open": (
            lambda a: begin_payment(a, row(a, "payments", a.facts["open"])["order_id"]),
            "payments_one_live",
        ),
        "a second payment beside one that a person looks at": (
            lambda a: begin_payment(a, row(a, "payments", a.facts["questioned"])["order_id"]),
            "payments_one_live",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        "a payment born with its money": (
            lambda a: _charge(a, "waiting", captured_cents=2400),
            "payment_begins_without_money",
        ),
        "a payment born with a refund": (
            lambda a: _charge(a, "waiting", refunded_cents=1),
            "payment_begins_without_money",
        ),
    },
    OWNER,
)


@ATTACKS.undone("payment_may_begin", OWNER)
def _a_payment_begun_long_ago(attacker: Sql) -> bool:
    made = row(attacker, "payments", _charge(attacker, "waiting", created_at=LONG_AGO))
    return bool(made["created_at"] > LONG_AGO)


# What it was made of stays, and money that came has come.

ATTACKS.each(
    {
        "another page later": (
            "UPDATE payments SET provider_session_id = 'cs_mine' WHERE id = %(payment)s",
            "provider_names_are_given_once",
        ),
        "another intent later": (
            "UPDATE payments SET provider_intent_id = 'pi_mine' WHERE id = %(payment)s",
            "provider_names_are_given_once",
        ),
        "the page forgotten": (
            "UPDATE payments SET provider_session_id = NULL WHERE id = %(open)s",
            "provider_names_are_given_once",
        ),
        "the intent forgotten": (
            "UPDATE payments SET provider_intent_id = NULL WHERE id = %(open)s",
            "provider_names_are_given_once",
        ),
        "real money after all": (
            "UPDATE payments SET livemode = true WHERE id = %(payment)s",
            "provider_names_are_given_once",
        ),
        "nobody knows whether it was real": (
            "UPDATE payments SET livemode = NULL WHERE id = %(payment)s",
            "provider_names_are_given_once",
        ),
        "the page of another payment": (
            (
                "UPDATE payments SET provider_session_id = p.provider_session_id FROM payments p"
                " WHERE p.id = %(open)s AND payments.id = %(tried)s"
            ),
            "payments_session_key",
        ),
        "the intent of another payment": (
            (
                "UPDATE payments SET provider_intent_id = p.provider_intent_id FROM payments p"
                " WHERE p.id = %(open)s AND payments.id = %(tried)s"
            ),
            "payments_intent_key",
        ),
        "money taken back by hand": (
            "UPDATE payments SET captured_cents = 0 WHERE id = %(payment)s",
            "money_that_came_has_come",
        ),
        "a capture that is not the total": (
            "UPDATE payments SET captured_cents = 1 WHERE id = %(tried)s",
            "capture_is_total",
        ),
        "captured and not succeeded": (
            "UPDATE payments SET captured_cents = amount_cents WHERE id = %(tried)s",
            "succeeded_is_captured",
        ),
        "succeeded and not captured": (
            lambda a: money_comes(a, a.facts["tried"], captured_cents=0),
            "succeeded_is_captured",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} of a payment": (
            f"UPDATE payments SET {column} = {value} WHERE id = %(tried)s",
            "payment_terms_never_change",
        )
        for column, value in {
            "id": "%(new)s",
            "order_id": "%(waiting)s",
            "amount_cents": "1",
            "currency": "'jpy'",
            "page_ends_at": "page_ends_at + interval '1 day'",
            "created_at": "created_at - interval '1 day'",
        }.items()
    },
    OWNER,
)


# Along the arrows, with an event for each.

ATTACKS.each(
    {
        "a payment opened without a word": (
            "UPDATE payments SET status = 'open' WHERE id = %(tried)s",
            "payment_status_has_its_event",
        ),
        "a refund done without a word": (
            "UPDATE refunds SET status = 'done' WHERE id = %(refund_planned)s",
            "refund_status_has_its_event",
        ),
        "a payment that was given up, opened": (
            lambda a: a.move("payment", a.facts["given_up"], "open"),
            "event_is_a_legal_transition",
        ),
        "a refund that failed, done": (
            lambda a: a.move("refund", a.facts["refund_failed"], "done"),
            "event_is_a_legal_transition",
        ),
        "a payment given up and rewound to its beginning": (
            "UPDATE payments SET status = 'created', state_seq = 1 WHERE id = %(given_up)s",
            "payment_goes_along_an_arrow",
        ),
        "an open payment rewound to its beginning": (
            "UPDATE payments SET status = 'created', state_seq = 1 WHERE id = %(open)s",
            "payment_goes_along_an_arrow",
        ),
        "a payment that counts from the beginning": (
            "UPDATE payments SET state_seq = 1 WHERE id = %(payment)s",
            "payment_goes_along_an_arrow",
        ),
        "a payment that jumps back": (
            "UPDATE payments SET status = 'open' WHERE id = %(given_up)s",
            "payment_goes_along_an_arrow",
        ),
        "a refund done and rewound to its plan": (
            "UPDATE refunds SET status = 'planned', state_seq = 1 WHERE id = %(refund_done)s",
            "refund_goes_along_an_arrow",
        ),
        "a refund failed and rewound to its plan": (
            "UPDATE refunds SET status = 'planned', state_seq = 1 WHERE id = %(refund_failed)s",
            "refund_goes_along_an_arrow",
        ),
        "a refund that counts from the beginning": (
            "UPDATE refunds SET state_seq = 1 WHERE id = %(refund_done)s",
            "refund_goes_along_an_arrow",
        ),
        "a refund that jumps back": (
            "UPDATE refunds SET status = 'planned' WHERE id = %(refund_done)s",
            "refund_goes_along_an_arrow",
        ),
    },
    APP,
    WORKER,
)


# An order is paid exactly when its money came.


def _paid_without_money(attacker: Sql) -> None:
    order_moves(attacker, attacker.facts["waiting"])


def _paid_by_a_payment_that_was_only_begun(attacker: Sql) -> None:
    order_moves(attacker, row(attacker, "payments", attacker.facts["tried"])["order_id"])


ATTACKS.each(
    {
        "an order paid without money": (_paid_without_money, "paid_order_has_its_money"),
        "an order paid by a payment that was only begun": (
            _paid_by_a_payment_that_was_only_begun,
            "paid_order_has_its_money",
        ),
        "money while the order still waits": (
            lambda a: money_comes(a, a.facts["tried"]),
            "money_pays_its_order",
        ),
        "money of a payment that was given up while the order waits": (
            lambda a: money_comes(a, a.facts["given_up"]),
            "money_pays_its_order",
        ),
    },
    APP,
    WORKER,
)


# What goes back is no more than came, and asked for once.


def _all_back_and_one_cent(attacker: Sql) -> None:
    _refund(attacker, _total(attacker))
    _refund(attacker, 1, request_key="more")


def _asked_twice(attacker: Sql) -> None:
    _refund(attacker, 1)
    _refund(attacker, 1)


def _the_others_failure_counted_twice(attacker: Sql) -> None:
    """A refund that failed makes room once."""
    attacker.move("refund", attacker.facts["refund_done"], "failed")
    _refund(attacker, _total(attacker, "partly") - 299, "partly")


ATTACKS.each(
    {
        "more back than came": (
            lambda a: _refund(a, _total(a) + 1),
            "refunds_within_capture",
        ),
        "more back than came, in two": (_all_back_and_one_cent, "refunds_within_capture"),
        "more back than what is left": (
            lambda a: _refund(a, _total(a, "partly") - 499, "partly"),
            "refunds_within_capture",
        ),
        "more back than a failure left": (
            _the_others_failure_counted_twice,
            "refunds_within_capture",
        ),
        "money back that never came": (
            lambda a: _refund(a, 1, "over_payment"),
            "refunds_within_capture",
        ),
        "nothing back": (lambda a: _refund(a, 0), "refund_is_positive"),
        "less than nothing back": (lambda a: _refund(a, -1), "refund_is_positive"),
        "the same request twice": (_asked_twice, "refunds_one_per_request"),
        "the provider's refund for another": (
            (
                "UPDATE refunds SET provider_refund_id = r.provider_refund_id FROM refunds r"
                " WHERE r.id = %(refund_done)s AND refunds.id = %(refund_planned)s"
            ),
            "refunds_provider_key",
        ),
        "the provider's refund renamed": (
            "UPDATE refunds SET provider_refund_id = 're_mine' WHERE id = %(refund_done)s",
            "refund_terms_never_change",
        ),
        "the provider's refund forgotten": (
            "UPDATE refunds SET provider_refund_id = NULL WHERE id = %(refund_done)s",
            "refund_terms_never_change",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} of a refund": (
            f"UPDATE refunds SET {column} = {value} WHERE id = %(refund_planned)s",
            "refund_terms_never_change",
        )
        for column, value in {
            "id": "%(new)s",
            "payment_id": "%(payment)s",
            "request_key": "'mine'",
            "amount_cents": "1",
            "reason": "'mine'",
            "planned_at": "planned_at - interval '1 day'",
        }.items()
    },
    OWNER,
)


@ATTACKS.undone("refund_counted", APP, WORKER)
def _a_refund_that_is_not_counted(attacker: Sql) -> bool:
    before = _back(attacker, "partly")
    _refund(attacker, 7, "partly")
    attacker.move("refund", attacker.facts["refund_planned"], "failed")
    attacker.move("refund", attacker.facts["refund_done"], "failed")
    return (before, _back(attacker, "partly")) == (500, 7)


@ATTACKS.undone("refund_counted", APP, WORKER)
def _a_refund_that_is_counted_when_done_again(attacker: Sql) -> bool:
    attacker.move("refund", attacker.facts["refund_planned"], "done")
    return _back(attacker, "partly") == 500


# A call is sent as it was planned, a hint kept as it came.


def _called_twice(attacker: Sql) -> None:
    _call(attacker)
    attacker.run(
        "INSERT INTO provider_calls (id, operation, reference_id, order_id, idempotency_key,"
        " parameters, status) SELECT %(new)s, operation, reference_id, order_id, 'another',"
        " parameters, 'planned' FROM provider_calls WHERE id = %(sent)s"
    )


def _called_under_the_key_of_another(attacker: Sql) -> None:
    key = row(attacker, "provider_calls", attacker.facts["sent"])["idempotency_key"]
    _call(attacker, idempotency_key=key)


ATTACKS.each(
    {
        f"a call whose {column} goes back": (
            f"UPDATE provider_calls SET {column} = {value} WHERE id = %(sent)s",
            "call_is_sent_as_it_was_planned",
        )
        for column, value in {
            "fence": "fence - 1",
            "tries": "tries - 1",
            "first_sent_at": "first_sent_at + interval '1 hour'",
        }.items()
    }
    | {
        "a call as if it had never been sent": (
            "UPDATE provider_calls SET first_sent_at = NULL WHERE id = %(sent)s",
            "call_is_sent_as_it_was_planned",
        ),
        "a call planned twice": (_called_twice, "provider_calls_once"),
        "a call under the key of another": (
            _called_under_the_key_of_another,
            "provider_calls_key",
        ),
        "a hint followed twice": (
            "UPDATE provider_events SET applied_at = shop_now() WHERE id = %(followed)s",
            "event_is_kept_as_it_came",
        ),
        "a hint as if it had not been followed": (
            "UPDATE provider_events SET applied_at = NULL WHERE id = %(followed)s",
            "event_is_kept_as_it_came",
        ),
        "a hint that came before": (lambda a: _hint(a, id=a.facts["hint"]), "provider_events_pkey"),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} of a call": (
            f"UPDATE provider_calls SET {column} = {value} WHERE id = %(sent)s",
            "call_is_sent_as_it_was_planned",
        )
        for column, value in {
            "id": "%(new)s",
            "operation": "'refund'",
            "reference_id": "%(new)s",
            "order_id": "%(over)s",
            "idempotency_key": "'mine'",
            "parameters": """'{"mine": 1}'""",
            "planned_at": "planned_at - interval '1 day'",
        }.items()
    }
    | {
        f"another {column} of a hint": (
            f"UPDATE provider_events SET {column} = {value} WHERE id = %(hint)s",
            "event_is_kept_as_it_came",
        )
        for column, value in {
            "id": "'evt_mine'",
            "type": "'mine'",
            "object_type": "'mine'",
            "object_id": "NULL",
            "created": "created - interval '1 day'",
            "received_at": "received_at - interval '1 day'",
        }.items()
    },
    OWNER,
)


@ATTACKS.undone("provider_event_is_kept", APP, WORKER)
def _a_hint_followed_long_ago(attacker: Sql) -> bool:
    found = attacker.run(
        "UPDATE provider_events SET applied_at = %(past)s WHERE id = %(hint)s RETURNING applied_at",
        past=LONG_AGO,
    )
    return bool(found["applied_at"] > LONG_AGO)


# Kept, even from the owner.

ATTACKS.each(
    {
        f"{verb} {table}": (statement.format(table), f"{table}_are_kept")
        for table in ("payments", "refunds", "provider_calls", "provider_events", "money_movements")
        for verb, statement in {
            "remove": "DELETE FROM {}",
            "empty": "TRUNCATE {} CASCADE",
        }.items()
    },
    OWNER,
)


# What moved on the account at the provider: taken in once, as it was told.

ATTACKS.each(
    {
        "cents of a movement that was taken in": (
            "UPDATE money_movements SET amount_cents = 1 WHERE id = %(moved)s",
            "money_movements_are_kept",
        ),
    },
    OWNER,
)


@ATTACKS.refused("money_movements_pkey", APP, WORKER)
def _a_movement_that_was_taken_in_before(attacker: Sql) -> None:
    insert(attacker, "money_movements", _movement(attacker.facts["moved"]))


@ATTACKS.passes(APP, WORKER)
def _a_movement_that_nothing_here_explains(attacker: Sql) -> None:
    insert(attacker, "money_movements", _movement("txn_new") | {"kind": "a_new_kind"})


@ATTACKS.undone("money_movement_is_taken_in", OWNER)
def _a_movement_taken_in_long_ago(attacker: Sql) -> bool:
    values = _movement("txn_old") | {"taken_in_at": LONG_AGO}
    insert(attacker, "money_movements", values)
    return bool(row(attacker, "money_movements", "txn_old")["taken_in_at"] > LONG_AGO)
