"""The desk: money taken in full into an open drawer, paid out of one, counted blind at the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal, WrongState
from shop.core.money import dollars
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.orders import cancelling, expiring
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments import reconciling, refunding, settling
from shop.payments.errors import NotPayable, PaymentUnderWay, TooLate
from shop.payments.models import Payment, ProviderCall
from shop.payments.states import PaymentStatus, RefundStatus, Tender
from shop.prescriptions import revoking
from shop.tills import counting, limits, money, opening, paying_out, queries, receipt, reporting
from shop.tills.errors import (
    AmountChanged,
    CountRefused,
    DrawerTaken,
    NoOpenDrawer,
    NotEnoughCash,
    NotExplained,
    NotPaidOut,
    NotYourDrawer,
    RegisterRefused,
    SecondPersonNeeded,
    TenderRefused,
)
from shop.tills.models import DrawerMove, MoneyMove
from shop.tills.states import DrawerStatus
from tests.orders.things import CLINIC, history
from tests.payments.orders_to_pay import a_cream_order, an_order, begun, how
from tests.people import mona, sam
from tests.permissions import stop
from tests.tills.builders import (
    FLOAT,
    FLOAT_CENTS,
    a_drawer,
    a_register,
    cash,
    fitting,
    locked,
    on_paper,
    take,
    taken,
    waiting,
)


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


# Taking money.


def test_cash_pays_the_order_at_once_and_says_the_change() -> None:
    order, by = an_order(), sam()
    drawer = a_drawer(by)

    move = take(order, by, cash(order, 505))
    db.session.commit()

    (payment,) = payments.payments_of(order.id)
    assert how(order) == ("paid", ["succeeded"])
    assert (payment.tender, payment.captured_cents) == (Tender.CASH, order.due_cents)
    assert (move.kind, move.cents, move.change_cents) == (MoneyMove.TENDER, order.due_cents, 505)
    assert (move.drawer_id, move.seq) == (drawer.id, 2)
    assert move.balance_cents == FLOAT_CENTS + order.due_cents
    assert history(payment) == ["payment_begun", "payment_succeeded"]
    asked = sa.select(ProviderCall).where(ProviderCall.order_id == order.id)
    assert db.session.scalars(asked).all() == []


@pytest.mark.parametrize("tender", [Tender.TERMINAL, Tender.CHEQUE])
def test_paper_is_taken_with_its_number(tender: Tender) -> None:
    order, by = an_order(), sam()
    a_drawer(by)

    move = take(order, by, on_paper(tender, " 00 17 "))
    db.session.commit()

    assert (move.tender, move.reference, move.tendered_cents) == (tender, "00 17", None)
    assert how(order) == ("paid", ["succeeded"])


def test_a_double_click_takes_money_once() -> None:
    order, by = an_order(), sam()
    drawer = a_drawer(by)
    taken(by, order=order)

    with pytest.raises(NotPayable):
        take(order, by)

    assert [move.kind for move in locked(drawer).moves] == [MoneyMove.FLOAT, MoneyMove.TENDER]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "too little cash": ({"tender": Tender.CASH, "tendered_cents": -1}, "tendered_cents"),
    "no cash": ({"tender": Tender.CASH}, "tendered_cents"),
    "cash with a number": (
        {"tender": Tender.CASH, "tendered_cents": 0, "reference": "7"},
        "reference",
    ),
    "a slip without its number": ({"tender": Tender.TERMINAL}, "reference"),
    "a blank number": ({"tender": Tender.CHEQUE, "reference": "  "}, "reference"),
    "a number without end": ({"tender": Tender.CHEQUE, "reference": "7" * 41}, "reference"),
    "change for a cheque": (
        {"tender": Tender.CHEQUE, "reference": "7", "tendered_cents": 100},
        "tendered_cents",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_pay_what_is_due_is_refused(case: str) -> None:
    from shop.tills.taking import Given

    order, by = an_order(), sam()
    a_drawer(by)
    fields, field = WRONG[case]
    fields = dict(fields)
    if "tendered_cents" in fields:
        fields["tendered_cents"] += order.due_cents

    with pytest.raises(TenderRefused) as refused:
        take(order, by, Given(**fields))

    assert set(refused.value.fields) == {field}
    assert how(order) == ("awaiting_payment", [])


def test_one_slip_pays_one_order() -> None:
    by = sam()
    a_drawer(by)
    taken(by, on_paper(Tender.TERMINAL, "4711"))
    other = an_order()

    with pytest.raises(TenderRefused) as refused:
        take(other, by, on_paper(Tender.TERMINAL, "4711"))

    assert "reference" in refused.value.fields


def test_nothing_is_taken_without_an_open_drawer() -> None:
    order, by = an_order(), sam()
    with pytest.raises(NoOpenDrawer):
        take(order, by)


def test_what_the_person_saw_is_what_is_taken() -> None:
    order, by = an_order(), sam()
    a_drawer(by)
    with pytest.raises(AmountChanged) as refused:
        take(order, by, expect_cents=order.due_cents - 1)
    assert refused.value.facts["due_cents"] == order.due_cents


def test_nothing_is_taken_beside_a_payment_page() -> None:
    order, by = an_order(), sam()
    a_drawer(by)
    begun(order)
    with pytest.raises(PaymentUnderWay):
        take(order, by)
    assert how(order) == ("awaiting_payment", ["created"])


def test_nothing_is_taken_for_an_order_that_is_over() -> None:
    by = sam()
    a_drawer(by)
    late = an_order(pay_by=now() - timedelta(seconds=1))
    with pytest.raises(TooLate):
        take(late, by)
    expiring.expire(late, at=now())
    with pytest.raises(NotPayable):
        take(late, by)


def test_the_gate_is_asked_before_money_changes_hands() -> None:
    order, prescription = a_cream_order()
    by = sam()
    a_drawer(by)
    revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())

    with pytest.raises(Refusal):
        take(order, by)

    assert how(order) == ("awaiting_payment", [])


def test_what_may_not_be_paid_online_is_paid_at_the_desk() -> None:
    order, _ = a_cream_order()
    by = sam()
    a_drawer(by)
    stop()

    taken(by, order=order)

    assert how(order) == ("paid", ["succeeded"])


# Paying out.


def test_money_of_a_cancelled_order_waits_at_the_desk_and_is_paid_out() -> None:
    by = sam()
    drawer = a_drawer(by)
    refund = waiting(by)

    assert (refund.status, refund.request_key) == (RefundStatus.PLANNED, refunding.ORDER_OVER)
    asked = sa.select(ProviderCall).where(ProviderCall.reference_id == refund.id)
    assert db.session.scalars(asked).all() == []
    assert refund in queries.refunds_at_the_desk()

    move = paying_out.pay_out(queries.refund_to_pay_out(refund.id), reference=None, by=by, at=now())
    db.session.commit()

    assert refund.status is RefundStatus.DONE
    assert (move.kind, move.cents) == (MoneyMove.PAY_OUT, -refund.amount_cents)
    assert queries.balances(drawer).cash == FLOAT_CENTS
    assert refund not in queries.refunds_at_the_desk()


def test_the_client_is_asked_to_come_for_it_and_not_told_that_a_bank_sends_it() -> None:
    by = sam()
    a_drawer(by)
    refund = waiting(by)
    paying_out.pay_out(refund, reference=None, by=by, at=now())
    db.session.commit()

    for event in events.of(refund.id):
        for _ in range(2):
            reactions.react(subject_id=str(event.subject_id), seq=event.seq)

    query = sa.select(Letter).where(Letter.subject_id == refund.id)
    (letter,) = db.session.scalars(query).all()
    assert letter.template is Template.REFUND_AT_THE_DESK
    message = letters.compose(letter, at=now())
    assert message["Subject"] == f"{dollars(refund.amount_cents)} wait for you at our desk"
    assert message["To"] == refund.payment.order.client.email
    assert refund.payment.order.lines[0].name not in message.as_string()


def test_it_is_paid_out_once() -> None:
    by = sam()
    a_drawer(by)
    refund = waiting(by)
    paying_out.pay_out(refund, reference=None, by=by, at=now())
    with pytest.raises(NotPaidOut):
        paying_out.pay_out(refund, reference=None, by=by, at=now())


def test_it_goes_the_way_it_came() -> None:
    by = sam()
    a_drawer(by)
    refund = waiting(by, on_paper(Tender.TERMINAL))
    with pytest.raises(TenderRefused):
        paying_out.pay_out(refund, reference=None, by=by, at=now())

    move = paying_out.pay_out(refund, reference="R-77", by=by, at=now())
    db.session.commit()

    assert (move.tender, move.reference, move.balance_cents) == (Tender.TERMINAL, "R-77", 0)


def test_there_is_no_more_cash_than_there_is() -> None:
    by, other = sam(), sam()
    a_drawer(by)
    refund = waiting(by)
    a_drawer(other, pieces={1_00: 1})
    with pytest.raises(NotEnoughCash):
        paying_out.pay_out(refund, reference=None, by=other, at=now())
    assert refund.status is RefundStatus.PLANNED


def test_money_of_a_page_is_not_paid_out_at_the_desk() -> None:
    by = sam()
    a_drawer(by)
    order = an_order()
    payment = begun(order)
    held = orders.locked_order(order.id)
    from shop.orders import paying

    paying.mark_paid(held, at=now())
    payment.captured_cents, payment.status = payment.amount_cents, PaymentStatus.SUCCEEDED
    events.record(events.Kind.PAYMENT_SUCCEEDED, payment)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    settling.wind_up(held, at=now())
    db.session.commit()
    (refund,) = payment.refunds

    with pytest.raises(NotPaidOut):
        paying_out.pay_out(refund, reference=None, by=by, at=now())


# Drawers.


def test_one_open_drawer_of_a_person_and_at_a_register() -> None:
    by, register = sam(), a_register()
    a_drawer(by, register=register)
    with pytest.raises(DrawerTaken):
        a_drawer(by)
    with pytest.raises(DrawerTaken) as refused:
        a_drawer(sam(), register=register)
    assert "register" in refused.value.fields


@pytest.mark.parametrize("pieces", [{3: 1}, {5: -1}, {5: money.MOST_PIECES + 1}])
def test_what_is_no_count_opens_nothing(pieces: dict[int, int]) -> None:
    with pytest.raises(CountRefused):
        a_drawer(pieces=pieces)


@pytest.mark.parametrize("name", ["", " ", "x" * 41])
def test_a_register_has_a_name(name: str) -> None:
    with pytest.raises(RegisterRefused):
        opening.add_register(name, by=mona())


def test_a_name_is_one_register() -> None:
    a_register("Front desk")
    with pytest.raises(RegisterRefused):
        a_register("front  DESK")


def test_a_drawer_that_adds_up_is_closed_by_its_count() -> None:
    by = sam()
    drawer = a_drawer(by)
    taken(by)
    slip = taken(by, on_paper(Tender.TERMINAL))
    order = taken(by, on_paper(Tender.CHEQUE))
    cash_there = queries.balances(drawer).cash

    closed = counting.count(
        locked(drawer),
        fitting(cash_there),
        terminal_cents=slip.due_cents,
        cheque_cents=order.due_cents,
        by=by,
        at=now(),
    )
    db.session.commit()

    assert (closed.status, closed.difference) == (DrawerStatus.CLOSED, money.Sums())
    assert closed.closed_at is not None
    with pytest.raises(NoOpenDrawer):
        take(an_order(), by)


def counted(off_by: int, *, by: Any = None) -> Any:
    """A drawer that holds its float, and was counted to hold more or less."""
    drawer = a_drawer(by or sam())
    found = counting.count(
        locked(drawer),
        fitting(FLOAT_CENTS + off_by),
        terminal_cents=0,
        cheque_cents=0,
        by=drawer.opened_by,
        at=now(),
    )
    db.session.commit()
    return found


@pytest.mark.parametrize("off_by", [-limits.LIMIT_CENTS, -1, 1, limits.LIMIT_CENTS])
def test_a_small_difference_closes_with_its_explanation(off_by: int) -> None:
    drawer = counted(off_by)
    assert (drawer.status, drawer.difference.cash) == (DrawerStatus.COUNTED, off_by)
    with pytest.raises(CountRefused):
        counting.explain(drawer, "  ", by=drawer.opened_by, at=now())

    counting.explain(drawer, "Change was given twice.", by=drawer.opened_by, at=now())
    db.session.commit()

    assert (drawer.status, drawer.signed_by_id) == (DrawerStatus.CLOSED, None)


@pytest.mark.parametrize("off_by", [-limits.LIMIT_CENTS - 1, limits.LIMIT_CENTS + 1])
def test_a_large_difference_takes_a_second_person(off_by: int) -> None:
    drawer = counted(off_by)
    second = mona()
    with pytest.raises(NotExplained):
        counting.sign(drawer, by=second, at=now())
    counting.explain(drawer, "A note is missing.", by=drawer.opened_by, at=now())
    assert drawer.status is DrawerStatus.COUNTED
    with pytest.raises(SecondPersonNeeded):
        counting.sign(drawer, by=drawer.opened_by, at=now())

    counting.sign(drawer, by=second, at=now())
    db.session.commit()

    assert (drawer.status, drawer.signed_by_id) == (DrawerStatus.CLOSED, second.id)


def test_a_drawer_is_counted_by_its_own_or_a_manager() -> None:
    drawer = a_drawer()
    terms = {"terminal_cents": 0, "cheque_cents": 0, "at": now()}
    with pytest.raises(NotYourDrawer):
        counting.count(locked(drawer), FLOAT, by=sam(), **terms)
    manager = mona()
    assert counting.count(locked(drawer), FLOAT, by=manager, **terms).counted_by_id == manager.id


def test_a_count_is_taken_once() -> None:
    drawer = counted(-1)
    with pytest.raises(WrongState):
        counting.count(
            drawer, FLOAT, terminal_cents=0, cheque_cents=0, by=drawer.opened_by, at=now()
        )


def test_the_limit_is_the_databases() -> None:
    for cents in (limits.LIMIT_CENTS, limits.LIMIT_CENTS + 1):
        said = db.session.scalar(sa.select(sa.func.drawer_takes_two(cents)))
        assert said is money.Sums(cash=-cents).takes_two


# The day, the receipt, the reconciler.


def test_the_day_is_the_sum_of_its_counted_drawers() -> None:
    by = sam()
    drawer = a_drawer(by)
    refund = waiting(by)
    paying_out.pay_out(refund, reference=None, by=by, at=now())
    order = taken(by, on_paper(Tender.CHEQUE))
    today = now().date()
    assert reporting.report(today, zone="UTC").still_open == (drawer,)
    counting.count(
        locked(drawer),
        fitting(FLOAT_CENTS - 3),
        terminal_cents=0,
        cheque_cents=order.due_cents,
        by=by,
        at=now(),
    )
    other = a_drawer()
    db.session.commit()

    day = reporting.report(today, zone="UTC")

    assert day.still_open == (other,)
    assert day.taken == money.Sums(cash=refund.amount_cents, cheque=order.due_cents)
    assert day.paid_out == money.Sums(cash=refund.amount_cents)
    assert day.difference == money.Sums(cash=-3)
    assert [share.tenders for share in day.shares] == [2]
    assert day.waiting == (drawer,)
    assert reporting.report(today - timedelta(days=1), zone="UTC").shares == ()


def test_a_receipt_says_what_was_handed_over_and_no_pack() -> None:
    by = sam()
    a_drawer(by)
    order = an_order()
    move = take(order, by, cash(order, 1_00))
    db.session.commit()

    told = receipt.of(order, move, clinic=CLINIC, zone="UTC")

    rows = dict(told.rows)
    assert (rows["Paid at the desk"], rows["Change"]) == (f"${order.due_cents / 100:.2f}", "$1.00")
    assert order.lines[0].name not in str(told)
    assert receipt.draw(told).startswith(b"%PDF")


def differences() -> set[str]:
    return {
        kind
        for kind, check in reconciling.CHECKS.items()
        if db.session.execute(sa.text(check), {"at": now()}).all()
    }


def test_an_honest_day_has_no_differences() -> None:
    by = sam()
    a_drawer(by)
    refund = waiting(by)
    waiting(by, on_paper(Tender.CHEQUE))
    paying_out.pay_out(refund, reference=None, by=by, at=now())
    taken(by, on_paper(Tender.TERMINAL))
    counted(-1)
    db.session.commit()
    assert differences() == set()


def test_orders_are_found_by_number_and_by_name() -> None:
    reader = sam()
    online = an_order()
    assert online not in queries.orders_at_the_desk(reader)
    for words in (online.number[2:], online.number.lower(), online.client.name.upper()[:7]):
        assert online in queries.orders_at_the_desk(reader, sought=words)
    assert queries.orders_at_the_desk(reader, sought="%") == []


def payment_of(order: Order) -> Payment:
    (payment,) = payments.payments_of(order.id)
    return payment


def test_a_move_never_changes() -> None:
    by = sam()
    a_drawer(by)
    taken(by)
    with pytest.raises(sa.exc.DBAPIError):
        db.session.execute(sa.update(DrawerMove).values(by_id=by.id))
