"""Disputes: booked apart, forward only, and nothing leaves or goes back while a bank decides."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.orders.states import LineStatus
from shop.payments import (
    calls,
    chasing,
    disputing,
    evidence_sheet,
    evidencing,
    following,
    queries,
    reconciling,
    warned,
)
from shop.payments import (
    gateway as words,
)
from shop.payments.errors import AlreadyReviewed, EvidenceRefused, PaymentDisputed, RefundTooLarge
from shop.payments.evidencing import Sent
from shop.payments.gateway import DisputeMoney, DisputeState, Gateway, NotThere
from shop.payments.models import Dispute, DisputeMovement, FraudWarning, Payment, ProviderCall
from shop.payments.proposing import Wanted
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.states import DisputeStatus, WarningOutcome
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import CLINIC
from tests.payments.conftest import Control, Inbox
from tests.payments.money_back import bought, on_the_shelf, payment_of, propose, sent, units, went
from tests.payments.orders_to_pay import OutsideTransactions
from tests.people import mona, sam
from tests.regime import SOAK, counted


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    return OutsideTransactions(gateway)


def intent_of(order: Order) -> str:
    name = payment_of(order).provider_intent_id
    assert name is not None
    return name


def disputed(order: Order, control: Control, gateway: Any, **given: Any) -> Dispute:
    """The client's bank takes the payment back, and the shop reads it."""
    told = control.post("disputes", payment_intent=intent_of(order), **given)
    following.dispute(told["id"], gateway)
    found = queries.dispute_named(told["id"])
    assert found is not None
    return found


def moved(dispute: Dispute, status: str, control: Control, gateway: Any) -> Dispute:
    control.post(f"disputes/{dispute.provider_dispute_id}", status=status)
    following.dispute(dispute.provider_dispute_id, gateway)
    return queries.dispute_with(dispute.id)


def test_a_card_that_disputes_is_booked_apart_from_refunds(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = bought(gateway, visitor, number=cards.DISPUTED)
    (told,) = gateway.bank.disputes_since(order.placed_at)
    following.dispute(told.id, gateway)

    (dispute,) = db.session.scalars(queries.disputes())
    payment = payment_of(order)
    assert (dispute.status, dispute.reason) == (DisputeStatus.OPEN, "fraudulent")
    assert dispute.amount_cents == payment.captured_cents == order.total_cents
    assert [(one.cents, one.fee_cents) for one in dispute.movements] == [(-order.total_cents, 1500)]
    assert (payment.disputed_cents, payment.refunded_cents) == (order.total_cents, 0)
    assert dispute.evidence_due_at is not None


def test_what_has_not_left_waits_and_goes_on_when_won(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, ships=False)
    dispute = disputed(order, control, gateway)
    assert [line.status for line in locked_order(order.id).lines] == [LineStatus.ON_HOLD]
    assert locked_order(order.id).disputed

    assert moved(dispute, "under_review", control, gateway).status == "under_review"
    assert moved(dispute, "won", control, gateway).status == "won"

    order = locked_order(order.id)
    assert [line.status for line in order.lines] == [LineStatus.READY]
    assert (order.disputed, payment_of(order).disputed_cents) == (False, 0)


def test_what_was_lost_stays_here_and_is_not_refunded(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, ships=False)
    lost = moved(disputed(order, control, gateway), "lost", control, gateway)
    assert [line.status for line in locked_order(order.id).lines] == [LineStatus.ON_HOLD]
    assert lost.status == "lost"
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    db.session.commit()
    chasing.order_ended(order.id, gateway)
    with pytest.raises(RefundTooLarge):
        propose(order, Wanted(other_cents=1))
    db.session.rollback()
    assert queries.refunds_of(order) == []
    assert [one.kind for one in reconciling.differences(gateway)] == []


def test_only_a_part_is_lost_and_the_rest_can_go_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor)
    moved(disputed(order, control, gateway, amount=500), "lost", control, gateway)
    with pytest.raises(RefundTooLarge):
        propose(order, Wanted(other_cents=order.total_cents - 499))
    db.session.rollback()
    payment = payment_of(order)
    assert payment.captured_cents - payment.refunded_cents - payment.disputed_cents > 0


