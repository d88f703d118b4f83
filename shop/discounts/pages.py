"""The manager's pages of discounts: the list, one of them, and what none may touch."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, flash, request
from marshmallow import fields

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.money import cents
from shop.core.usps import STATES
from shop.discounts import barring, ending, making, queries, schemas
from shop.discounts.errors import DiscountRefused
from shop.discounts.models import TOUCHABLE, Discount, DiscountKind, DiscountUse
from shop.orders import queries as orders
from shop.web.api import Schema, Text, WholeQuery
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("discount_pages", __name__, url_prefix="/manage/discounts")

SHOWN = 50  # rows of a list on one page
CLASSES = {"cosmetic": "Cosmetics", "otc_drug": "Drugs without a prescription"}


class DiscountForm(Schema):
    """As DiscountIn, typed by a person: dollars, and days of the clinic."""

    code = schemas.DiscountIn().fields["code"]
    kind = schemas.DiscountIn().fields["kind"]
    value = Text(required=True, longest=12)
    first_day = fields.Date(load_default=None)
    last_day = fields.Date(load_default=None)
    least = Text(load_default="0", longest=12)
    most_uses = WholeQuery(required=True, least=1, most=10_000)
    most_per_client = WholeQuery(load_default=1, least=1, most=10_000)


@bp.get("")
@allow(Role.MANAGER)
def board() -> Response:
    """All discounts, the newest first."""
    return _board()


@bp.post("")
@allow(Role.MANAGER)
def make() -> Response:
    """Make one."""

    def act() -> Response:
        typed = form(DiscountForm, refused=DiscountRefused)
        made = making.make(typed.pop("code"), **_terms(typed), by=actor(), at=now())
        return _done(f"{made.code} is made.", f"/manage/discounts/{made.number}")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.get("/<number>")
@allow(Role.MANAGER)
def show(number: str) -> Response:
    """One of them, with its uses."""
    return _one(number)


@bp.post("/<number>/ending")
@allow(Role.MANAGER)
def end(number: str) -> Response:
    """End it now."""

    def act() -> Response:
        one = queries.discount(number, lock=True)
        ending.end(one, by=actor(), at=now())
        return _done(f"{one.code} is ended.", f"/manage/discounts/{number}")

    return or_again(act, lambda **why: _one(number, **why))


@bp.post("/bars")
@allow(Role.MANAGER)
def bar() -> Response:
    """No discount touches a class somewhere."""

    def act() -> Response:
        said = form(schemas.DiscountBarIn, refused=DiscountRefused)
        kind, where = said["legal_class"], said["jurisdiction"]
        barring.bar(kind, where, source=said["source"], by=actor(), at=now())
        return _done("It is barred.", "/manage/discounts#bars")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.post("/bars/<uuid:key>/lifting")
@allow(Role.MANAGER)
def lift(key: uuid.UUID) -> Response:
    """Discounts may touch it there again."""

    def act() -> Response:
        barring.lift(queries.bar(key, lock=True), by=actor(), at=now())
        return _done("It is barred no more.", "/manage/discounts#bars")

    return or_again(act, _board)


def _terms(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as `making.make` takes it. Raises DiscountRefused."""
    kind = typed["kind"]
    value, least = typed.pop("value").removesuffix("%").strip(), cents(typed.pop("least"))
    worth = _percent(value) if kind is DiscountKind.PERCENT else cents(value)
    wrong = {}
    if worth is None:
        wrong["value"] = ["Whole percent such as 15, or dollars such as 10.00."]
    if least is None:
        wrong["least"] = ["Dollars such as 50.00, or 0."]
    if wrong:
        raise DiscountRefused("Some of what you typed cannot be used.", fields=wrong)
    first, last = typed.pop("first_day"), typed.pop("last_day")
    chosen = set(request.form.getlist("classes"))
    return typed | {
        "value": worth,
        "least_cents": least,
        "classes": [kind for kind in TOUCHABLE if kind in chosen],
        "valid_from": _midnight(first) if first else None,
        "valid_until": _midnight(last + timedelta(days=1)) if last else None,
    }


def _percent(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 3 else None


def _midnight(day: date) -> datetime:
    """When a day begins at the clinic."""
    zone = ZoneInfo(current_app.config["SHOP"].clinic_time_zone)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _board(**context: Any) -> Response:
    shown = page(
        queries.discounts(),
        (Discount.made_at, Discount.id),
        descending=True,
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered(
        "discounts/board.html",
        shown=shown,
        given=queries.given([one.id for one in shown["items"]]),
        bars=queries.bars(),
        classes=CLASSES,
        chosen=request.form.getlist("classes") or ["cosmetic"],
        places=[("US", "Everywhere"), *((state, state) for state in sorted(STATES))],
        kinds=[("percent", "Percent"), ("amount", "Dollars")],
        at=now(),
        **context,
    )


def _one(number: str, **context: Any) -> Response:
    one = queries.discount(number)
    uses = page(
        queries.uses(one),
        (DiscountUse.taken_at, DiscountUse.id),
        descending=True,
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered(
        "discounts/discount.html",
        one=one,
        uses=uses,
        orders=orders.numbers_of([use.order_id for use in uses["items"]]),
        given=queries.given([one.id])[one.id],
        classes=CLASSES,
        at=now(),
        **context,
    )


def _done(said: str, path: str) -> Response:
    db.session.commit()
    flash(said)
    return to(path)
