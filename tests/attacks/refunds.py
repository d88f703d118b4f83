"""Attacks on refunds by line, disputes and fraud warnings: I15, I17, the second person."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.payments import disputing, signing, warned
from shop.payments.gateway import Dispute, DisputeMoney, DisputeState, FraudWarning
from shop.payments.proposing import Wanted
from shop.payments.sharing import unit_cents
from shop.payments.states import WarningOutcome
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.orders.things import paid
from tests.payments.money_back import on_the_shelf, payment_of, propose, sent, units
from tests.people import alice, mona, sam

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """Orders that left, in part refunded; proposals in every state; disputes open, won and lost."""
    staff, manager = sam(), mona()
    order, other = sent({on_the_shelf(999): 3, on_the_shelf(2_000): 2}), sent()
    small = propose(order, units(order, 1), by=staff)
    propose(other, Wanted(shipping_cents=other.shipping_cents), by=staff)
    large = sent({on_the_shelf(20_000): 6})
    waiting = propose(large, units(large, 1), by=staff)
    signed = propose(large, units(large, 1), by=staff)
    signing.sign(signed, by=manager, at=now())
    declined = propose(large, units(large, 1), by=staff)
    signing.decline(declined, by=manager, at=now())
    facts = {
        "sam": staff.id,
        "mona": manager.id,
        "alice": alice().id,
        "gone": mona(disabled_at=now()).id,
        "payment": payment_of(order).id,
        "line": order.lines[0].id,
        "second_line": order.lines[1].id,
        "other_line": other.lines[0].id,
        "small": small.id,
        "large_payment": payment_of(large).id,
        "waiting": waiting.id,
        "signed": signed.id,
        "declined": declined.id,
        "paid_cents": order.lines[0].paid_cents,
        "shipping": order.shipping_cents,
    }
    here = paid(alice(), {on_the_shelf(): 1})
    facts |= {"here_payment": payment_of(here).id, "here_line": here.lines[0].id}
    over = paid(alice(), {on_the_shelf(): 1})
    cancelling.cancel(over, reason="changed_mind", by=over.client, at=now())
    facts |= {"over_payment": payment_of(over).id, "over_line": over.lines[0].id}
    facts |= _disputed(staff, manager)
    db.session.commit()
    return facts


def _disputed(staff: Any, manager: Any) -> dict[str, Any]:
    contested, lost = paid(alice(), {on_the_shelf(): 1}), sent()
    facts: dict[str, Any] = {}
    for name, order, state in (
        ("open", contested, DisputeState.NEEDS_RESPONSE),
        ("lost", lost, DisputeState.LOST),
    ):
        payment = payment_of(order)
        payment.provider_intent_id = f"pi_{payment.id.hex}"
        db.session.flush()
        told = Dispute(
            id=f"du_{payment.id.hex}",
            intent_id=payment.provider_intent_id,
            state=state,
            reason="fraudulent",
            amount_cents=900,
            evidence_due_at=None,
            opened_at=now(),
            evidence_sent=False,
            moved=(DisputeMoney(id=f"txn_{payment.id.hex}", cents=-900, fee_cents=1500),),
        )
        dispute = disputing.apply(told, at=now())
        assert dispute is not None
        facts |= {
            name: dispute.id,
            f"{name}_payment": payment.id,
            f"{name}_moved": told.moved[0].id,
        }
    facts["held_line"] = contested.lines[0].id
    sent_dispute = db.session.get_one(type(dispute), facts["lost"])
    sent_dispute.evidence_by_id = staff.id
    for name in ("warning", "seen"):
        told_warning = FraudWarning(
            id=f"issfr_{name}_{payment.id.hex}",
            intent_id=payment.provider_intent_id,
            fraud_type="misc",
        )
        made = warned.apply(told_warning)
        assert made is not None
        facts[name] = made.id
    warned.review(made, WarningOutcome.KEPT, by=manager)
    return facts


ATTACKS = Attacks(scene)


def _refund(attacker: Sql, cents: int = 5, payment: str = "payment", **given: Any) -> Any:
    """A person's refund of an amount of no line."""
    key = uuid.uuid4()
    values = {
        "id": key,
        "payment_id": attacker.facts[payment],
        "request_key": f"attack {key}",
        "amount_cents": cents,
        "other_cents": cents,
        "reason": "goodwill",
        "status": "proposed",
        "proposed_by_id": attacker.facts["sam"],
    } | given
    attacker.tell("refund", key, str(values["status"]))
    insert(attacker, "refunds", values)
    return key