def test_an_inquiry_takes_no_money_and_holds_nothing(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, ships=False)
    dispute = disputed(order, control, gateway, inquiry=True)
    assert (dispute.status, dispute.movements) == (DisputeStatus.INQUIRY, [])
    assert [line.status for line in locked_order(order.id).lines] == [LineStatus.READY]
    assert moved(dispute, "needs_response", control, gateway).status == "open"
    assert [line.status for line in locked_order(order.id).lines] == [LineStatus.ON_HOLD]


# Refund against dispute.


def test_no_refund_is_proposed_while_a_bank_decides(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor)
    disputed(order, control, gateway)
    with pytest.raises(PaymentDisputed):
        propose(order, Wanted(other_cents=1))


@pytest.mark.parametrize(("word", "end"), [("won", "done"), ("lost", "failed")])
def test_a_refund_that_was_not_sent_waits_for_the_bank(
    app: Flask,
    gateway: OutsideTransactions,
    visitor: Visitor,
    control: Control,
    word: str,
    end: str,
) -> None:
    order = bought(gateway, visitor)
    propose(order, units(order, 1))
    dispute = disputed(order, control, gateway)
    assert went(order, gateway) == ["planned"]
    assert gateway.bank.refunds_of(intent_of(order)) == []

    moved(dispute, word, control, gateway)
    db.session.execute(sa.update(ProviderCall).values(lease_until=None))
    db.session.commit()

    assert went(order, gateway) == [end]
    assert len(gateway.bank.refunds_of(intent_of(order))) == (word == "won")


def test_a_refund_the_provider_refuses_for_a_dispute_is_for_a_person(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    """The dispute came first there, and nobody has told us yet."""
    order = bought(gateway, visitor)
    propose(order, units(order, 1))
    control.post("disputes", payment_intent=intent_of(order))
    assert went(order, gateway) == ["failed"]
    assert payment_of(order).refunded_cents == 0


def test_money_of_an_ended_order_waits_for_the_bank_and_then_goes_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, ships=False)
    dispute = disputed(order, control, gateway)
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    db.session.commit()
    chasing.order_ended(order.id, gateway)
    assert queries.refunds_of(order) == []
    moved(dispute, "won", control, gateway)
    chasing.order_ended(order.id, gateway)  # what follows dispute_won
    assert [str(one.status) for one in queries.refunds_of(order)] == ["done"]


def test_more_than_came_goes_back_only_by_a_dispute_and_is_told(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor)
    propose(order, Wanted(other_cents=1_000))
    assert went(order, gateway) == ["done"]
    disputed(order, control, gateway)
    payment = payment_of(order)
    assert payment.refunded_cents + payment.disputed_cents == payment.captured_cents + 1_000
    kinds = {one.kind for one in reconciling.differences(gateway)}
    assert kinds == {"more_went_back_than_came"}


# The same state, in whatever order it is told.


def _snapshots(end: str) -> list[words.Dispute]:
    """A dispute as it is read at each of its stages."""
    taken, back = DisputeMoney(id="txn_1", cents=-900, fee_cents=1500), None
    opened = words.Dispute(
        id="du_1",
        intent_id="",
        state=DisputeState.WARNING_NEEDS_RESPONSE,
        reason="fraudulent",
        amount_cents=900,
        evidence_due_at=datetime(2026, 12, 9, tzinfo=UTC),
        opened_at=datetime(2026, 12, 1, tzinfo=UTC),
        evidence_sent=False,
    )
    withdrawn = replace(opened, state=DisputeState.NEEDS_RESPONSE, moved=(taken,))
    review = replace(withdrawn, state=DisputeState.UNDER_REVIEW, evidence_sent=True)
    back = (DisputeMoney(id="txn_2", cents=900, fee_cents=0),) if end == "won" else ()
    closed = replace(review, state=DisputeState(end), moved=(taken, *back))
    return [opened, withdrawn, review, closed]


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """Every order of so many readings, also repeated and omitted, the last stage among them."""
    for length in range(1, count + 1 + SOAK):
        for drawn in itertools.product(range(count), repeat=length):
            if count - 1 in drawn:
                yield drawn


