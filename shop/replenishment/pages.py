"""Pages: what runs out, what is sent again by itself, on which terms; for staff, what is stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.usps import STATES
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.orders.pricing import SHIPPING_METHODS
from shop.payments import queries as payments
from shop.replenishment import (
    agreeing,
    choosing,
    offering,
    queries,
    schemas,
    stopping,
    supplying,
)
from shop.replenishment.agreeing import Yes
from shop.replenishment.errors import RefillRefused
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.statements import VERSION
from shop.replenishment.states import RefillStatus
from shop.replenishment.timing import due_on
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("refill_pages", __name__)

WORKERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)
HERE = "/account/repeats"
NESTED = "shipping_address."  # as the API names the fields of an address
SHOWN = 50  # rows of a list on one page
NOTHING_NOW = "Nothing is charged until you go on."
NOTHING_MORE = "Nothing more is charged for it."
ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "phone")


@bp.get("/account/repeats")
@allow(Role.CLIENT)
def mine() -> Response:
    return _mine()


@bp.get("/account/repeats/terms")
@allow(Role.CLIENT)
def ask() -> Response:
    """Where to, how and by which card: what a pack would cost to be sent again."""
    return _asking(request.args.get("sku", ""))


@bp.post("/account/repeats/terms")
@allow(Role.CLIENT)
def terms() -> Response:
    """The terms, to be read and said yes to."""

    def act() -> Response:
        given = _wanted(schemas.TermsIn)
        at = now()
        variant, offered = offering.offer(actor(), given.pop("sku"), **given, zone=_zone(), at=at)
        return _rendered("terms.html", offered=offered, variant=variant, typed=request.form)

    return or_again(act, lambda **why: _asking(request.form.get("sku", ""), **why))


@bp.post("/account/repeats")
@allow(Role.CLIENT)
def agree() -> Response:
    """She said yes: a new auto-refill, or other terms for the one that is there."""

    def act() -> Response:
        given = _wanted(schemas.AgreementIn)
        yes, at = _yes(given), now()
        variant, offered = offering.offer(actor(), given.pop("sku"), **given, zone=_zone(), at=at)
        there = _there(variant.sku)
        told = "It is sent to you by itself. You can pause or cancel it here at any time."
        if there is None:
            agreeing.agree(actor(), variant, offered, yes, by=actor(), at=at)
        else:
            agreeing.agree_anew(there, offered, yes, by=actor(), at=at)
            if there.status is RefillStatus.PAUSED:
                told = "Your terms are kept. It is still paused: press Go on."
        db.session.commit()
        flash(told)
        return to(HERE)

    return or_again(act, lambda **why: _asking(request.form.get("sku", ""), **why))


@bp.post("/account/repeats/<number>/pause")
@allow(Role.CLIENT)
def pause(number: str) -> Response:
    return _changed(number, stopping.pause, "It is paused.", NOTHING_NOW)


@bp.post("/account/repeats/<number>/resumption")
@allow(Role.CLIENT)
def resume(number: str) -> Response:
    return _changed(number, stopping.resume, "It goes on.")


@bp.post("/account/repeats/<number>/cancellation")
@allow(Role.CLIENT)
def cancel(number: str) -> Response:
    return _changed(number, stopping.cancel, "It is cancelled.", NOTHING_MORE)


@bp.post("/account/repeats/reminders")
@allow(Role.CLIENT)
def choose() -> Response:
    wanted = request.form.get("wanted") == "yes"
    choosing.choose(actor(), wanted=wanted, at=now())
    db.session.commit()
    flash("We remind you of what runs out." if wanted else "We do not remind you any more.")
    return to(HERE)


@bp.get("/refills")
@allow(*WORKERS)
def stuck() -> Response:
    """Refills that wait for something: without the reasons, which are the client's."""
    found = page(
        queries.stuck(),
        (RefillCycle.act_on, RefillCycle.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return _rendered("stuck.html", shown=found)


def _mine(**context: Any) -> Response:
    at = now()
    refills = queries.auto_refills(actor())
    going = [one for one in refills if one.status is not RefillStatus.CANCELLED]
    return _rendered(
        "refills.html",
        supplies=supplying.of_client(actor(), at=at, zone=_zone()),
        refills={one.variant_id: one for one in going},
        over=[one for one in refills if one.status is RefillStatus.CANCELLED],
        reminded=queries.reminded([actor().id]).get(actor().id, True),
        **context,
    )


def _asking(sku: str, **context: Any) -> Response:
    """The form, with what was typed, else what she agreed to or ordered last."""
    supply = offering.of_pack(actor(), sku, zone=_zone(), at=now())
    there = _there(sku, lock=False)
    typed = context.pop("typed", None) or (request.form if request.method == "POST" else {})
    wrong = context.pop("errors", {})
    return _rendered(
        "asking.html",
        supply=supply,
        there=there,
        cards=payments.cards_of(actor()),
        methods=[(one.code, one.name) for one in SHIPPING_METHODS.values()],
        states=[(state, state) for state in sorted(STATES)],
        errors={name.removeprefix(NESTED): texts for name, texts in wrong.items()},
        **(context | {"typed": typed or _known(there)}),
    )


def _known(there: AutoRefill | None) -> dict[str, Any]:
    if there is not None:
        consent = there.consent
        kept = {name: getattr(consent, name) for name in ADDRESS}
        return kept | {
            "quantity": consent.quantity,
            "shipping_method": consent.shipping_method,
            "card": consent.saved_card_id,
        }
    last = db.session.scalars(
        orders.orders_for(actor()).order_by(Order.placed_at.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return {"name": actor().name, "state": actor().state}
    kept = {name: getattr(last, name) for name in ADDRESS if name != "state"}
    return kept | {"state": last.ship_to_state, "shipping_method": last.shipping_method}


def _there(sku: str, *, lock: bool = True) -> AutoRefill | None:
    """Her auto-refill of this pack, unless it is cancelled."""
    for one in queries.auto_refills(actor()):
        if one.variant.sku == sku and one.status is not RefillStatus.CANCELLED:
            return queries.auto_refill_for(actor(), one.number, lock=lock)
    return None


def _changed(number: str, act: Callable[..., None], told: str, stops: str = "") -> Response:
    """`stops`: what it stops, where no order was placed already."""

    def done() -> Response:
        refill = queries.auto_refill_for(actor(), number, lock=True)
        act(refill, by=actor(), at=now())
        db.session.commit()
        flash(f"{told} {stops and (_placed(refill) or stops)}".strip())
        return to(HERE)

    return or_again(done, _mine)


def _placed(refill: AutoRefill) -> str:
    """Which order of it waits for money: that stands, and is cancelled by itself."""
    order = refill.cycle and refill.cycle.order
    return f"Order {order.number} was placed already: cancel it there." if order else ""


def _wanted(schema: type[schemas.WantedIn]) -> Any:
    """What was typed; the address is fields of its own. Raises RefillRefused."""
    typed = request.form
    address = {name: typed[name] for name in ADDRESS if typed.get(name, "").strip()}
    yes: dict[str, Any] = (
        {"agreed": typed.get("agreed") == "yes"} if "agreed" in schema().fields else {}
    )
    return form(
        schema,
        refused=RefillRefused,
        numbers=("quantity", "expect_total_cents"),
        shipping_address=address,
        **yes,
    )


def _yes(given: dict[str, Any]) -> Yes:
    return Yes(given.pop("agreed"), given.pop("statement_version"), given.pop("expect_total_cents"))


def _rendered(template: str, **context: Any) -> Response:
    told = {"version": VERSION, "due_on": due_on, "today": day_in(_zone(), now())}
    return rendered(f"replenishment/{template}", **(told | context))


def _zone() -> str:
    zone: str = current_app.config["SHOP"].clinic_time_zone
    return zone
