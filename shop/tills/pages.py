"""Pages of the desk: who waits, taking and giving money, drawers; the manager's day."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.money import cents, dollars
from shop.orders.queries import order_for
from shop.orders.states import OrderStatus
from shop.payments import chasing
from shop.payments import queries as payments
from shop.payments.jobs import gateway
from shop.payments.states import Tender
from shop.tills import (
    counting,
    limits,
    opening,
    paying_out,
    queries,
    reporting,
    schemas,
    taking,
)
from shop.tills.errors import CountRefused, RegisterRefused, TenderRefused
from shop.tills.models import Drawer
from shop.tills.money import DENOMINATIONS
from shop.tills.receipt import TENDERS
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("desk_pages", __name__, url_prefix="/desk")

CASHIERS = (Role.STAFF, Role.MANAGER)
SHOWN = 24


@bp.get("")
@allow(*CASHIERS)
def board() -> Response:
    """Who waits to pay, who waits for money, and my drawer."""
    return _board()


@bp.post("/drawers")
@allow(*CASHIERS)
def open_drawer() -> Response:
    """Open a drawer with what was counted into it."""

    def act() -> Response:
        terms = _counted(schemas.DrawerIn)
        register = queries.register_named(terms["register"])
        made = opening.open_drawer(register, terms["pieces"], by=actor(), at=now())
        return _done(f"Drawer {made.number} is open with {dollars(made.float_cents)}.", "/desk")

    return or_again(act, lambda **why: _drawers(typed=request.form, **why))


@bp.get("/drawers")
@allow(*CASHIERS)
def drawers() -> Response:
    """All drawers, and the form that opens one."""
    return _drawers()


@bp.get("/drawers/<number>")
@allow(*CASHIERS)
def show_drawer(number: str) -> Response:
    return _drawer(number)


@bp.post("/drawers/<number>/count")
@allow(*CASHIERS)
def count(number: str) -> Response:
    """Take the blind count of a drawer; it takes nothing more."""

    def act(found: Drawer) -> str:
        counting.count(found, **_counted(schemas.DrawerCountIn), by=actor(), at=now())
        difference = found.difference
        adds_up = difference is not None and not difference.off_by
        return "It adds up; the drawer is closed." if adds_up else "It does not add up: say why."

    return _changed(number, act)


@bp.post("/drawers/<number>/explanation")
@allow(*CASHIERS)
def explain(number: str) -> Response:
    """Say why a drawer is off."""

    def act(found: Drawer) -> str:
        terms = form(schemas.DrawerExplanationIn, refused=CountRefused)
        counting.explain(found, **terms, by=actor(), at=now())
        return "Closed." if found.closed_at else "Written down. Somebody else has to sign."

    return _changed(number, act)


@bp.post("/drawers/<number>/signature")
@allow(*CASHIERS)
def sign(number: str) -> Response:
    """As a second person, close a drawer that is off by much."""

    def act(found: Drawer) -> str:
        counting.sign(found, by=actor(), at=now())
        return "You have signed; the drawer is closed."

    return _changed(number, act)


@bp.get("/orders/<number>")
@allow(*CASHIERS)
def show_order(number: str) -> Response:
    """What is due of an order, and the ways to take it; or how it was taken."""
    return _order(number)


@bp.post("/orders/<number>/payment")
@allow(*CASHIERS)
def take(number: str) -> Response:
    """Take the money. A payment page that the client has open is closed first."""

    def act() -> Response:
        terms = _money(schemas.TenderIn, "tendered_cents", whole=("expect_cents",))
        chasing.close_for_desk(order_for(actor(), number).id, gateway())
        order = order_for(actor(), number, lock=True)
        move = taking.take(order, **terms, by=actor(), at=now())
        change = f" Give {dollars(move.change_cents)} change." if move.change_cents else ""
        return _done(f"{dollars(move.cents)} taken.{change}", f"/desk/orders/{number}")

    return or_again(act, lambda **why: _order(number, typed=request.form, **why))


@bp.post("/refunds/<uuid:refund_id>/pay-out")
@allow(*CASHIERS)
def pay_out(refund_id: uuid.UUID) -> Response:
    """Give the client her money, the way it came."""

    def act() -> Response:
        terms = form(schemas.PayOutIn, refused=TenderRefused)
        refund = queries.refund_to_pay_out(refund_id)
        move = paying_out.pay_out(refund, **terms, by=actor(), at=now())
        return _done(f"{dollars(-move.cents)} paid out.", "/desk")

    return or_again(act, _board)


@bp.post("/registers")
@allow(Role.MANAGER)
def add_register() -> Response:
    """Add a place where money is taken."""

    def act() -> Response:
        made = opening.add_register(
            form(schemas.RegisterIn, refused=RegisterRefused)["name"], by=actor()
        )
        return _done(f"{made.name} is a register now.", "/desk/drawers")

    return or_again(act, lambda **why: _drawers(typed=request.form, **why))


@bp.get("/day")
@allow(Role.MANAGER)
def day() -> Response:
    """The manager's report of a day."""
    zone = current_app.config["SHOP"].clinic_time_zone
    try:
        asked = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        asked = day_in(zone, now())
    return _rendered("day.html", report=reporting.report(asked, zone=zone))


