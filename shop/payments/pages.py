"""Paying, as the client sees it: off to the provider's page, and back."""

from __future__ import annotations

import structlog
from flask import Blueprint, current_app, redirect, render_template
from flask.typing import ResponseReturnValue

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.orders.queries import order_for
from shop.payments import calls, following, queries, settling
from shop.payments.gateway import GatewayError
from shop.payments.jobs import gateway

bp = Blueprint("payment_pages", __name__, url_prefix="/orders")
log = structlog.get_logger()


@bp.post("/<number>/payment")
@allow(Role.CLIENT)
def pay(number: str) -> ResponseReturnValue:
    """Take the client to the provider's page."""
    order = order_for(actor(), number, lock=True)
    base_url = current_app.config["SHOP"].base_url
    begun = settling.begin(order, by=actor(), at=now(), base_url=base_url)
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