@pytest.mark.parametrize("end", ["won", "lost"])
def test_every_order_of_readings_ends_in_the_same_state(app: Flask, end: str) -> None:
    """Omitted, repeated, late: with the last stage read once, all is as it must be."""
    order = sent()
    told = [replace(one, intent_id=intent_of(order)) for one in _snapshots(end)]
    tried, ends = 0, set()
    for drawn in sorted(set(_orders(len(told)))):
        ends.add(_state_after(order, [told[place] for place in drawn]))
        tried += 1
    assert ends == {(end, 0 if end == "won" else 900, end == "lost", 2 if end == "won" else 1)}
    assert tried >= 220
    counted(f"dispute readings, {end}", orders=tried, states=len(ends))


def _state_after(order: Order, told: list[words.Dispute]) -> tuple[str, int, bool, int]:
    nested = db.session.begin_nested()
    for one in told:
        disputing.apply(one, at=now())
    (dispute,) = db.session.scalars(sa.select(Dispute).execution_options(populate_existing=True))
    booked = db.session.scalar(sa.select(sa.func.count()).select_from(DisputeMovement))
    state = (
        str(dispute.status),
        payment_of(order).disputed_cents,
        locked_order(order.id).disputed,
        booked or 0,
    )
    nested.rollback()
    db.session.expire_all()
    return state


