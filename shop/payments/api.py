"""Payments over HTTP, for programs, and the door the provider knocks on."""

from __future__ import annotations

import uuid
from typing import Any

import flask
from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.notifications import letters
from shop.orders.models import Order
from shop.orders.queries import order_for
from shop.payments import (
    calls,
    evidence_sheet,
    evidencing,
    proposing,
    queries,
    removing,
    saving,
    settling,
    signing,
    splitting,
    warned,
    webhook,
)
from shop.payments.errors import ProviderAway
from shop.payments.evidencing import Sent
from shop.payments.gateway import BadEvent, BadSignature, Misconfigured
from shop.payments.jobs import gateway
from shop.payments.models import Dispute, FraudWarning, Refund
from shop.payments.schemas import (
    CardSetupIn,
    CardSetupOut,
    CardsOut,
    DisputeOut,
    DisputesOut,
    DisputesQuery,
    FraudReviewIn,
    FraudWarningOut,
    FraudWarningsOut,
    OrderRefundsOut,
    PaymentIn,
    PaymentOut,
    RefundIn,
    RefundsOut,
    RefundsQuery,
    StaffRefundOut,
)
from shop.prescriptions.paper.clinic import Clinic
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("payments", __name__, url_prefix="/api/v1/orders", description="Paying for orders")
money_back = Blueprint(
    "money_back", __name__, url_prefix="/api/v1", description="Refunds, disputes, fraud warnings"
)
cards = Blueprint("cards", __name__, url_prefix="/api/v1/me/cards", description="Saved cards")
webhooks = flask.Blueprint("webhooks", __name__, url_prefix="/webhooks")


@bp.post("/<number>/payment")
@allow(Role.CLIENT)
@idempotency.required
@bp.arguments(PaymentIn, required=False)
@bp.response(200, PaymentOut)
def pay(given: dict[str, Any], number: str) -> Response:
    """Begin to pay an order, or go on: `url` is the page to pay on.

    `save_card` is the version of the statement (GET /me/cards) that the client agreed to, if she
    has her card saved.
    """
    order = order_for(actor(), number, lock=True)
    base_url = current_app.config["SHOP"].base_url
    begun = settling.begin(
        order, by=actor(), at=now(), base_url=base_url, consent=given.get("save_card")
    )
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(PaymentOut, queries.payment_with_page(begun.id))


@cards.get("")
@allow(Role.CLIENT)
@cards.response(200, CardsOut)
def list_cards() -> dict[str, Any]:
    """My saved cards, and what I agree to when I save one."""
    statement = {"version": saving.STATEMENT_VERSION, "text": saving.STATEMENT}
    return {"items": queries.cards_of(actor()), "statement": statement}


@cards.post("")
@allow(Role.CLIENT)
@idempotency.required
@cards.arguments(CardSetupIn)
@cards.response(201, CardSetupOut)
def save_card(given: dict[str, Any]) -> Response:
    """Agree to have a card saved: `url` is the provider's page to type it on."""
    base_url = current_app.config["SHOP"].base_url
    begun = saving.begin(actor(), consent=given["consent"], at=now(), base_url=base_url)
    db.session.commit()
    calls.send_about(begun.id, gateway())
    return committed(CardSetupOut, queries.setup_with_page(begun.id), 201)


@cards.delete("/<uuid:card_id>")
@allow(Role.CLIENT)
@cards.response(204)
def remove_card(card_id: uuid.UUID) -> Response:
    """A card is not charged any more, from now on. Safe to repeat."""
    card = queries.card_for(actor(), card_id, lock=True)
    removing.remove(card, by=actor(), at=now())
    db.session.commit()
    calls.send_about(card.id, gateway())
    return committed(None, None, 204)


STAFF = (Role.STAFF, Role.MANAGER)


@money_back.get("/orders/<number>/refunds")
@allow(Role.CLIENT, *STAFF)
@money_back.response(200, OrderRefundsOut)
def refunds_of_an_order(number: str) -> dict[str, Any]:
    """What went back of an order, or is about to, and what still can."""
    order = order_for(actor(), number)
    payment = queries.payment_to_refund(order)
    return {
        "items": queries.refunds_of(order),
        "captured_cents": payment.captured_cents if payment else 0,
        "refunded_cents": payment.refunded_cents if payment else 0,
        "left_cents": splitting.left_of(payment) if payment else 0,
    }


@money_back.post("/orders/<number>/refunds")
@allow(*STAFF)
@idempotency.required
@money_back.arguments(RefundIn)
@money_back.response(201, StaffRefundOut)
def propose_refund(given: dict[str, Any], number: str) -> Response:
    """Send money back; what is large waits for somebody else's signature."""
    order = order_for(actor(), number, lock=True)
    refund = proposing.propose(
        order,
        proposing.wanted(order, **{name: given[name] for name in proposing.PARTS}),
        reason=given["reason"],
        request_key=f"asked:{actor().id}:{flask.g.idempotency_key}",
        expect_refunded_cents=given["expect_refunded_cents"],
        by=actor(),
        at=now(),
    )
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(StaffRefundOut, queries.refund_to_see_to(refund.id), 201)