def _board(**context: Any) -> Response:
    sought = request.args.get("sought", "")[:80]
    return _rendered(
        "board.html",
        sought=sought,
        orders=queries.orders_at_the_desk(actor(), sought=sought),
        refunds=queries.refunds_at_the_desk(),
        mine=queries.open_drawer_of(actor()),
        waiting=[one for one in queries.unfinished() if one.counted_at],
        **context,
    )


def _drawers(**context: Any) -> Response:
    found = page(
        queries.drawers(),
        (Drawer.opened_at, Drawer.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered(
        "drawers.html",
        shown=found,
        mine=queries.open_drawer_of(actor()),
        registers=[(one.name, one.name) for one in queries.registers()],
        **context,
    )


def _drawer(number: str, **context: Any) -> Response:
    found = queries.drawer_with(number)
    return _rendered(
        "drawer.html",
        drawer=found,
        counts=found.opened_by_id == actor().id or actor().role is Role.MANAGER,
        signs=actor().id not in (found.opened_by_id, found.counted_by_id),
        limit=limits.LIMIT_CENTS,
        **context,
    )


def _order(number: str, **context: Any) -> Response:
    order = order_for(actor(), number)
    payment = payments.payment_to_show(order.id)
    taken = payment is not None and payment.tender is not None
    return _rendered(
        "order.html",
        order=order,
        payment=payment,
        move=queries.tender_of(order) if taken else None,
        waits=order.status is OrderStatus.AWAITING_PAYMENT,
        mine=queries.open_drawer_of(actor()),
        **context,
    )


def _changed(number: str, act: Callable[[Drawer], str]) -> Response:
    def done() -> Response:
        told = act(queries.drawer_with(number, lock=True))
        return _done(told, f"/desk/drawers/{number}")

    return or_again(done, lambda **why: _drawer(number, typed=request.form, **why))


def _done(told: str, then: str) -> Response:
    db.session.commit()
    flash(told)
    return to(then)


def _counted(schema: Any) -> dict[str, Any]:
    """A form's count: how many of each coin and note, and sums of papers in dollars.

    Raises CountRefused.
    """
    cash = []
    for worth in DENOMINATIONS:
        typed = request.form.get(f"pieces_{worth}", "").strip()
        if typed and not (typed.isdecimal() and typed.isascii() and len(typed) < 7):
            raise CountRefused(
                "Some of what you typed cannot be used.",
                fields={f"pieces_{worth}": ["Type how many there are."]},
            )
        if typed:
            cash.append({"denomination_cents": worth, "pieces": int(typed)})
    sums = _cents(("terminal_cents", "cheque_cents"), CountRefused)
    also: dict[str, Any] = {
        name: amount for name, amount in sums.items() if name in schema().fields
    }
    terms: dict[str, Any] = form(schema, refused=CountRefused, cash=cash, **also)
    return terms


def _money(schema: Any, *dollars_typed: str, whole: tuple[str, ...]) -> dict[str, Any]:
    """A form whose amounts are typed in dollars. Raises TenderRefused."""
    also: dict[str, Any] = _cents(dollars_typed, TenderRefused)
    terms: dict[str, Any] = form(schema, refused=TenderRefused, numbers=whole, **also)
    return terms


def _cents(names: tuple[str, ...], refused: Any) -> dict[str, Any]:
    """Amounts typed as dollars, such as "12", "12.50" or "-3.00", in cents."""
    found = {}
    for name in names:
        typed = request.form.get(name, "").strip()
        if not typed:
            continue
        amount = cents(typed.removeprefix("-"))
        if amount is None or amount > schemas.MOST_CENTS:
            raise refused(
                "Some of what you typed cannot be used.",
                fields={name: ["Type dollars and cents, such as 12.50."]},
            )
        found[name] = -amount if typed.startswith("-") else amount
    return found


def _rendered(template: str, **context: Any) -> Response:
    words: dict[str, Any] = {
        "tenders": {tender.value: name for tender, name in TENDERS.items()},
        "cash": Tender.CASH.value,
        "denominations": [(worth, _called(worth)) for worth in DENOMINATIONS],
        "manages": actor().role is Role.MANAGER,
    }
    return rendered(f"tills/{template}", **(words | context))


def _called(worth: int) -> str:
    return f"${worth // 100}" if worth >= 100 else f"{worth} ¢"
