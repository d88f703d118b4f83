"""What the account holds: every movement of money, the payouts made of them, and their sum.

`book` is the one place where a movement is made. Each act is given a `Desk` inside a writing
transaction.
"""

from __future__ import annotations

from shop.payments.sandbox import objects
from shop.payments.sandbox.desk import Desk, new_id, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import Params, Refusal
from shop.payments.sandbox.store import Kept, Page

DAY = 24 * 60 * 60
# A charge can be paid out from the second midnight (UTC) after it.
DAYS_UNTIL_AVAILABLE = 2
# The bank has a payout a day after it was made.
DAYS_UNTIL_THERE = 1

# Stripe's published price for cards of its country: https://stripe.com/pricing
FEE_TENTHS_OF_A_PERCENT, FEE_CENTS = 29, 30

# Type → what its movements are reported as.
# https://docs.stripe.com/reports/reporting-categories
CATEGORIES = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "adjustment": "other_adjustment",
    "stripe_fee": "fee",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}

BY_HAND = "payouts_by_hand"
PAID_OUT_UNTIL = "paid_out_until"


def fee_of(amount: int) -> int:
    """2.9 % and 30 cents, half a cent rounded up."""
    return (amount * FEE_TENTHS_OF_A_PERCENT + 500) // 1000 + FEE_CENTS