@money_back.get("/refunds")
@allow(*STAFF)
@money_back.arguments(RefundsQuery, location="query")
@money_back.response(200, RefundsOut)
def list_refunds(asked: dict[str, Any]) -> dict[str, Any]:
    """List refunds, the newest first."""
    query = queries.refunds(status=asked.pop("status"))
    return page(query, (Refund.planned_at, Refund.id), descending=True, **asked)


@money_back.post("/refunds/<uuid:refund_id>/signature")
@allow(*STAFF)
@money_back.response(200, StaffRefundOut)
def sign_refund(refund_id: uuid.UUID) -> Response:
    """Let a refund go that somebody else proposed."""
    refund = queries.refund_to_see_to(refund_id, lock=True)
    signing.sign(refund, by=actor(), at=now())
    db.session.commit()
    calls.send_for(refund.payment.order_id, gateway())
    return committed(StaffRefundOut, queries.refund_to_see_to(refund_id))


@money_back.post("/refunds/<uuid:refund_id>/refusal")
@allow(*STAFF)
@money_back.response(200, StaffRefundOut)
def decline_refund(refund_id: uuid.UUID) -> Response:
    """Do not let a refund go that somebody else proposed."""
    refund = queries.refund_to_see_to(refund_id, lock=True)
    signing.decline(refund, by=actor(), at=now())
    return committed(StaffRefundOut, refund)


@money_back.get("/disputes")
@allow(*STAFF)
@money_back.arguments(DisputesQuery, location="query")
@money_back.response(200, DisputesOut)
def list_disputes(asked: dict[str, Any]) -> dict[str, Any]:
    """List disputes, the newest first."""
    query = queries.disputes(status=asked.pop("status"))
    return page(query, (Dispute.opened_at, Dispute.id), descending=True, **asked)


@money_back.get("/disputes/<uuid:dispute_id>")
@allow(*STAFF)
@money_back.response(200, DisputeOut)
def show_dispute(dispute_id: uuid.UUID) -> Dispute:
    """Show one."""
    return queries.dispute_with(dispute_id)


@money_back.get("/disputes/<uuid:dispute_id>/evidence")
@allow(*STAFF)
def show_evidence(dispute_id: uuid.UUID) -> Response:
    """What speaks for the shop, as a PDF: no product and nothing of the client's health."""
    found = queries.dispute_with(dispute_id)
    config = current_app.config["SHOP"]
    order = order_for(actor(), found.payment.order.number)
    pack = evidencing.pack_of(order, _letters(order))
    text = evidencing.text_of(pack, zone=config.clinic_time_zone)
    name = found.provider_dispute_id
    clinic = Clinic.of(config)
    db.session.commit()  # no transaction waits for the paper
    response = Response(
        evidence_sheet.pdf(text, order=pack.order, dispute=name, clinic=clinic),
        mimetype="application/pdf",
    )
    response.headers["Content-Disposition"] = f'inline; filename="evidence-{pack.order}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response


@money_back.post("/disputes/<uuid:dispute_id>/evidence")
@allow(*STAFF)
@money_back.response(200, DisputeOut)
def submit_evidence(dispute_id: uuid.UUID) -> Response:
    """Send it to the bank, once and for good."""
    found = queries.dispute_with(dispute_id, lock=True)
    order = order_for(actor(), found.payment.order.number)
    pack = evidencing.pack_of(order, _letters(order))
    zone = current_app.config["SHOP"].clinic_time_zone
    evidencing.submit(found, pack, zone=zone, by=actor(), at=now())
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(DisputeOut, queries.dispute_with(dispute_id))


def _letters(order: Order) -> list[Sent]:
    return [Sent(what, at) for what, at in letters.sent_about(order)]


@money_back.get("/fraud-warnings")
@allow(Role.MANAGER)
@money_back.response(200, FraudWarningsOut)
def list_warnings() -> dict[str, Any]:
    """Early fraud warnings that nobody has looked at, the oldest first."""
    query = queries.warnings_to_see(seen=False).order_by(FraudWarning.told_at).limit(100)
    return {"items": list(db.session.scalars(query))}


@money_back.post("/fraud-warnings/<uuid:warning_id>/review")
@allow(Role.MANAGER)
@money_back.arguments(FraudReviewIn)
@money_back.response(200, FraudWarningOut)
def review_warning(given: dict[str, Any], warning_id: uuid.UUID) -> Response:
    """Say what was found of one."""
    found = queries.warning_with(warning_id, lock=True)
    warned.review(found, given["outcome"], by=actor())
    return committed(FraudWarningOut, found)


@webhooks.post("/stripe")
@allow()
def hear() -> Response:
    """Take a signed event from the provider; what it is about is read again by a job."""
    if (request.content_length or 0) > webhook.LONGEST:
        raise RequestEntityTooLarge
    request.max_content_length = webhook.LONGEST
    body = request.get_data(cache=False)
    try:
        event = gateway().read_event(body, request.headers.get("Stripe-Signature", ""), at=now())
    except (BadSignature, BadEvent) as error:
        raise BadRequest(str(error)) from error
    except Misconfigured as error:
        raise ProviderAway("No secret to check the provider's word with is set.") from error
    act_as("system:webhook")
    webhook.remember(event)
    db.session.commit()
    return Response(status=200)
