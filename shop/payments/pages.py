"""Paying, as the client sees it: off to the provider's page, and back."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refused
from shop.core.money import cents
from shop.notifications import letters
from shop.orders.models import Order
from shop.orders.queries import order_for
from shop.payments import (
    calls,
    evidencing,
    following,
    limits,
    proposing,
    queries,
    removing,
    saving,
    settling,
    signing,
    splitting,
    warned,
)
from shop.payments.disputing import waits_for_evidence
from shop.payments.errors import RefundRefused
from shop.payments.evidencing import Sent
from shop.payments.gateway import GatewayError
from shop.payments.jobs import gateway
from shop.payments.models import Dispute, FraudWarning, Refund
from shop.payments.schemas import CardSetupIn, FraudReviewIn, RefundIn
from shop.payments.states import PEOPLES_REASONS, RefundStatus
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("payment_pages", __name__, url_prefix="/orders")
money_back = Blueprint("money_back_pages", __name__)
cards = Blueprint("card_pages", __name__, url_prefix="/account/cards")
log = structlog.get_logger()


@bp.post("/<number>/payment")
@allow(Role.CLIENT)
def pay(number: str) -> ResponseReturnValue:
    """Take the client to the provider's page; her card is saved there if she ticked that."""
    order = order_for(actor(), number, lock=True)
    base_url = current_app.config["SHOP"].base_url
    begun = settling.begin(
        order,
        by=actor(),
        at=now(),
        base_url=base_url,
        consent=request.form.get("save_card") or None,
    )
    db.session.commit()
    calls.send_for(order.id, gateway())
    payment = queries.payment_with_page(begun.id)
    db.session.commit()
    assert payment.url is not None
    return redirect(payment.url, 303)


@bp.get("/<number>/paid")
@allow(Role.CLIENT)
def back(number: str) -> ResponseReturnValue:
    """Where the provider sends the client back to. That she came proves nothing: ask the bank."""
    order = order_for(actor(), number)
    under_way = queries.live_payment(order.id)
    if under_way is not None:
        try:
            following.payment(under_way.id, gateway())
        except GatewayError as error:
            log.warning("return_not_read", payment=str(under_way.id), code=error.code)
            db.session.rollback()
        calls.send_for(order.id, gateway())
    order = order_for(actor(), number)
    payment = queries.payment_to_show(order.id)
    return render_template("payments/back.html", order=order, payment=payment)


@cards.get("")
@allow(Role.CLIENT)
def show() -> Response:
    """The cards a client has saved, and the way to save one."""
    return _cards()


@cards.post("")
@allow(Role.CLIENT)
def save() -> Response:
    """Take the client to the provider's page to type a card, once she has agreed."""

    def act() -> Response:
        given = form(CardSetupIn, refused=NotAgreed)
        base_url = current_app.config["SHOP"].base_url
        begun = saving.begin(actor(), consent=given["consent"], at=now(), base_url=base_url)
        db.session.commit()
        calls.send_about(begun.id, gateway())
        url = queries.setup_with_page(begun.id).url
        db.session.commit()
        assert url is not None
        return to(url)

    return or_again(act, _cards)


@cards.get("/saved")
@allow(Role.CLIENT)
def saved() -> Response:
    """Where the provider sends the client back to. That she came proves nothing: it is asked."""
    before = len(queries.cards_of(actor()))
    for session_id in queries.open_setup_pages(actor()):
        try:
            following.session(session_id, gateway())
        except GatewayError as error:
            log.warning("setup_not_read", session=session_id, code=error.code)
            db.session.rollback()
    if len(queries.cards_of(actor())) > before:
        flash("Your card is saved.")
    else:
        flash("No new card has arrived yet. If you have just typed one, look again in a minute.")
    return to("/account/cards")


@cards.post("/<uuid:card_id>/removal")
@allow(Role.CLIENT)
def remove(card_id: uuid.UUID) -> Response:
    """A card is not charged any more, from now on; the provider is told to forget it."""
    card = queries.card_for(actor(), card_id, lock=True)
    removing.remove(card, by=actor(), at=now())
    db.session.commit()
    calls.send_about(card.id, gateway())
    flash(f"The card ending in {card.last4} is removed.")
    return to("/account/cards")


