"""Attacks on payment routes, tenders and drawers: I14, I15, I16.

Money that is taken at the desk is in full, lies in the open drawer of who took it, and goes back out
of one; what a class may not be paid online is not; a drawer adds up and is not rewritten.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from shop.core.clock import now
from shop.core.db import db
from shop.merchant.models import MerchantPermission
from shop.payments import queries as payments
from shop.payments.states import Tender
from shop.tills import counting, paying_out
from tests.attacks.acts import as_owner, insert, row, update
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.attacks.orders import begin_payment, money_comes, order_moves
from tests.payments.orders_to_pay import a_cream_order, an_order
from tests.people import alice, mona, sam
from tests.tills.builders import (
    FLOAT,
    FLOAT_CENTS,
    a_drawer,
    a_register,
    fitting,
    locked,
    on_paper,
    taken,
    waiting,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """Drawers in every state, one with money in it; orders that wait; money that waits."""
    staff, other, manager, gone = sam(), sam(), mona(), sam()
    drawer = a_drawer(staff)
    refund = waiting(staff)
    paper = waiting(staff, on_paper(Tender.TERMINAL))
    paid = taken(staff)
    slip = taken(staff, on_paper(Tender.TERMINAL, "SLIP-1"))
    done = waiting(staff)
    paying_out.pay_out(done, reference=None, by=staff, at=now())
    (payment,) = payments.payments_of(paid.id)
    cream, _ = a_cream_order()
    fresh = a_drawer(other)
    closed = _counted(0)
    permission = db.session.scalars(
        sa.select(MerchantPermission).where(MerchantPermission.legal_class == "cosmetic")
    ).first()
    assert permission is not None
    facts = {
        "sam": staff.id,
        "other": other.id,
        "mona": manager.id,
        "alice": alice().id,
        "idle": sam().id,
        "drawer": drawer.id,
        "fresh": fresh.id,
        "of_gone": a_drawer(gone).id,
        "gone": gone.id,
        "closed": closed.id,
        "small": _counted(-1).id,
        "large": _counted(-50_00).id,
        "register": a_register().id,
        "waiting": an_order().id,
        "cream": cream.id,
        "paid": paid.id,
        "payment": payment.id,
        "slip_order": slip.id,
        "refund": refund.id,
        "paper": paper.id,
        "done": done.id,
        "permission": permission.id,
    }
    gone.disabled_at, gone.session_epoch = now(), gone.session_epoch + 1
    db.session.commit()
    return facts


def _counted(off_by: int) -> Any:
    drawer = a_drawer()
    return counting.count(
        locked(drawer),
        fitting(FLOAT_CENTS + off_by),
        terminal_cents=0,
        cheque_cents=0,
        by=drawer.opened_by,
        at=now(),
    )


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _begin(attacker: Sql, order: str = "waiting", **given: Any) -> Any:
    values = {"tender": "cash", "page_ends_at": None} | given
    return begin_payment(attacker, attacker.facts[order], **values)


def _move(attacker: Sql, payment: Any, **given: Any) -> Any:
    cents = row(attacker, "payments", payment)["amount_cents"]
    values = {
        "id": uuid.uuid4(),
        "drawer_id": attacker.facts["drawer"],
        "kind": "tender",
        "tender": "cash",
        "cents": cents,
        "payment_id": payment,
        "tendered_cents": cents,
        "by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "drawer_moves", values)
    return values["id"]


def _take(attacker: Sql, order: str = "waiting", **given: Any) -> Any:
    """Money is handed over for an order; `given` of the entry in the drawer."""
    payment = _begin(attacker, order, tender=given.get("tender", "cash"))
    order_moves(attacker, attacker.facts[order])
    money_comes(attacker, payment)
    return _move(attacker, payment, **given)


def _pay_out(attacker: Sql, refund: str = "refund", *, ends: bool = True, **given: Any) -> Any:
    key = attacker.facts[refund]
    values = {
        "id": uuid.uuid4(),
        "drawer_id": attacker.facts["drawer"],
        "kind": "pay_out",
        "tender": "cash",
        "cents": -row(attacker, "refunds", key)["amount_cents"],
        "refund_id": key,
        "by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "drawer_moves", values)
    if ends:
        attacker.move("refund", key, "done")
    return values["id"]


def _open(attacker: Sql, pieces: Mapping[int, int] = FLOAT, **given: Any) -> Any:
    """A drawer of an idle hand's, with its float."""
    moved = {name: given.pop(name) for name in ("moved_cents", "kind") if name in given}
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"D-{key.hex[:8]}",
        "register_id": attacker.facts["register"],
        "status": "open",
        "opened_by_id": attacker.facts["idle"],
        "float_cents": FLOAT_CENTS,
    } | given
    seq = attacker.tell("drawer", key, "open")
    insert(attacker, "drawers", values | {"state_seq": seq})
    _pieces(attacker, key, "opening", pieces)
    if moved.get("moved_cents") != 0:
        float_in = {
            "id": uuid.uuid4(),
            "drawer_id": key,
            "kind": "float",
            "tender": "cash",
            "cents": moved.get("moved_cents", values["float_cents"]),
            "by_id": values["opened_by_id"],
        }
        insert(attacker, "drawer_moves", float_in)
    return key


