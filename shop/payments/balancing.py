"""Does the account at the provider agree to the cent: each charge and refund here with its
movement there, each movement there with its row here, each payout with what it was made of?

Looking changes nothing. What the provider's objects have told of a payment already is not told
once more because its movements say the same.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.core.db import db
from shop.core.money import dollars
from shop.payments.differences import Compared, Difference, Noted
from shop.payments.gateway import Gateway, Movement, Payout, PayoutState
from shop.payments.models import Dispute, DisputeMovement, MoneyMovement, Payment, Refund
from shop.payments.states import RefundStatus

# A movement is taken in within minutes; a day later the summary of its day must be whole.
TAKEN_IN_WITHIN = timedelta(days=1)

# What came just now may not be written down here yet.
GRACE = timedelta(minutes=15)

# What the provider's pages, intents and refunds have told: their movements follow from it.
TOLD = {
    "money_not_booked",
    "money_the_provider_never_saw",
    "amounts_differ",
    "money_for_nobody",
    "refund_nobody_asked_for",
    "refund_states_differ",
    "refund_the_provider_never_saw",
}
# What the provider does by itself and tells the reason of.
BY_ITSELF = {"stripe_fee", "payout", "payout_failure"}
DISPUTED = {"dispute", "dispute_reversal"}


def compared(
    gateway: Gateway, *, since: datetime, at: datetime, told: Iterable[Difference]
) -> Compared:
    """How the account's movements from `since` on differ from what is here, beside what was `told`.

    Raises GatewayError where the provider cannot be read.
    """
    settled = _settled(since)
    db.session.commit()  # no call inside a transaction
    movements = list(gateway.movements_since(since))
    payouts = list(gateway.payouts_since(since))
    parts = {payout.id: gateway.movements_of(payout.id) for payout in payouts}
    known = {one.subject for one in told if one.kind in TOLD}
    found = [
        *_sums(movements, payouts, parts),
        *_charges(movements, settled, known, at),
        *_refunds(movements, settled, known, at),
        *_disputes(movements, since, at),
        *_taken_in(movements, since, at),
        *_unexplained(movements),
    ]
    db.session.commit()
    return Compared(found, _noted(movements, payouts))


def _settled(since: datetime) -> set[uuid.UUID]:
    """Payments and refunds since then whose movements must be there by now: the provider told."""
    payments = sa.select(Payment.id).where(
        Payment.provider_intent_id.is_not(None),
        Payment.captured_cents > 0,
        Payment.created_at >= since,
    )
    refunds = sa.select(Refund.id).where(
        Refund.provider_refund_id.is_not(None), Refund.planned_at >= since
    )
    return set(db.session.scalars(payments.union_all(refunds)))


def _noted(movements: list[Movement], payouts: list[Payout]) -> Noted:
    return Noted(
        movements=len(movements),
        fees_cents=sum(
            one.fee_cents - (one.net_cents if one.kind == "stripe_fee" else 0) for one in movements
        ),
        payouts=len(payouts),
        payouts_cents=sum(one.amount_cents for one in payouts),
    )


def _sums(
    movements: list[Movement], payouts: list[Payout], parts: dict[str, list[Movement]]
) -> Iterator[Difference]:
    for one in movements:
        if one.net_cents != one.amount_cents - one.fee_cents:
            text = f"{one.amount_cents} - {one.fee_cents} cents are said to be {one.net_cents}"
            yield Difference("movement_does_not_add_up", one.id, text)
    for payout in payouts:
        held = sum(part.net_cents for part in parts[payout.id] if part.source_id != payout.id)
        if held != payout.amount_cents:
            text = f"pays out {payout.amount_cents} cents, what it was made of is {held}"
            yield Difference("payout_does_not_add_up", payout.id, text)
        if payout.state in {PayoutState.FAILED, PayoutState.CANCELED}:
            text = f"{dollars(payout.amount_cents)} did not reach the clinic's bank"
            yield Difference("payout_failed", payout.id, text)


def _charges(
    movements: list[Movement], settled: set[uuid.UUID], known: set[str], at: datetime
) -> Iterator[Difference]:
    """Money taken here and money that came to the account there."""
    came = _by(movements, "charge", lambda one: one.intent_id)
    query = sa.select(Payment).where(
        sa.or_(Payment.id.in_(settled), Payment.provider_intent_id.in_(came))
    )
    for payment in db.session.scalars(query.order_by(Payment.created_at, Payment.id)):
        intent_id = payment.provider_intent_id or ""
        there = came.pop(intent_id, [])
        if not known.isdisjoint((str(payment.id), intent_id)):
            continue
        if not there:
            text = f"{payment.captured_cents} cents were taken and never came to the account"
            yield Difference("charge_not_in_the_balance", str(payment.id), text, payment.order_id)
        elif (cents := _cents(there)) != payment.captured_cents and (
            payment.captured_cents or _old(there, at)
        ):
            text = f"{payment.captured_cents} cents are booked, {cents} came to the account"
            yield Difference("charge_moved_other_cents", str(payment.id), text, payment.order_id)
    for intent_id, there in came.items():
        if intent_id not in known and _old(there, at):
            yield _of_nobody(there)


def _refunds(
    movements: list[Movement], settled: set[uuid.UUID], known: set[str], at: datetime
) -> Iterator[Difference]:
    """Money sent back here and money that left the account there, and came to it again."""
    left = _by(movements, "refund", lambda one: one.source_id)
    back = _by(movements, "refund_failure", lambda one: one.source_id)
    query = sa.select(Refund).where(
        sa.or_(Refund.id.in_(settled), Refund.provider_refund_id.in_([*left, *back]))
    )
    for refund in db.session.scalars(query.order_by(Refund.planned_at, Refund.id)):
        name = refund.provider_refund_id or ""
        gone, again = left.pop(name, []), back.pop(name, [])
        if str(refund.payment_id) in known:
            continue
        for kind, text in _refund_compared(
            refund, gone, again, recent=refund.id in settled, old=_old(again, at)
        ):
            yield Difference(kind, str(refund.id), text, refund.payment.order_id)
    ours = _payments_of([*left.values(), *back.values()])
    for there in [*left.values(), *back.values()]:
        if str(ours.get(there[0].intent_id or "")) not in known and _old(there, at):
            yield _of_nobody(there)


def _disputes(movements: list[Movement], since: datetime, at: datetime) -> Iterator[Difference]:
    """What disputes moved: a row of their ledger is named as the provider's movement."""
    there = {one.id: one for one in movements if one.category in DISPUTED}
    query = (
        sa.select(DisputeMovement)
        .join(Dispute, Dispute.id == DisputeMovement.dispute_id)
        .where(sa.or_(DisputeMovement.id.in_(there), Dispute.opened_at >= since))
        .order_by(DisputeMovement.id)
    )
    for row in db.session.scalars(query):
        told = there.pop(row.id, None)
        if told is None:
            text = f"{row.cents} cents are booked of a dispute, and the account never saw them"
            yield Difference("dispute_not_in_the_balance", row.id, text)
        elif (told.amount_cents, told.fee_cents) != (row.cents, row.fee_cents):
            text = (
                f"{row.cents} cents and {row.fee_cents} of fees are booked of a dispute,"
                f" {told.amount_cents} and {told.fee_cents} moved"
            )
            yield Difference("dispute_moved_other_cents", row.id, text)
    for told in there.values():
        if _old([told], at):
            text = f"a dispute moved {told.amount_cents} cents, and nobody here wrote it down"
            yield Difference("dispute_movement_not_written_down", told.id, text)