STAFF = (Role.STAFF, Role.MANAGER)
SHOWN = 50


@money_back.get("/orders/<number>/refunds")
@allow(*STAFF)
def refund_form(number: str) -> Response:
    """What went back of an order, and the form to send more."""
    return _refunds_of(number)


@money_back.post("/orders/<number>/refunds")
@allow(*STAFF)
def propose_refund(number: str) -> Response:
    """Send money back; what is large waits for somebody else."""

    def act() -> Response:
        given = form(RefundIn, refused=RefundRefused, sent=_plain(), **_parts())
        order = order_for(actor(), number, lock=True)
        refund = proposing.propose(
            order,
            proposing.wanted(order, **{name: given[name] for name in proposing.PARTS}),
            reason=given["reason"],
            request_key=f"page:{actor().id}:{request.form.get('page', '')[:64]}",
            expect_refunded_cents=given["expect_refunded_cents"],
            by=actor(),
            at=now(),
        )
        waits = refund.status is RefundStatus.PROPOSED
        db.session.commit()
        calls.send_for(order.id, gateway())
        flash("It waits for somebody else to sign." if waits else "It is on its way.")
        return to(f"/orders/{number}/refunds")

    return or_again(act, lambda **why: _refunds_of(number, typed=request.form, **why))


@money_back.get("/refunds")
@allow(*STAFF)
def refunds() -> Response:
    """What waits for a second person, what failed, and the rest."""
    return _refund_board()


@money_back.post("/refunds/<uuid:refund_id>/signature")
@allow(*STAFF)
def sign_refund(refund_id: uuid.UUID) -> Response:
    """Let a refund go that somebody else proposed."""

    def act() -> Response:
        refund = queries.refund_to_see_to(refund_id, lock=True)
        signing.sign(refund, by=actor(), at=now())
        order_id = refund.payment.order_id
        db.session.commit()
        calls.send_for(order_id, gateway())
        flash("It is signed, and on its way.")
        return to("/refunds")

    return or_again(act, _refund_board)


@money_back.post("/refunds/<uuid:refund_id>/refusal")
@allow(*STAFF)
def decline_refund(refund_id: uuid.UUID) -> Response:
    """Do not let it go."""

    def act() -> Response:
        signing.decline(queries.refund_to_see_to(refund_id, lock=True), by=actor(), at=now())
        db.session.commit()
        flash("It does not go back.")
        return to("/refunds")

    return or_again(act, _refund_board)


@money_back.get("/disputes")
@allow(*STAFF)
def disputes() -> Response:
    """Disputes, the newest first, and for managers the warnings nobody looked at."""
    return _dispute_board()


@money_back.get("/disputes/<uuid:dispute_id>")
@allow(*STAFF)
def show_dispute(dispute_id: uuid.UUID) -> Response:
    return _dispute(dispute_id)


@money_back.post("/disputes/<uuid:dispute_id>/evidence")
@allow(*STAFF)
def submit_evidence(dispute_id: uuid.UUID) -> Response:
    """Send what speaks for the shop to the bank, once and for good."""

    def act() -> Response:
        found = queries.dispute_with(dispute_id, lock=True)
        order = order_for(actor(), found.payment.order.number)
        zone = current_app.config["SHOP"].clinic_time_zone
        evidencing.submit(found, _pack(order), zone=zone, by=actor(), at=now())
        db.session.commit()
        calls.send_for(order.id, gateway())
        flash("The evidence is on its way to the bank.")
        return to(f"/disputes/{dispute_id}")

    return or_again(act, lambda **why: _dispute(dispute_id, **why))


@money_back.post("/disputes/warnings/<uuid:warning_id>/review")
@allow(Role.MANAGER)
def review_warning(warning_id: uuid.UUID) -> Response:
    """Say what was found of an early fraud warning."""

    def act() -> Response:
        given = form(FraudReviewIn, refused=RefundRefused)
        warned.review(queries.warning_with(warning_id, lock=True), given["outcome"], by=actor())
        db.session.commit()
        flash("It is written down.")
        return to("/disputes")

    return or_again(act, _dispute_board)