def book(
    desk: Desk,
    type: str,
    *,
    amount: int,
    source: str | None,
    fee: int = 0,
    category: str | None = None,
    days: int = 0,
    description: str | None = None,
    created: int | None = None,
) -> str:
    """Book a movement: its cents are the account's, less the fee, from the midnight `days` on.

    What takes money (below zero) counts at once. Answers with its id, for the object it is about.
    """
    created = desk.ledger.now() if created is None else created
    movement = objects.balance_transaction(
        new_id("txn"),
        created=created,
        type=type,
        category=category or CATEGORIES[type],
        amount=amount,
        fee=fee,
        source=source,
        available_on=(created // DAY + days) * DAY if days else created,
        description=description,
    )
    desk.ledger.add(movement)
    return str(movement["id"])


def charged(desk: Desk, charge: Kept) -> Kept:
    """A charge that succeeded brings its amount less the fee."""
    amount = charge.body["amount"]
    movement = book(
        desk,
        "charge",
        amount=amount,
        source=charge.id,
        fee=fee_of(amount),
        days=DAYS_UNTIL_AVAILABLE,
    )
    return desk.ledger.change(charge, balance_transaction=movement)


def sent_back(desk: Desk, refund: Kept) -> Kept:
    """A refund takes its amount; the fee of the charge is not given back."""
    movement = book(desk, "refund", amount=-refund.body["amount"], source=refund.id)
    return desk.ledger.change(refund, balance_transaction=movement)


def came_back(desk: Desk, refund: Kept) -> Kept:
    """A refund that failed or was called off brings its amount again."""
    movement = book(desk, "refund_failure", amount=refund.body["amount"], source=refund.id)
    return desk.ledger.change(refund, failure_balance_transaction=movement)


def adjust(desk: Desk, amount: int, *, type: str, description: str) -> Body:
    """Stripe corrects the account, or takes a fee of its own, for a reason that it states."""
    return the(
        desk.ledger,
        "balance_transaction",
        book(desk, type, amount=amount, source=None, description=description),
    ).body


def pay_out_due(desk: Desk) -> None:
    """Make the payout of every midnight (UTC) that passed, of what was available by then."""
    today = desk.ledger.now() // DAY
    if desk.ledger.switch(BY_HAND) or desk.ledger.switch(PAID_OUT_UNTIL) >= today:
        return
    begins = desk.ledger.switch(PAID_OUT_UNTIL) + 1
    waiting = {-(-one.body["available_on"] // DAY) for one in desk.ledger.not_paid_out()}
    for day in sorted({max(day, begins) for day in waiting}):
        if day <= today:
            pay_out(desk, at=day * DAY, automatic=True)
    desk.ledger.set_switch(PAID_OUT_UNTIL, today)


def pay_out(desk: Desk, *, at: int | None = None, automatic: bool = False) -> Body | None:
    """Pay out everything available at that moment; None where that is nothing, or a debt."""
    at = desk.ledger.now() if at is None else at
    parts = [one for one in desk.ledger.not_paid_out() if one.body["available_on"] <= at]
    amount = sum(part.body["net"] for part in parts)
    if amount <= 0:
        return None
    payout = desk.ledger.add(
        objects.payout(
            new_id("po"),
            created=at,
            amount=amount,
            arrival_date=(at // DAY + DAYS_UNTIL_THERE) * DAY,
            automatic=automatic,
        )
    )
    movement = book(desk, "payout", amount=-amount, source=payout.id, created=at)
    payout = desk.ledger.change(payout, balance_transaction=movement)
    for part in (*parts, the(desk.ledger, "balance_transaction", movement)):
        desk.ledger.hide(part, payout=payout.id)
    desk.tell("payout.created", payout.body)
    return payout.body


def arrive_due(desk: Desk) -> None:
    """Payouts whose day has come are at the bank."""
    for payout in desk.ledger.payouts_on_their_way(until=desk.ledger.now()):
        settle_payout(desk, payout.id, "paid")


def settle_payout(desk: Desk, payout_id: str, status: str) -> Body:
    """Let the bank's answer to a payout arrive. Raises Refusal for a final one.

    What a failed payout held is available again, as a movement of its own.
    """
    payout = the(desk.ledger, "payout", payout_id)
    if (payout.body["status"], status) not in {
        ("in_transit", "paid"),
        ("in_transit", "failed"),
        ("paid", "failed"),
    }:
        raise Refusal(400, f"A payout that is {payout.body['status']} cannot become {status}.")
    changed = desk.ledger.change(payout, status=status)
    if status == "failed":
        movement = book(desk, "payout_failure", amount=payout.body["amount"], source=payout.id)
        changed = desk.ledger.change(
            changed,
            failure_balance_transaction=movement,
            failure_code="account_closed",
            failure_message="The bank account has been closed.",
        )
    desk.tell(f"payout.{status}", changed.body)
    return changed.body


def shown(desk: Desk, movement: Kept) -> Body:
    """A movement as it is now: pending until its cents can be paid out."""
    available = movement.body["available_on"] <= desk.ledger.now()
    return {**movement.body, "status": "available" if available else "pending"}


def expanded(desk: Desk, movement: Body) -> Body:
    """A movement with the whole object it is about, for who asks for `data.source`."""
    source = movement["source"] and desk.ledger.by_id(movement["source"])
    return {**movement, "source": source.body} if source else movement


def balance(desk: Desk) -> Body:
    """What is there and can be paid out, and what is there and cannot yet."""
    now, cents = desk.ledger.now(), {"available": 0, "pending": 0}
    for movement in desk.ledger.all_of("balance_transaction"):
        there = "available" if movement.body["available_on"] <= now else "pending"
        cents[there] += movement.body["net"]
    return objects.balance(**cents)


def movements_of(payout_id: str, page: Page) -> Page:
    """Narrow a list of movements to those that made a payout, its own among them."""
    return Page(**{**page.__dict__, "hidden": {"payout": payout_id}})


def adjusted(given: Params) -> tuple[int, str, str]:
    """What the switch for adjustments was told. Raises Refusal."""
    amount, kind = given.get("amount", 0), given.get("type", "adjustment")
    if not amount or abs(amount) > 10**8:
        raise Refusal(400, "amount must be cents, more or less than none.")
    if kind not in {"adjustment", "stripe_fee"}:
        raise Refusal(400, "type must be adjustment or stripe_fee.")
    return amount, kind, given.get("description", "A correction")