def _pieces(attacker: Sql, drawer: Any, counting: str, pieces: Mapping[int, int]) -> None:
    for denomination, number in pieces.items():
        if number:
            values = {
                "drawer_id": drawer,
                "counting": counting,
                "denomination_cents": denomination,
                "pieces": number,
            }
            insert(attacker, "drawer_pieces", values)


def _count(
    attacker: Sql, drawer: str = "fresh", pieces: Mapping[int, int] = FLOAT, **given: Any
) -> None:
    key = attacker.facts[drawer]
    values = {
        "status": "counted",
        "counted_by_id": attacker.facts["other"],
        "counted_cash_cents": FLOAT_CENTS,
        "counted_terminal_cents": 0,
        "counted_cheque_cents": 0,
    } | given
    seq = attacker.tell("drawer", key, "counted")
    update(attacker, "drawers", key, state_seq=seq, **values)
    _pieces(attacker, key, "closing", pieces)


def _close(attacker: Sql, drawer: str, **given: Any) -> None:
    key = attacker.facts[drawer]
    seq = attacker.tell("drawer", key, "closed")
    update(attacker, "drawers", key, status="closed", state_seq=seq, **given)


def _permit(attacker: Sql, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "route": "online",
        "legal_class": "rx",
        "document": "MINE",
        "valid_from": date(2020, 1, 1),
        "valid_until": date(2100, 1, 1),
        "recorded_by_id": attacker.facts["mona"],
    } | given
    insert(attacker, "merchant_permissions", values)
    return values["id"]


def _end(attacker: Sql, permission: Any = None, **given: Any) -> None:
    today = attacker.run("SELECT (shop_now() AT TIME ZONE 'UTC')::date AS day")["day"]
    values = {"ended_on": today, "ended_by_id": attacker.facts["mona"]} | given
    key = permission or attacker.facts["permission"]
    update(attacker, "merchant_permissions", key, **values)


def _without_permission(attacker: Sql, legal_class: str = "rx") -> None:
    as_owner(
        attacker,
        "UPDATE merchant_permissions SET ended_on = (shop_now() AT TIME ZONE 'UTC')::date,"
        " ended_by_id = %(mona)s WHERE legal_class = %(the_class)s AND ended_on IS NULL",
        the_class=legal_class,
    )


# The honest ways.


@ATTACKS.passes()
def _money_is_taken_paid_out_and_the_drawer_counted(attacker: Sql) -> None:
    _take(attacker)
    _pay_out(attacker)
    _pay_out(attacker, "paper", tender="terminal", reference="R-1")


@ATTACKS.passes()
def _a_drawer_is_opened_counted_and_closed(attacker: Sql) -> None:
    _open(attacker)
    _count(attacker)
    _close(attacker, "fresh")
    _close(attacker, "small", explanation="A cent.")
    _close(attacker, "large", explanation="A note.", signed_by_id=attacker.facts["mona"])


@ATTACKS.passes()
def _a_permission_is_recorded_and_ended(attacker: Sql) -> None:
    _end(attacker, _permit(attacker))


@ATTACKS.passes()
def _paid_at_the_desk_without_permission(attacker: Sql) -> None:
    _without_permission(attacker)
    _take(attacker, "cream")


# Routes.


@ATTACKS.refused("online_payment_is_permitted")
def _paid_online_without_permission(attacker: Sql) -> None:
    _without_permission(attacker)
    begin_payment(attacker, attacker.facts["cream"])


@ATTACKS.refused("online_payment_is_permitted")
def _paid_online_without_permission_for_what_the_law_makes_of_it(attacker: Sql) -> None:
    _without_permission(attacker, "otc_drug")
    begin_payment(attacker, attacker.facts["waiting"])