def _refund_compared(
    refund: Refund, gone: list[Movement], again: list[Movement], *, recent: bool, old: bool
) -> Iterator[tuple[str, str]]:
    cents, failed = refund.amount_cents, refund.status is RefundStatus.FAILED
    if not gone and recent:
        yield "refund_not_in_the_balance", f"{cents} cents went back and never left the account"
    if gone and -_cents(gone) != cents:
        yield "refund_moved_other_cents", f"{cents} cents went back, {-_cents(gone)} left"
    if failed and gone and not again and recent:
        yield "failed_refund_not_in_the_balance", f"{cents} cents failed to go and are not back"
    if again and not failed and old:
        yield "refund_came_back_unnoticed", f"{_cents(again)} cents are back on the account"
    if again and failed and _cents(again) != cents:
        yield "refund_moved_other_cents", f"{cents} cents failed to go, {_cents(again)} are back"


def _payments_of(movements: Iterable[list[Movement]]) -> dict[str, uuid.UUID]:
    """Which payment is behind which intent, of those that movements name."""
    intents = [one.intent_id for there in movements for one in there if one.intent_id]
    query = sa.select(Payment).where(Payment.provider_intent_id.in_(intents))
    return {one.provider_intent_id or "": one.id for one in db.session.scalars(query)}


def _old(movements: list[Movement], at: datetime) -> bool:
    return any(one.created < at - GRACE for one in movements)


def _of_nobody(there: list[Movement]) -> Difference:
    text = f"a {there[0].kind} of {_cents(there)} cents that nobody here knows"
    return Difference("movement_of_nobody", there[0].id, text)


def _taken_in(movements: list[Movement], since: datetime, at: datetime) -> Iterator[Difference]:
    """What was taken in is what the provider says, and all of it once a day has passed."""
    query = sa.select(MoneyMovement).where(
        MoneyMovement.created >= since, MoneyMovement.taken_in_at < at
    )
    here = {row.id: row for row in db.session.scalars(query)}
    for told in movements:
        row = here.pop(told.id, None)
        if row is None and told.created < at - TAKEN_IN_WITHIN:
            text = f"{told.kind} of {told.amount_cents} cents is in no daily summary"
            yield Difference("movement_not_taken_in", told.id, text)
        elif row is not None and _facts(row) != _facts(told):
            yield Difference("movement_taken_in_otherwise", told.id, "is not as it was taken in")
    for name in here:
        text = "was taken in, and the provider knows no such movement"
        yield Difference("movement_the_provider_never_saw", name, text)


def _facts(one: Movement | MoneyMovement) -> tuple[object, ...]:
    return (one.kind, one.amount_cents, one.fee_cents, one.net_cents, one.source_id, one.created)


def _unexplained(movements: list[Movement]) -> Iterator[Difference]:
    """What the provider did to the account that nothing here is the reason of."""
    for one in movements:
        expected = {"charge", "refund", "refund_failure"} | BY_ITSELF
        if one.kind not in expected and one.category not in DISPUTED:
            text = f"{one.kind} of {one.amount_cents} cents: ask the provider what it is for"
            yield Difference("movement_nobody_expected", one.id, text)


def _by(
    movements: list[Movement], kind: str, named: Callable[[Movement], str | None]
) -> dict[str, list[Movement]]:
    """The movements of a kind by what they are about; without that each is by itself."""
    found: dict[str, list[Movement]] = defaultdict(list)
    for one in movements:
        if one.kind == kind:
            found[named(one) or one.id].append(one)
    return dict(found)


def _cents(movements: list[Movement]) -> int:
    return sum(one.amount_cents for one in movements)