def test_a_reading_that_goes_back_is_seen_by_the_same_harness(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: the last that was read is believed."""
    order = sent()
    told = [replace(one, intent_id=intent_of(order)) for one in _snapshots("won")]
    everything: dict[Any, set[Any]] = {
        state: set(DisputeStatus) for state in (None, *DisputeStatus)
    }
    monkeypatch.setattr(disputing, "DISPUTE_ARROWS", everything)
    monkeypatch.setattr("shop.payments.models.DISPUTE_ARROWS", everything)
    _state_after(order, told)
    with pytest.raises(sa.exc.IntegrityError, match="dispute"):
        _state_after(order, told[::-1])


def test_events_in_all_orders_and_none_at_all_end_the_same(
    app: Flask,
    gateway: OutsideTransactions,
    visitor: Visitor,
    control: Control,
    inbox: Inbox,
) -> None:
    """The five events of a dispute that is won, through the door behind the webhook."""
    order = bought(gateway, visitor)
    name = control.post("disputes", payment_intent=intent_of(order))["id"]
    control.post(f"disputes/{name}", status="under_review")
    control.post(f"disputes/{name}", status="won")
    about = [one for one in control.events() if one["object_id"] == name]
    assert sorted(one["type"] for one in about) == [
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
    ]
    kinds = {one.kind for one in reconciling.differences(gateway)}
    assert kinds == {"dispute_not_written_down"}
    for event in (*about, *reversed(about)):
        following.event(event["object"], event["object_id"], gateway)
    db.session.commit()
    assert reconciling.differences(gateway) == []
    assert payment_of(order).disputed_cents == 0


def test_with_no_webhook_at_all_the_reconciler_gets_there(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, number=cards.DISPUTED)
    warned_of = bought(gateway, visitor, number=cards.WARNED)
    kinds = {one.kind for one in reconciling.differences(gateway)}
    assert kinds == {"dispute_not_written_down", "fraud_warning_not_written_down"}
    reconciling.repair(gateway)
    assert reconciling.differences(gateway) == []
    (dispute,) = db.session.scalars(queries.disputes())
    control.post(f"disputes/{dispute.provider_dispute_id}", status="lost")
    assert {one.kind for one in reconciling.differences(gateway)} == {"dispute_states_differ"}
    reconciling.repair(gateway)
    assert queries.dispute_with(dispute.id).status == "lost"
    assert reconciling.differences(gateway) == []
    assert {order.id, warned_of.id} == set(
        db.session.scalars(
            sa.select(Payment.order_id).where(
                Payment.id.in_(
                    [
                        dispute.payment_id,
                        db.session.scalars(sa.select(FraudWarning)).one().payment_id,
                    ]
                )
            )
        )
    )


def test_a_dispute_told_before_its_money_brings_the_money(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    from tests.orders.things import placed
    from tests.payments.orders_to_pay import opened
    from tests.people import alice

    order = placed(alice(), {on_the_shelf(): 1})
    payment = opened(order, gateway)
    assert payment.url is not None
    visitor.pay(payment.url, number=cards.DISPUTED)
    (told,) = gateway.bank.disputes_since(order.placed_at)
    following.dispute(told.id, gateway)
    order = locked_order(order.id)
    assert (str(order.status), order.disputed) == ("paid", True)
    assert [line.status for line in order.lines] == [LineStatus.ON_HOLD]


def test_a_dispute_of_nothing_of_ours_is_only_logged(
    app: Flask, gateway: OutsideTransactions
) -> None:
    foreign = replace(_snapshots("won")[0], intent_id="pi_foreign")
    assert disputing.apply(foreign, at=now()) is None
    with pytest.raises(NotThere):
        following.dispute("du_nobody", gateway)


# Fraud warnings.


def test_a_warning_waits_for_a_manager(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = bought(gateway, visitor, number=cards.WARNED)
    (told,) = gateway.bank.fraud_warnings_since(order.placed_at)
    for _ in range(2):
        following.warning(told.id, gateway)
    (one,) = db.session.scalars(queries.warnings_to_see(seen=False))
    assert (one.fraud_type, one.payment_id) == ("made_with_stolen_card", payment_of(order).id)
    with pytest.raises(NotAllowed):
        warned.review(one, WarningOutcome.KEPT, by=sam())
    warned.review(one, WarningOutcome.KEPT, by=mona())
    with pytest.raises(AlreadyReviewed):
        warned.review(one, WarningOutcome.REFUNDED, by=mona())
    db.session.commit()
    assert db.session.scalars(queries.warnings_to_see(seen=False)).all() == []


# Evidence.

CANARY = "Tretinoin canary 0.05%"


def test_the_bank_learns_numbers_and_times_and_no_product(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    product = a_variant(name=CANARY)
    a_lot(product, 20)
    order = bought(gateway, visitor, {product: 2})
    assert CANARY in order.lines[0].name
    dispute = disputed(order, control, gateway, reason="product_not_received")
    pack = evidencing.pack_of(order, [Sent("order shipped", now())])
    text = evidencing.text_of(pack, zone="UTC")
    paper = evidence_sheet.pdf(
        text, order=order.number, dispute=dispute.provider_dispute_id, clinic=CLINIC
    )
    evidencing.submit(
        queries.dispute_with(dispute.id, lock=True), pack, zone="UTC", by=sam(), at=now()
    )
    db.session.commit()
    calls.send_for(order.id, gateway)

    there = control.client.get(
        f"/v1/disputes/{dispute.provider_dispute_id}",
        headers={"Authorization": "Bearer sk_test_sand-box"},
    ).get_json()
    read = "".join(page.extract_text() for page in PdfReader(BytesIO(paper)).pages)
    calls_ = db.session.scalars(sa.select(ProviderCall).where(ProviderCall.order_id == order.id))
    for told in (text, read, json.dumps(there), json.dumps([one.parameters for one in calls_])):
        assert not {word for word in (CANARY, "Tretinoin", order.lines[0].sku) if word in told}
        assert order.client.name not in told
    assert there["evidence"]["shipping_tracking_number"] == order.shipments[0].tracking
    assert there["evidence"]["shipping_carrier"] == order.shipments[0].carrier
    assert there["evidence"]["uncategorized_text"] == text
    assert there["evidence"]["product_description"] is None
    assert f"Order {order.number}: 1 lines, 2 packs." in text
    assert "order shipped" in text
    assert queries.dispute_with(dispute.id).status == "under_review"


def test_evidence_is_sent_once(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor)
    dispute = disputed(order, control, gateway)
    pack = evidencing.pack_of(order, [])
    held = queries.dispute_with(dispute.id, lock=True)
    evidencing.submit(held, pack, zone="UTC", by=sam(), at=now())
    with pytest.raises(EvidenceRefused):
        evidencing.submit(held, pack, zone="UTC", by=sam(), at=now())
    db.session.commit()
    control.post("faults", mode="dropped_after", method="POST", path="/v1/disputes")
    calls.send_for(order.id, gateway)
    (call,) = db.session.scalars(
        sa.select(ProviderCall).where(ProviderCall.operation == "submit_evidence")
    )
    assert call.status == "in_flight"
    call.lease_until = None
    db.session.commit()
    calls.send_for(order.id, gateway)
    told = gateway.bank.dispute(dispute.provider_dispute_id)
    assert (told.evidence_sent, told.state) == (True, DisputeState.UNDER_REVIEW)
    assert queries.dispute_with(dispute.id).status == "under_review"