ATTACKS.each(
    {
        "recorded by staff": (
            lambda a: _permit(a, recorded_by_id=a.facts["sam"]),
            "permission_is_recorded_by_a_manager",
        ),
        "renamed": (
            "UPDATE merchant_permissions SET document = 'MINE' WHERE id = %(permission)s",
            "permission denied for table merchant_permissions",
        ),
        "ended by staff": (
            lambda a: _end(a, ended_by_id=a.facts["sam"]),
            "permission_is_ended_by_a_manager",
        ),
        "ended long ago": (
            lambda a: _end(a, ended_on=date(2010, 1, 1)),
            "permission_ends_on_a_day_to_come",
        ),
    }
)
ATTACKS.each(
    {
        "ended before it began": (
            lambda a: _permit(a, ended_on=date(2100, 1, 1), ended_by_id=a.facts["mona"]),
            "permission_begins_unended",
        ),
        "made to last": (
            "UPDATE merchant_permissions SET valid_until = '2300-01-01' WHERE id = %(permission)s",
            "permission_stays_as_recorded",
        ),
        "removed": (
            "DELETE FROM merchant_permissions WHERE id = %(permission)s",
            "merchant_permissions_are_kept",
        ),
    },
    OWNER,
)


@ATTACKS.refused("permission_stays_as_recorded")
def _ended_twice(attacker: Sql) -> None:
    key = _permit(attacker)
    _end(attacker, key)
    _end(attacker, key, ended_on=date(2099, 1, 1))


@ATTACKS.undone("merchant_permission_guard", OWNER)
def _recorded_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "merchant_permissions", _permit(attacker, recorded_at=LONG_AGO))
    return bool(kept["recorded_at"] > LONG_AGO)


# Tenders.


@ATTACKS.refused("tender_lies_in_a_drawer")
def _money_in_no_drawer(attacker: Sql) -> None:
    payment = _begin(attacker)
    order_moves(attacker, attacker.facts["waiting"])
    money_comes(attacker, payment)


@ATTACKS.refused("tender_is_taken_at_once")
def _money_promised(attacker: Sql) -> None:
    _move(attacker, _begin(attacker))


@ATTACKS.refused("tender_stays_a_tender", OWNER)
def _cash_made_a_card(attacker: Sql) -> None:
    attacker.run("UPDATE payments SET tender = 'terminal' WHERE id = %(payment)s")


@ATTACKS.refused("provider_is_asked_of_its_own")
def _the_provider_asked_to_send_cash_back(attacker: Sql) -> None:
    _ask(attacker, "refund")


@ATTACKS.refused("provider_is_asked_of_its_own")
def _the_provider_asked_about_cash(attacker: Sql) -> None:
    _ask(attacker, "payment")


def _ask(attacker: Sql, about: str) -> None:
    values = {
        "id": uuid.uuid4(),
        "operation": "refund",
        "reference_id": attacker.facts[about],
        "order_id": attacker.facts["waiting"],
        "idempotency_key": f"refund:{uuid.uuid4()}",
        "parameters": "{}",
        "status": "planned",
    }
    insert(attacker, "provider_calls", values)


def _another(order: str) -> Any:
    """The entry is of another amount than was taken."""

    def act(attacker: Sql) -> None:
        _take(attacker, order, cents=1, tendered_cents=1)

    return act


ATTACKS.each(
    {
        "less in the drawer than was taken": (_another("waiting"), "move_is_what_the_payment_took"),
        "cash taken, a slip in the drawer": (
            lambda a: _move(a, _begin(a), tender="terminal", reference="X", tendered_cents=None),
            "move_is_what_the_payment_took",
        ),
        "into a closed drawer": (
            lambda a: _take(a, drawer_id=a.facts["closed"]),
            "only_an_open_drawer_takes_and_gives_money",
        ),
        "into another's drawer": (
            lambda a: _take(a, by_id=a.facts["other"]),
            "drawer_is_used_by_who_opened_it",
        ),
        "by whoever left": (
            lambda a: _take(a, drawer_id=a.facts["of_gone"], by_id=a.facts["gone"]),
            "money_is_taken_by_who_works_here",
        ),
        "the float once more": (
            lambda a: _float(a, FLOAT_CENTS),
            "float_comes_first_and_once",
        ),
        "a slip of another payment": (
            lambda a: _take(a, tender="terminal", reference="SLIP-1", tendered_cents=None),
            "drawer_moves_one_slip",
        ),
    }
)


def _float(attacker: Sql, cents: int) -> None:
    values = {
        "id": uuid.uuid4(),
        "drawer_id": attacker.facts["drawer"],
        "kind": "float",
        "tender": "cash",
        "cents": cents,
        "by_id": attacker.facts["sam"],
    }
    insert(attacker, "drawer_moves", values)


