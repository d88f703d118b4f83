"""What is written of refills: when and how much, and nothing of goods or health."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.core.money import dollars
from shop.notifications import letters
from shop.notifications.models import Letter
from shop.payments import queries as payments
from shop.payments import settling
from shop.replenishment import following, stopping
from shop.replenishment.models import AutoRefill, RefillReminder
from shop.replenishment.states import CycleStatus
from tests.people import alice
from tests.replenishment.builders import (
    a_blocked_refill,
    a_charging_refill,
    a_noticed_refill,
    a_reminder,
    handed_out,
)

MEDICAL = ("tretinoin", "cream", "product ", "skin", "peel", "prescri", "physician", "treatment")


def letters_about(subject: object) -> list[str]:
    """All that its events lead to, as text; written twice, sent once."""
    for event in events.of(subject.id):  # type: ignore[attr-defined]
        if Kind(event.kind) in reactions.REACTIONS:
            for _ in "ab":
                reactions.react(subject_id=str(event.subject_id), seq=event.seq)
    query = sa.select(Letter).where(Letter.subject_id == subject.id)  # type: ignore[attr-defined]
    found = db.session.scalars(query.order_by(Letter.version)).all()
    bodies = [letters.compose(one, at=now()).get_body(("plain",)) for one in found]
    texts = [" ".join(body.get_content().split()) for body in bodies if body]
    assert not [word for word in MEDICAL for text in texts if word in text.lower()]
    return texts


def test_what_was_agreed_to_announced_and_ended(app: Flask) -> None:
    refill = a_noticed_refill()
    (cycle,) = refill.cycles
    assert cycle.notice is not None
    (told,) = letters_about(cycle)
    day = cycle.notice.charge_on
    price = dollars(cycle.notice.total_cents)
    assert f"{price} in all on {day:%B} {day.day}" in told
    assert "/account/repeats" in told
    stopping.pause(refill, by=refill.client, at=now())
    stopping.cancel(refill, by=refill.client, at=now())
    assert len(letters_about(refill)) == 3


def test_what_is_blocked_or_moved_says_that_there_is_news(app: Flask) -> None:
    refill: AutoRefill = a_blocked_refill()
    (cycle,) = refill.cycles
    events.record(Kind.REFILL_MOVED, cycle)
    db.session.flush()
    texts = letters_about(cycle)
    assert len([text for text in texts if "Nothing was charged" in text]) == 2


def test_a_refused_card_leads_to_the_orders_page(app: Flask) -> None:
    refill = a_charging_refill()
    (cycle,) = refill.cycles
    assert cycle.order is not None
    (payment,) = payments.payments_of(cycle.order.id)
    settling.declined(payment, cycle.order, why="card_declined", at=now())
    db.session.flush()
    told = db.session.scalars(
        sa.select(Event).where(Event.subject_id == payment.id, Event.kind == Kind.PAYMENT_CANCELLED)
    ).one()
    reactions.react(subject_id=str(told.subject_id), seq=told.seq)
    assert following.follow(refill, at=now()) is CycleStatus.FAILED
    assert any(f"/orders/{cycle.order.number}" in text for text in letters_about(cycle))


def test_a_reminder_names_nothing(app: Flask) -> None:
    refill = a_noticed_refill()
    line = handed_out(alice(), refill.variant)
    a_reminder(line)
    a_reminder(line)
    reminder = db.session.query(RefillReminder).filter_by(line_id=line.id).one()
    (told,) = letters_about(reminder)
    assert "runs out soon" in told
    assert "has moved" not in told
