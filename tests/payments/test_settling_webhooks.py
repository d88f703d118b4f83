"""The provider's hints: odd, repeated, early, forged. Every order of them: test_webhook_orders."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.payments import calls, webhook
from shop.payments.gateway import BadSignature, Gateway, ProviderEvent
from shop.payments.models import ProviderCall
from shop.payments.models import ProviderEvent as Remembered
from shop.payments.sandbox.in_process import Visitor
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import OutsideTransactions, an_order, begun, how


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    return OutsideTransactions(gateway)


def an_event(id: str, type: str, object_type: str, object_id: str | None) -> ProviderEvent:
    return ProviderEvent(
        id=id,
        type=type,
        object_type=object_type,
        object_id=object_id,
        created=datetime.now(UTC),
        livemode=False,
    )


def test_a_hint_before_the_answer_was_written_down(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    """The intent is known to nobody yet: the page that leads to it comes with the call."""
    order = an_order()
    payment = begun(order)
    lease = calls._leased(planned(payment.id))
    db.session.commit()
    assert lease is not None
    outcome = calls._asked(lease, gateway)
    page = next(gateway.bank.sessions_since(order.placed_at))
    visitor.pay(page.url or "")
    intent = next(one for one in control.events() if one["type"] == "payment_intent.succeeded")

    webhook.remember(an_event("evt_early", "x", "payment_intent", intent["object_id"]))
    db.session.commit()
    webhook.follow("evt_early", gateway)
    assert how(order) == ("awaiting_payment", ["created"])

    calls._recorded(lease, outcome)
    db.session.commit()
    webhook.remember(an_event("evt_late", "x", "payment_intent", intent["object_id"]))
    db.session.commit()
    webhook.follow("evt_late", gateway)
    assert how(order) == ("paid", ["succeeded"])


def planned(payment_id: uuid.UUID) -> uuid.UUID:
    return db.session.execute(
        sa.select(ProviderCall.id).where(ProviderCall.reference_id == payment_id)
    ).scalar_one()


ODD = {
    "a kind nobody follows": ("customer.created", "customer", "cus_1"),
    "an object without an id": ("balance.available", "balance", None),
    "a page of nobody's": ("checkout.session.completed", "checkout.session", "cs_test_unknown"),
    "an intent of nobody's": ("payment_intent.succeeded", "payment_intent", "pi_unknown"),
    "a refund of nobody's": ("refund.updated", "refund", "re_unknown"),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_not_ours_is_kept_and_changes_nothing(
    case: str, app: Flask, gateway: OutsideTransactions
) -> None:
    kind, object_type, object_id = ODD[case]
    assert webhook.remember(an_event("evt_odd", kind, object_type, object_id))
    db.session.commit()

    webhook.follow("evt_odd", gateway)

    kept = db.session.get_one(Remembered, "evt_odd")
    db.session.refresh(kept)
    assert (kept.type, kept.applied_at is not None) == (kind, True)


def test_the_same_event_ten_times_is_one_job(app: Flask) -> None:
    event = an_event("evt_again", "refund.updated", "refund", "re_1")
    assert [webhook.remember(event) for _ in range(10)] == [True] + [False] * 9
    jobs = db.session.scalar(
        sa.text(
            "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'follow_provider_event'"
            " AND args ->> 'event_id' = 'evt_again'"
        )
    )
    assert jobs == 1


@pytest.mark.parametrize("away", [-301, 301])
def test_a_signature_from_another_time_is_none(
    away: int, app: Flask, gateway: OutsideTransactions
) -> None:
    at, body = now(), json.dumps({"id": "evt_1"})
    header = stripe.WebhookSignature.generate_signature_header(
        body, "whsec_sandbox", int(at.timestamp()) + away
    )
    with pytest.raises(BadSignature):
        gateway.read_event(body.encode(), header, at=at)