@ATTACKS.undone("drawer_move_guard", OWNER)
def _an_entry_numbered_and_summed_by_hand(attacker: Sql) -> bool:
    before = attacker.run(
        "SELECT count(*) AS entries, sum(cents) FILTER (WHERE tender = 'cash') AS cash"
        " FROM drawer_moves WHERE drawer_id = %(drawer)s"
    )
    forged = {"seq": 77, "balance_cents": 0, "moved_at": LONG_AGO}
    kept = row(attacker, "drawer_moves", _take(attacker, **forged))
    told = (kept["seq"], kept["balance_cents"])
    honest = (before["entries"] + 1, before["cash"] + kept["cents"])
    return told == honest and bool(kept["moved_at"] > LONG_AGO)


# Money that goes back.


def _refund(attacker: Sql, **given: Any) -> None:
    key = uuid.uuid4()
    values = {
        "id": key,
        "payment_id": attacker.facts["payment"],
        "request_key": "attack",
        "amount_cents": 1,
        "reason": "x",
        "status": "planned",
    }
    values |= given
    attacker.tell("refund", key, values["status"])
    insert(attacker, "refunds", values)


ATTACKS.each(
    {
        "paid out and still claimed": (
            lambda a: _pay_out(a, ends=False),
            "pay_out_ends_its_refund",
        ),
        "said to be paid out": (
            lambda a: a.move("refund", a.facts["refund"], "done"),
            "refund_of_a_tender_is_paid_out",
        ),
        "said to have failed": (
            lambda a: a.move("refund", a.facts["refund"], "failed"),
            "refund_of_a_tender_never_fails",
        ),
        "sent by the provider, it says": (
            "UPDATE refunds SET provider_refund_id = 're_x' WHERE id = %(refund)s",
            "provider_knows_nothing_of_a_tenders_refund",
        ),
        "begun as sent by the provider": (
            lambda a: _refund(
                a,
                provider_refund_id="re_x",
                other_cents=1,
                reason="goodwill",
                status="proposed",
                proposed_by_id=a.facts["sam"],
            ),
            "provider_knows_nothing_of_a_tenders_refund",
        ),
        "more paid out than was planned": (
            lambda a: _pay_out(a, cents=-1),
            "pay_out_is_a_refund_as_it_was_planned",
        ),
        "a card paid out in cash": (
            lambda a: _pay_out(a, "paper"),
            "pay_out_is_a_refund_as_it_was_planned",
        ),
        "paid out again": (
            lambda a: _pay_out(a, "done", ends=False),
            "pay_out_is_a_refund_as_it_was_planned",
        ),
        "out of a drawer that was counted": (
            lambda a: _pay_out(a, drawer_id=a.facts["small"]),
            "only_an_open_drawer_takes_and_gives_money",
        ),
    }
)

# Drawers.

ATTACKS.each(
    {
        "opened by a client": (
            lambda a: _open(a, opened_by_id=a.facts["alice"]),
            "drawer_is_of_who_takes_money",
        ),
        "two of one person": (
            lambda a: _open(a, opened_by_id=a.facts["sam"]),
            "drawers_one_open_of_a_person",
        ),
        "a float that nobody counted": (
            lambda a: _open(a, pieces={}),
            "float_is_what_its_pieces_are_worth",
        ),
        "a ledger without its float": (
            lambda a: _open(a, moved_cents=0),
            "ledger_of_a_drawer_begins_with_its_float",
        ),
        "another float in the ledger": (
            lambda a: _open(a, moved_cents=1),
            "float_is_what_was_counted",
        ),
        "cash that vanishes from the count": (
            lambda a: _count(a, pieces={}),
            "counted_cash_is_what_its_pieces_are_worth",
        ),
        "a piece found later": (
            lambda a: _pieces(a, a.facts["closed"], "closing", {1: 1}),
            "counted_cash_is_what_its_pieces_are_worth",
        ),
        "counted by another of the staff": (
            lambda a: _count(a, counted_by_id=a.facts["sam"]),
            "drawer_is_counted_by_its_own_or_a_manager",
        ),
        "counted by a client": (
            lambda a: _count(a, counted_by_id=a.facts["alice"]),
            "drawer_is_counted_by_its_own_or_a_manager",
        ),
        "counted again": (
            "UPDATE drawers SET counted_cash_cents = counted_cash_cents + 1 WHERE id = %(small)s",
            "count_of_a_drawer_is_not_rewritten",
        ),
        "closed without a word": (lambda a: _close(a, "small"), "difference_is_explained"),
        "a large one closed by one": (
            lambda a: _close(a, "large", explanation="A note."),
            "large_difference_takes_two",
        ),
        "a large one signed by a client": (
            lambda a: _close(a, "large", explanation="A note.", signed_by_id=a.facts["alice"]),
            "drawer_is_signed_by_who_takes_money",
        ),
        "explained after it was closed": (
            "UPDATE drawers SET explanation = 'x' WHERE id = %(closed)s",
            "closed_drawer_stays_as_it_was",
        ),
        "opened again": (
            (
                "UPDATE drawers SET status = 'open', state_seq = 1, counted_by_id = NULL,"
                " counted_cash_cents = NULL, counted_terminal_cents = NULL,"
                " counted_cheque_cents = NULL WHERE id = %(small)s"
            ),
            "drawer_goes_along_an_arrow",
        ),
    }
)
ATTACKS.each(
    {
        "closed before it is counted": (
            "UPDATE drawers SET status = 'closed', state_seq = 1 WHERE id = %(fresh)s",
            "drawer_goes_along_an_arrow",
        ),
        "given to another": (
            "UPDATE drawers SET opened_by_id = %(mona)s WHERE id = %(fresh)s",
            "drawer_keeps_how_it_was_opened",
        ),
    },
    OWNER,
)