def _plain() -> dict[str, str]:
    """The fields of the form that are words."""
    return {name: request.form.get(name, "") for name in ("reason",)}


def _parts() -> dict[str, Any]:
    """Units by line and amounts, as the API takes them. Raises RefundRefused."""
    typed = request.form
    lines = []
    for name, text in typed.items():
        if name.startswith("units.") and text.strip() not in {"", "0"}:
            units: object = int(text) if text.isdecimal() and len(text) < 4 else text
            lines.append({"sku": name.removeprefix("units."), "units": units})
    expected = typed.get("expect_refunded_cents", "")
    return {
        "lines": lines,
        "shipping_cents": _amount("shipping"),
        "other_cents": _amount("amount"),
        "everything": "everything" in typed,
        "expect_refunded_cents": int(expected) if expected.isdecimal() else 0,
    }


def _amount(name: str) -> int:
    text = request.form.get(name, "").strip()
    found = cents(text) if text else 0
    if found is None:
        raise RefundRefused(
            "Some of what you typed cannot be used.",
            fields={name: ["Type an amount, such as 12.50."]},
        )
    return found


def _refunds_of(number: str, **context: Any) -> Response:
    order = order_for(actor(), number)
    payment = queries.payment_to_refund(order)
    taken = queries.units_refunded(line.id for line in order.lines)
    return rendered(
        "payments/refunds_of.html",
        order=order,
        payment=payment,
        found=queries.refunds_of(order),
        left_cents=splitting.left_of(payment) if payment else 0,
        contested=queries.contested(order.id),
        units_left={line.id: line.quantity - len(taken[line.id]) for line in order.lines},
        refundable=proposing.refundable,
        reasons=REASONS,
        page_key=uuid.uuid4().hex,
        limits=limits,
        **context,
    )


def _refund_board(**context: Any) -> Response:
    def some(status: RefundStatus) -> list[Refund]:
        query = queries.refunds(status=status).order_by(Refund.planned_at, Refund.id)
        return list(db.session.scalars(query.limit(SHOWN)))

    return rendered(
        "payments/refunds.html",
        waiting=some(RefundStatus.PROPOSED),
        failed=some(RefundStatus.FAILED),
        latest=page(
            queries.refunds(),
            (Refund.planned_at, Refund.id),
            limit=SHOWN,
            after=request.args.get("after"),
            descending=True,
        ),
        me=actor().id,
        **context,
    )


def _dispute_board(**context: Any) -> Response:
    seen = queries.warnings_to_see(seen=False).order_by(FraudWarning.told_at).limit(SHOWN)
    return rendered(
        "payments/disputes.html",
        shown=page(
            queries.disputes(),
            (Dispute.opened_at, Dispute.id),
            limit=SHOWN,
            after=request.args.get("after"),
            descending=True,
        ),
        warnings=list(db.session.scalars(seen)) if actor().role is Role.MANAGER else [],
        **context,
    )


def _dispute(dispute_id: uuid.UUID, **context: Any) -> Response:
    found = queries.dispute_with(dispute_id)
    zone = current_app.config["SHOP"].clinic_time_zone
    order = order_for(actor(), found.payment.order.number)
    return rendered(
        "payments/dispute.html",
        one=found,
        order=order,
        told=evidencing.text_of(_pack(order), zone=zone).splitlines(),
        wanted=waits_for_evidence(found),
        **context,
    )


def _pack(order: Order) -> evidencing.Pack:
    return evidencing.pack_of(order, [Sent(what, at) for what, at in letters.sent_about(order)])


REASONS = [(one.value, one.value.replace("_", " ").capitalize()) for one in PEOPLES_REASONS]


class NotAgreed(Refused):
    """A card is saved by her who says so, and not by a form that was merely sent."""

    code = "card_needs_consent"


def _cards(**context: Any) -> Response:
    return rendered(
        "payments/cards.html",
        cards=queries.cards_of(actor()),
        statement=saving.STATEMENT,
        version=saving.STATEMENT_VERSION,
        this_month=(now().year, now().month),
        **context,
    )
