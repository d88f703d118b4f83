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
from shop.orders.queries import order_for
from shop.payments import calls, following, queries, removing, saving, settling
from shop.payments.gateway import GatewayError
from shop.payments.jobs import gateway
from shop.payments.schemas import CardSetupIn
from shop.web.forms import form, or_again, rendered, to

bp = Blueprint("payment_pages", __name__, url_prefix="/orders")
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