@ATTACKS.refused("drawers_one_open_at_a_register")
def _two_at_one_register(attacker: Sql) -> None:
    _open(attacker)
    _open(attacker, opened_by_id=attacker.facts["mona"])


@ATTACKS.refused("drawer_begins_open", OWNER)
def _a_drawer_that_begins_counted(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("drawer", key, "open")
    values = {"id": key, "number": "D-X", "status": "counted", "float_cents": 0}
    values |= {"state_seq": attacker.tell("drawer", key, "counted")}
    values |= {
        "register_id": attacker.facts["register"],
        "opened_by_id": attacker.facts["idle"],
        "counted_by_id": attacker.facts["idle"],
        **{
            f"{what}_{kind}_cents": 0
            for what in ("counted", "expected")
            for kind in ("cash", "terminal", "cheque")
        },
    }
    insert(attacker, "drawers", values)


@ATTACKS.refused("registers_pkey", OWNER)
def _a_register_twice(attacker: Sql) -> None:
    insert(attacker, "registers", {"id": attacker.facts["register"], "name": "Another"})


@ATTACKS.undone("drawer_guard", OWNER)
def _opened_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "drawers", _open(attacker, opened_at=LONG_AGO))
    return bool(kept["opened_at"] > LONG_AGO)


@ATTACKS.undone("drawer_guard", OWNER)
def _counted_against_a_sum_made_up(attacker: Sql) -> bool:
    forged = {f"expected_{kind}_cents": 1 for kind in ("cash", "terminal", "cheque")}
    _count(attacker, counted_at=LONG_AGO, **forged)
    kept = row(attacker, "drawers", attacker.facts["fresh"])
    expected = tuple(kept[f"expected_{kind}_cents"] for kind in ("cash", "terminal", "cheque"))
    return expected == (FLOAT_CENTS, 0, 0) and bool(kept["counted_at"] > LONG_AGO)


@ATTACKS.undone("drawer_guard", OWNER)
def _closed_long_ago(attacker: Sql) -> bool:
    _close(attacker, "small", explanation="A cent.", closed_at=LONG_AGO)
    return bool(row(attacker, "drawers", attacker.facts["small"])["closed_at"] > LONG_AGO)


ATTACKS.each(
    {
        f"{what} {how}": (statement.format(table=table), rule)
        for table, rule, what in (
            ("drawers", "drawers_are_kept", "a drawer"),
            ("drawer_pieces", "drawer_pieces_are_kept", "what was counted"),
            ("drawer_moves", "drawer_moves_are_kept", "an entry"),
        )
        for how, statement in {
            "removed": "DELETE FROM {table}",
            "emptied": "TRUNCATE {table} CASCADE",
        }.items()
    },
    OWNER,
)
ATTACKS.each(
    {
        "what was counted changed": (
            "UPDATE drawer_pieces SET pieces = pieces + 1",
            "drawer_pieces_are_kept",
        ),
        "an entry changed": (
            "UPDATE drawer_moves SET cents = cents + 1",
            "drawer_moves_are_kept",
        ),
        "permissions emptied": (
            "TRUNCATE merchant_permissions CASCADE",
            "merchant_permissions_are_kept",
        ),
    },
    OWNER,
)