def _unit(attacker: Sql, unit: int = 2, line: str = "line", **given: Any) -> Any:
    """A refund of one unit of a line, at its share."""
    cents = given.pop("cents", None)
    if cents is None:
        of = row(attacker, "order_lines", attacker.facts[line])
        whole = of["total_cents"] - of["discount_cents"] + of["tax_cents"]
        cents = unit_cents(whole, of["quantity"], unit)
    payment = given.pop("payment", "payment")
    key = _refund(attacker, cents, payment, other_cents=0, **given)
    insert(
        attacker,
        "refund_units",
        {
            "id": uuid.uuid4(),
            "refund_id": key,
            "order_line_id": attacker.facts[line],
            "unit": unit,
            "cents": cents,
        },
    )
    return key


def _go(attacker: Sql, refund: Any, **also: Any) -> None:
    key = attacker.facts.get(refund, refund)
    seq = attacker.tell("refund", key, "planned")
    update(attacker, "refunds", key, status="planned", state_seq=seq, **also)


def _then_go(**given: Any) -> Callable[[Sql], None]:
    def act(attacker: Sql) -> None:
        _go(attacker, _refund(attacker, **given))

    return act


# Honest neighbours.


@ATTACKS.passes(APP, WORKER)
def _a_small_refund_of_a_unit(attacker: Sql) -> None:
    _go(attacker, _unit(attacker))


@ATTACKS.passes(APP, WORKER)
def _a_large_refund_that_another_signs(attacker: Sql) -> None:
    _go(attacker, "waiting", decided_by_id=attacker.facts["mona"])


@ATTACKS.passes(APP, WORKER)
def _all_of_an_order_that_ended(attacker: Sql) -> None:
    total = row(attacker, "payments", attacker.facts["over_payment"])["captured_cents"]
    _refund(attacker, total, "over_payment", status="planned", proposed_by_id=None)


@ATTACKS.passes(APP, WORKER)
def _a_cancelled_line(attacker: Sql) -> None:
    key = f"line:{attacker.facts['over_line']}"
    _refund(attacker, 5, "over_payment", status="planned", proposed_by_id=None, request_key=key)


@ATTACKS.passes(APP, WORKER)
def _the_second_line_and_its_shipping(attacker: Sql) -> None:
    _refund(
        attacker,
        1 + attacker.facts["shipping"],
        shipping_cents=attacker.facts["shipping"],
        other_cents=1,
    )


# By line.

