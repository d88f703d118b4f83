"""I19: six webhooks in every order, each never, once or more often, and always the same end.

1,957 orders: every arrangement of every selection of the six. Into each some hints are told again,
under the same id or another, as Stripe does. The soak walks all of them, the gate those that lack
or hold a single one and as many more as SEED draws.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.payments import calls, chasing, following, queries, reconciling, settling, webhook
from shop.payments.gateway import Gateway
from shop.payments.models import Payment, ProviderCall
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import OutsideTransactions, an_order, opened
from tests.payments.test_settling_webhooks import an_event
from tests.regime import SEED, SOAK, counted

SIX = 6
ALL = 1_957  # the sum of 6! / k! over k from 0 to 6
IN_THE_GATE = 60
LOOKED_AT = 10  # of so many equal ends one is compared with the whole shop and bank
STARTED = datetime.now(UTC) - timedelta(hours=1)

Hint = dict[str, Any]


@dataclass
class Story:
    """What happened at the bank and was not heard of yet: the payment, and six events of it."""

    payment: Payment
    hints: list[Hint]
    end: tuple[str, str, list[str]]  # of the order, the payment, its refunds


@dataclass
class Bank:
    gateway: OutsideTransactions
    visitor: Visitor
    control: Control


def declined_then_paid(bank: Bank) -> Story:
    """A first card is refused, a second pays; the shop knows of an open page."""
    payment = opened(an_order(), bank.gateway)
    url = payment.url or ""
    db.session.commit()
    for number in (cards.DECLINED, cards.PAYS):
        bank.visitor.pay(url, number=number)
    return Story(payment, bank.control.events(), ("paid", "succeeded", []))


def paid_and_sent_back(bank: Bank) -> Story:
    """Cancelled after it was paid; the refund was made, its answer lost, and the bank took a while."""
    order = an_order()
    payment = opened(order, bank.gateway)
    bank.visitor.pay(payment.url or "", number=cards.REFUND_PENDING)
    following.payment(payment.id, bank.gateway)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    bank.control.post("faults", mode="dropped_after", method="POST", path="/v1/refunds")
    chasing.order_ended(order.id, bank.gateway)
    intent_id = queries.payment(payment.id).provider_intent_id or ""
    db.session.commit()
    [refund] = bank.gateway.refunds_of(intent_id)
    bank.control.post(f"refunds/{refund.id}", status="succeeded")
    hints = [one for one in bank.control.events() if one["type"] != "payment_intent.created"]
    return Story(payment, hints, ("cancelled", "succeeded", ["done"]))


STORIES: dict[str, Callable[[Bank], Story]] = {
    "declined, then paid": declined_then_paid,
    "paid and sent back": paid_and_sent_back,
}


def arrangements() -> list[tuple[int, ...]]:
    found = [order for many in range(SIX + 1) for order in itertools.permutations(range(SIX), many)]
    assert len(found) == ALL
    return found


def chosen() -> list[tuple[int, ...]]:
    """All, or in the gate: none, each alone, all but one, forwards, backwards, and some more."""
    every = arrangements()
    if SOAK:
        return every
    row = tuple(range(SIX))
    single = [(), *((one,) for one in row), *(row[:one] + row[one + 1 :] for one in row)]
    fixed = [*single, row, row[::-1]]
    rest = [order for order in every if order not in set(fixed)]
    return fixed + Random(SEED).sample(rest, IN_THE_GATE - len(fixed))


def told_again(order: tuple[int, ...], chance: Random) -> list[tuple[int, str]]:
    """The hints as they come: some once more, under their own id or as an event of its own."""
    coming = [(one, "") for one in order]
    for one in order:
        for copy in range(chance.choice((0, 0, 1, 2))):
            first = next(place for place, (other, _) in enumerate(coming) if other == one)
            twin = chance.choice(("", f"_{copy}"))
            coming.insert(chance.randint(first + 1, len(coming)), (one, twin))
    return coming


@pytest.fixture
def bank(gateway: Gateway, visitor: Visitor, control: Control) -> Bank:
    return Bank(OutsideTransactions(gateway), visitor, control)


@pytest.fixture
def again(app: Flask) -> Callable[[], Any]:
    """What is done inside is undone: the story begins anew."""

    @contextmanager
    def undone() -> Iterator[None]:
        db.session.remove()
        db.session.info["actor"] = "system:test"
        point = db.engine.begin_nested()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            db.session.remove()
            point.rollback()

    return undone


def hear(hint: Hint, twin: str, bank: Bank) -> None:
    event_id = f"{hint['id']}{twin}"
    webhook.remember(an_event(event_id, hint["type"], hint["object"], hint["object_id"]))
    db.session.commit()
    webhook.follow(event_id, bank.gateway)


def ended(story: Story) -> tuple[Any, ...]:
    """How everything stands, and how it came there; what the trail says of the money."""
    payment = queries.payment(story.payment.id)
    order = queries.locked_order(payment.order_id)
    asked = db.session.execute(
        sa.select(ProviderCall.operation, ProviderCall.status)
        .where(ProviderCall.order_id == order.id)
        .order_by(ProviderCall.operation)
    ).all()
    events = db.session.execute(
        sa.text(
            "SELECT kind, count(*) FROM events WHERE subject_id = :payment OR subject_id = :order"
            " OR subject_id IN (SELECT id FROM refunds WHERE payment_id = :payment)"
            " GROUP BY kind ORDER BY kind"
        ),
        {"payment": payment.id, "order": order.id},
    ).all()
    refunds = [str(one.status) for one in payment.refunds]
    return (
        (str(order.status), str(payment.status), refunds),
        (payment.captured_cents, payment.refunded_cents),
        [str(line.status) for line in order.lines],
        [(operation, str(status)) for operation, status in asked],
        [tuple(row) for row in events],
    )


def at_the_bank(bank: Bank) -> tuple[int, int, int]:
    """Pages, intents and refunds that were ever made there."""
    db.session.commit()
    intents = list(bank.gateway.intents_since(STARTED))
    return (
        len(list(bank.gateway.sessions_since(STARTED))),
        len(intents),
        sum(len(bank.gateway.refunds_of(intent.id)) for intent in intents),
    )


def time_passes(story: Story, bank: Bank) -> None:
    """What was to be tried again later is tried; what no hint has told, the reconciler finds."""
    db.session.execute(sa.update(ProviderCall).values(lease_until=now() - timedelta(seconds=1)))
    db.session.commit()
    calls.send_due(bank.gateway)
    if ended(story)[0] != story.end:
        reconciling.repair(bank.gateway)


def walked(story: Story, bank: Bank, again: Callable[[], Any]) -> Iterator[str]:
    """What did not end as everything else does; each order from the same beginning."""
    there, ends = at_the_bank(bank), []
    for number, order in enumerate(chosen()):
        coming = told_again(order, Random(f"{SEED}:{number}"))
        with again():
            for one, twin in coming:
                hear(story.hints[one], twin, bank)
            heard = ended(story)
            time_passes(story, bank)
            ends.append(ended(story))
            looked = reconciling.differences(bank.gateway) if number % LOOKED_AT == 0 else []
            followed = {story.hints[one]["object"] for one in order} & set(following.FOLLOWED)
            if followed and story.end[0] == "paid" and heard != ends[-1]:
                yield f"{coming}: the hints alone led to {heard}"
            if ends[-1][0] != story.end or ends[-1] != ends[0] or looked:
                yield f"{coming}: {ends[-1]}, {looked}"
    assert len(ends) == (ALL if SOAK else IN_THE_GATE)
    if at_the_bank(bank) != there:
        yield f"the bank did more: {at_the_bank(bank)}, not {there}"


@pytest.mark.parametrize("name", STORIES)
def test_whatever_is_heard_in_whatever_order_the_end_is_the_same(
    name: str, app: Flask, bank: Bank, again: Callable[[], Any]
) -> None:
    story = STORIES[name](bank)
    assert len(story.hints) == SIX
    began = time.monotonic()

    assert list(walked(story, bank, again)) == []

    orders = len(chosen())
    counted(
        f"webhook orders: {name}",
        orders=orders,
        of=ALL,
        violations=0,
        seconds=round(time.monotonic() - began),
    )


def test_a_shop_that_believes_a_hint_is_seen(
    app: Flask, bank: Bank, again: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: that a card was refused ends the payment, without a look at how it stands."""
    story = declined_then_paid(bank)
    follow = webhook.follow

    def believing(event_id: str, gateway: Gateway) -> None:
        event = db.session.get_one(webhook.Remembered, event_id)
        if event.type == "payment_intent.payment_failed":
            settling.cancel(queries.payment(story.payment.id), why="declined")
            db.session.commit()
            return
        follow(event_id, gateway)

    monkeypatch.setattr(webhook, "follow", believing)

    assert next(walked(story, bank, again), None) is not None