ATTACKS.each(
    {
        "a unit at another price": (
            lambda a: _unit(a, cents=1),
            "refunded_unit_gives_its_exact_share",
        ),
        "a line of another order": (
            lambda a: _unit(a, unit=1, line="other_line"),
            "refunded_line_is_of_the_payments_order",
        ),
        "a unit more than the line has": (
            lambda a: _unit(a, unit=4, cents=333),
            "refunded_unit_is_one_of_its_line",
        ),
        "a line that has not left": (
            lambda a: _unit(a, unit=1, line="here_line", payment="here_payment"),
            "refunded_line_left_or_is_cancelled",
        ),
        "a unit that went back": (lambda a: _unit(a, unit=1), "unit_is_refunded_once"),
        "the same unit twice in one refund": (
            lambda a: insert(
                a,
                "refund_units",
                {
                    "id": uuid.uuid4(),
                    "refund_id": a.facts["small"],
                    "order_line_id": a.facts["line"],
                    "unit": 1,
                    "cents": unit_cents(a.facts["paid_cents"], 3, 1),
                },
            ),
            "unit_is_refunded_once",
        ),
        "credit that is in no account": (
            lambda a: _go(a, _refund(a, 5, other_cents=8, credit_cents=3)),
            "refunded_credit_is_in_the_account",
        ),
        "credit that is in no account, of an order that ended": (
            lambda a: _refund(
                a,
                5,
                "over_payment",
                other_cents=8,
                credit_cents=3,
                status="planned",
                proposed_by_id=None,
            ),
            "refunded_credit_is_in_the_account",
        ),
        "more than its parts": (
            lambda a: _refund(a, 5, other_cents=4),
            "refund_is_the_sum_of_its_parts",
        ),
        "a unit put into a refund that went": (
            lambda a: insert(
                a,
                "refund_units",
                {
                    "id": uuid.uuid4(),
                    "refund_id": a.facts["small"],
                    "order_line_id": a.facts["line"],
                    "unit": 2,
                    "cents": unit_cents(a.facts["paid_cents"], 3, 2),
                },
            ),
            "refund_is_the_sum_of_its_parts",
        ),
        "more shipping than was paid": (
            lambda a: _refund(
                a,
                a.facts["shipping"] + 1,
                shipping_cents=a.facts["shipping"] + 1,
                other_cents=0,
            ),
            "shipping_goes_back_as_it_was_paid",
        ),
        "shipping twice": (
            lambda a: [_refund(a, 1, shipping_cents=1, other_cents=0) for _ in range(2)],
            "shipping_is_refunded_once",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("refund_counted", APP, WORKER)
def _a_failed_refund_that_keeps_its_units(attacker: Sql) -> bool:
    attacker.move("refund", attacker.facts["small"], "failed")
    found = attacker.run(
        "SELECT count(*) AS kept FROM refund_units WHERE refund_id = %(small)s AND freed_at IS NULL"
    )
    return bool(found["kept"] == 0)


@ATTACKS.undone("refund_unit_guard", OWNER)
def _a_unit_that_begins_free(attacker: Sql) -> bool:
    key = uuid.uuid4()
    of = attacker.facts["line"]
    cents = unit_cents(attacker.facts["paid_cents"], 3, 2)
    refund = _refund(attacker, cents, other_cents=0)
    values = {"id": key, "refund_id": refund, "order_line_id": of, "unit": 2, "cents": cents}
    insert(attacker, "refund_units", values | {"freed_at": LONG_AGO})
    return row(attacker, "refund_units", key)["freed_at"] is None


ATTACKS.each(
    {
        f"another {column} of a unit": (
            f"UPDATE refund_units SET {column} = {value} WHERE refund_id = %(small)s",
            "refunded_unit_never_changes",
        )
        for column, value in {
            "id": "%(new)s",
            "refund_id": "%(waiting)s",
            "order_line_id": "%(second_line)s",
            "unit": "3",
            "cents": "cents + 1",
        }.items()
    }
    | {
        "a unit free for ever": (
            "UPDATE refund_units SET freed_at = NULL WHERE refund_id = %(declined)s",
            "freed_unit_stays_free",
        ),
    }
    | {
        f"another {column} of a refund with parts": (
            f"UPDATE refunds SET {column} = {value} WHERE id = %(small)s",
            "refund_terms_never_change",
        )
        for column, value in {
            "shipping_cents": "shipping_cents + 1",
            "other_cents": "other_cents + 1",
            "proposed_by_id": "%(mona)s",
            "large": "NOT large",
        }.items()
    },
    OWNER,
)

# The second person.

ATTACKS.each(
    {
        "large, and nobody signed": (lambda a: _go(a, "waiting"), "large_refund_is_signed"),
        "signed by who proposed": (
            lambda a: _go(a, "waiting", decided_by_id=a.facts["sam"]),
            "refund_is_decided_by_another",
        ),
        "signed by a client": (
            lambda a: _go(a, "waiting", decided_by_id=a.facts["alice"]),
            "refund_is_by_staff",
        ),
        "signed by who has left": (
            lambda a: _go(a, "waiting", decided_by_id=a.facts["gone"]),
            "refund_is_by_staff",
        ),
        "signed twice": (
            lambda a: update(a, "refunds", a.facts["signed"], decided_by_id=None),
            "refund_is_decided_once",
        ),
        "declined by nobody": (
            lambda a: attacker_declines(a, "waiting"),
            "refund_is_declined_by_someone",
        ),
        "proposed by a client": (
            lambda a: _refund(a, proposed_by_id=a.facts["alice"]),
            "refund_is_by_staff",
        ),
        "proposed by nobody": (
            lambda a: _refund(a, status="planned", proposed_by_id=None),
            "somebody_proposes_what_need_not_go_back",
        ),
        "paid twice, and it was not": (
            lambda a: _refund(a, status="planned", proposed_by_id=None, request_key="paid_twice"),
            "somebody_proposes_what_need_not_go_back",
        ),
        "of a line that was not cancelled": (
            lambda a: _refund(
                a, status="planned", proposed_by_id=None, request_key=f"line:{a.facts['line']}"
            ),
            "somebody_proposes_what_need_not_go_back",
        ),
        "planned before it was proposed": (
            lambda a: _refund(a, status="planned"),
            "refund_of_a_person_begins_proposed",
        ),
        "large in small steps": (
            lambda a: [_then_go(cents=9_000, payment="large_payment")(a) for _ in range(3)],
            "large_refund_is_signed",
        ),
        "declined and sent all the same": (
            lambda a: _go(a, "declined"),
            "event_is_a_legal_transition",
        ),
    },
    APP,
    WORKER,
)


def attacker_declines(attacker: Sql, refund: str) -> None:
    key = attacker.facts[refund]
    seq = attacker.tell("refund", key, "declined")
    update(attacker, "refunds", key, status="declined", state_seq=seq)


@ATTACKS.undone("refund_guard", OWNER)
def _a_large_refund_that_says_it_is_small(attacker: Sql) -> bool:
    key = _refund(attacker, 15_000, "large_payment", large=False)
    return bool(row(attacker, "refunds", key)["large"])


# Disputes.


def _dispute(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "payment_id": attacker.facts["payment"],
        "provider_dispute_id": f"du_{key.hex}",
        "status": "open",
        "reason": "general",
        "amount_cents": 100,
        "opened_at": LONG_AGO,
    } | given
    attacker.tell("dispute", key, str(values["status"]))
    insert(attacker, "disputes", values)
    return key


def _line_moves(to: str) -> Callable[[Sql], None]:
    return lambda attacker: attacker.move("order_line", attacker.facts["held_line"], to)


def _moves_back(attacker: Sql) -> None:
    """Back to the first of its own events."""
    attacker.move("dispute", attacker.facts["open"], "under_review")
    update(attacker, "disputes", attacker.facts["open"], status="open", state_seq=1)


@ATTACKS.passes(APP, WORKER)
def _a_dispute_that_is_won_and_its_line_goes_on(attacker: Sql) -> None:
    attacker.move("dispute", attacker.facts["open"], "won")
    attacker.move("order_line", attacker.facts["held_line"], "ready")


ATTACKS.each(
    {
        "a refund while a bank decides": (
            _then_go(payment="open_payment"),
            "no_refund_of_what_is_disputed",
        ),
        "money that a dispute took": (
            lambda a: _go(
                a,
                _refund(
                    a,
                    row(a, "payments", a.facts["lost_payment"])["captured_cents"] - 899,
                    "lost_payment",
                ),
            ),
            "what_a_dispute_took_is_not_refunded",
        ),
        "a line of a disputed order goes on": (
            _line_moves("ready"),
            "disputed_order_ships_nothing",
        ),
        "a dispute that goes back": (
            _moves_back,
            "dispute_goes_along_an_arrow",
        ),
        "a dispute told twice": (
            (
                "INSERT INTO disputes (id, payment_id, provider_dispute_id, status, state_seq, reason,"
                " amount_cents, opened_at) SELECT %(new)s, payment_id, provider_dispute_id, status,"
                " state_seq, reason, amount_cents, opened_at FROM disputes WHERE id = %(open)s"
            ),
            "disputes_provider_key",
        ),
        "a movement booked twice": (
            (
                "INSERT INTO dispute_movements (id, dispute_id, cents, fee_cents)"
                " VALUES (%(open_moved)s, %(open)s, -1, 0)"
            ),
            "dispute_movements_pkey",
        ),
        "evidence by a client": (
            "UPDATE disputes SET evidence_by_id = %(alice)s WHERE id = %(open)s",
            "evidence_is_sent_by_staff",
        ),
        "evidence a second time": (
            "UPDATE disputes SET evidence_by_id = %(mona)s WHERE id = %(lost)s",
            "evidence_is_sent_once",
        ),
        "a warning told twice": (
            (
                "INSERT INTO fraud_warnings (id, payment_id, provider_warning_id, fraud_type)"
                " SELECT %(new)s, payment_id, provider_warning_id, 'misc' FROM fraud_warnings"
                " WHERE id = %(warning)s"
            ),
            "fraud_warnings_provider_key",
        ),
        "a warning looked at by staff": (
            (
                "UPDATE fraud_warnings SET outcome = 'kept', reviewed_by_id = %(sam)s"
                " WHERE id = %(warning)s"
            ),
            "warning_is_reviewed_by_a_manager",
        ),
        "a warning looked at again": (
            "UPDATE fraud_warnings SET outcome = 'refunded' WHERE id = %(seen)s",
            "warning_is_reviewed_once",
        ),
    },
    APP,
    WORKER,
)


ATTACKS.each(
    {
        f"another {column} of a dispute": (
            f"UPDATE disputes SET {column} = {value} WHERE id = %(open)s",
            "dispute_keeps_what_it_is_of",
        )
        for column, value in {
            "id": "%(new)s",
            "payment_id": "%(payment)s",
            "provider_dispute_id": "'du_mine'",
            "opened_at": "opened_at - interval '1 day'",
        }.items()
    }
    | {
        f"another {column} of a warning": (
            f"UPDATE fraud_warnings SET {column} = {value} WHERE id = %(warning)s",
            "warning_is_kept_as_it_came",
        )
        for column, value in {
            "id": "%(new)s",
            "payment_id": "%(payment)s",
            "provider_warning_id": "'issfr_mine'",
            "fraud_type": "'mine'",
            "told_at": "told_at - interval '1 day'",
        }.items()
    }
    | {
        "a dispute born with its evidence": (
            lambda a: _dispute(a, evidence_by_id=a.facts["sam"]),
            "evidence_is_sent_of_what_is_known",
        ),
        "a warning born seen": (
            (
                "INSERT INTO fraud_warnings (id, payment_id, provider_warning_id, fraud_type, outcome,"
                " reviewed_by_id) VALUES (%(new)s, %(payment)s, 'issfr_new', 'misc', 'kept', %(mona)s)"
            ),
            "warning_begins_unseen",
        ),
        "another evidence": (
            "UPDATE disputes SET evidence_at = evidence_at - interval '1 day' WHERE id = %(lost)s",
            "evidence_is_sent_once",
        ),
    }
    | {
        f"{verb} {table}": (statement.format(table), f"{table}_are_kept")
        for table in ("refund_units", "disputes", "dispute_movements", "fraud_warnings")
        for verb, statement in {
            "remove": "DELETE FROM {}",
            "empty": "TRUNCATE {} CASCADE",
        }.items()
    }
    | {
        "change dispute_movements": (
            "UPDATE dispute_movements SET cents = 1",
            "dispute_movements_are_kept",
        ),
    },
    OWNER,
)


@ATTACKS.undone("dispute_told", APP, WORKER)
def _a_dispute_that_the_order_does_not_know_of(attacker: Sql) -> bool:
    _dispute(attacker)
    order = row(attacker, "payments", attacker.facts["payment"])["order_id"]
    return bool(row(attacker, "orders", order)["disputed"])


@ATTACKS.undone("dispute_told", APP, WORKER)
def _a_dispute_that_is_won_and_the_order_does_not_know(attacker: Sql) -> bool:
    attacker.move("dispute", attacker.facts["open"], "won")
    order = row(attacker, "payments", attacker.facts["open_payment"])["order_id"]
    return not row(attacker, "orders", order)["disputed"]


@ATTACKS.undone("dispute_movement_counted", APP, WORKER)
def _a_movement_that_is_not_counted(attacker: Sql) -> bool:
    before = row(attacker, "payments", attacker.facts["open_payment"])["disputed_cents"]
    attacker.run(
        "INSERT INTO dispute_movements (id, dispute_id, cents, fee_cents)"
        " VALUES ('txn_mine', %(open)s, -7, 0)"
    )
    after = row(attacker, "payments", attacker.facts["open_payment"])["disputed_cents"]
    return bool(after == before + 7)


@ATTACKS.undone("dispute_movement_stamped", OWNER)
def _a_movement_of_long_ago(attacker: Sql) -> bool:
    found = attacker.run(
        "INSERT INTO dispute_movements (id, dispute_id, cents, fee_cents, booked_at)"
        " VALUES ('txn_mine', %(open)s, -7, 0, %(past)s) RETURNING booked_at",
        past=LONG_AGO,
    )
    return bool(found["booked_at"] > LONG_AGO)


@ATTACKS.undone("dispute_guard", OWNER)
def _evidence_of_long_ago(attacker: Sql) -> bool:
    found = attacker.run(
        "UPDATE disputes SET evidence_by_id = %(sam)s, evidence_at = %(past)s WHERE id = %(open)s"
        " RETURNING evidence_at",
        past=LONG_AGO,
    )
    return bool(found["evidence_at"] > LONG_AGO)


@ATTACKS.undone("fraud_warning_guard", OWNER)
def _a_warning_of_long_ago_seen_long_ago(attacker: Sql) -> bool:
    made = attacker.run(
        "INSERT INTO fraud_warnings (id, payment_id, provider_warning_id, fraud_type, told_at)"
        " VALUES (%(new)s, %(payment)s, 'issfr_new', 'misc', %(past)s) RETURNING told_at",
        past=LONG_AGO,
    )
    seen = attacker.run(
        "UPDATE fraud_warnings SET outcome = 'kept', reviewed_by_id = %(mona)s,"
        " reviewed_at = %(past)s WHERE id = %(warning)s RETURNING reviewed_at",
        past=LONG_AGO,
    )
    return bool(made["told_at"] > LONG_AGO and seen["reviewed_at"] > LONG_AGO)
