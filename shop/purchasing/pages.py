"""Pages of what is bought: suppliers, orders, and what arrives for an order."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, flash, render_template, request, url_for

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.money import cents
from shop.inventory.errors import BadReceipt
from shop.inventory.schemas import rows as shelf
from shop.purchasing import arriving, drafting, queries, schemas, sending, supplying
from shop.purchasing.arriving import Damaged
from shop.purchasing.drafting import Wanted
from shop.purchasing.errors import PurchaseRefused
from shop.purchasing.models import PurchaseOrder, Supplier
from shop.purchasing.states import AWAITED, PurchaseStatus
from shop.web.forms import form, or_again, partial, rendered, to
from shop.web.paging import page
from shop.web.problems import status_of

bp = Blueprint("purchase_pages", __name__)

SHELF = (Role.STAFF, Role.MANAGER)
SHOWN = 50  # rows of a list on one page
EMPTY_ROWS = 5
SAID = ("quantity", "damaged", "lot_number", "expires_on", "no_expiry_reason")
WANTED = ("sku", "quantity", "unit_cost")
ARRIVED = (*shelf.COLUMNS, "damaged", "damage")
Row = dict[str, str]


@bp.get("/purchases")
@allow(*SHELF)
def board() -> Response:
    """Orders, the newest first."""
    return _board()


@bp.post("/purchases")
@allow(*SHELF)
def draft() -> Response:
    """Begin an order with a supplier; or put one thing on the draft that was begun with it."""

    def act() -> Response:
        supplier = queries.supplier(request.form.get("supplier", ""))
        if "sku" in request.form:
            row = {name: request.form.get(name, "").strip() for name in WANTED}
            (wanted,) = _wanted([row])
            order = drafting.collect(supplier, wanted, by=actor(), at=now())
            return _seen(order, f"{wanted.sku} stands on the draft for {supplier.name}.")
        order = drafting.draft(supplier, [], by=actor(), at=now())
        return _seen(order, "Write down what is wanted.")

    return or_again(act, _board)


@bp.get("/purchases/<number>")
@allow(*SHELF)
def show(number: str) -> Response:
    """An order: its lines while it is a draft, and what arrived afterwards."""
    return _one(queries.order(number))


@bp.post("/purchases/<number>")
@allow(*SHELF)
def change(number: str) -> Response:
    """Write a draft anew; `more` only shows more rows."""
    rows = shelf.typed_rows(request.form, WANTED)
    if "more" in request.form:
        return _one(queries.order(number), rows=rows, typed=request.form)

    def act() -> Response:
        order = queries.order(number, lock=True)
        terms = form(_Terms, refused=PurchaseRefused)
        drafting.change(order, _wanted(rows), **terms, by=actor(), at=now())
        return _seen(order, "It is kept.")

    return or_again(
        act, lambda **why: _one(queries.order(number), rows=rows, typed=request.form, **why)
    )


@bp.post("/purchases/<number>/sending")
@allow(Role.MANAGER)
def send(number: str) -> Response:
    return _changed(number, lambda order: sending.send(order, by=actor(), at=now()), "It is sent.")


@bp.post("/purchases/<number>/cancellation")
@allow(Role.MANAGER)
def cancel(number: str) -> Response:
    def act(order: PurchaseOrder) -> None:
        sending.cancel(order, reason=_reason(), by=actor(), at=now())

    return _changed(number, act, "It is cancelled.")


@bp.post("/purchases/<number>/closure")
@allow(*SHELF)
def close(number: str) -> Response:
    def act(order: PurchaseOrder) -> None:
        sending.close(order, reason=_reason(), by=actor(), at=now())

    return _changed(number, act, "Nothing more is waited for.")


@bp.get("/purchases/<number>/receive")
@allow(*SHELF)
def delivery(number: str) -> str:
    """A form for a delivery, with what is still owed."""
    order = queries.order(number)
    rows = [
        {
            "sku": line.variant.sku,
            "quantity": str(line.short),
            "unit_cost": f"{line.unit_cost_cents / 100:.2f}",
        }
        for line in order.lines
        if line.short
    ]
    return _delivery(order, rows=rows, receipt_id=str(uuid.uuid4()))


@bp.post("/purchases/<number>/receive")
@allow(*SHELF)
def receive(number: str) -> str | Response | tuple[str, int]:
    """Book what arrived, or show it again with what is wrong."""
    rows = shelf.typed_rows(request.form, ARRIVED)
    receipt_id = request.form.get("receipt_id", "")

    def shown(**context: Any) -> str:
        return _delivery(queries.order(number), receipt_id=receipt_id, **context)

    if "more" in request.form:
        return shown(rows=rows)
    if "out" in request.form:
        return shown(rows=shelf.taken_out(rows, request.form["out"]))
    if "scanned" in request.form or "match" in request.form:
        return _with_scan(rows, shown)
    # What is owed stands in the form; a row that says nothing of what came is no mistake.
    rows = [row for row in rows if any(row[name] for name in SAID)]
    rows.sort(key=_only_damaged)  # so that lines that are booked keep their row's number
    order = queries.order(number, lock=True)
    try:
        arriving.arrive(
            order,
            shelf.lines_of([row for row in rows if not _only_damaged(row)]),
            _damaged(rows),
            delivery_note=request.form.get("delivery_note", "").strip()[:60],
            receipt_id=shelf.uuid_of(receipt_id),
            by=actor(),
            at=now(),
            today=_today(),
        )
    except BadReceipt as refused:
        db.session.rollback()
        refused.fields = _by_row(refused.fields, rows)
        return shown(rows=rows, refused=refused), 422
    return _seen(order, "The delivery is booked.")


@bp.get("/suppliers")
@allow(*SHELF)
def suppliers() -> Response:
    return _suppliers()


@bp.post("/suppliers")
@allow(Role.MANAGER)
def add_supplier() -> Response:
    """Add somebody to buy from."""

    def act() -> Response:
        given = form(schemas.SupplierIn, refused=PurchaseRefused, numbers=("lead_days",))
        supplying.add(**given, by=actor(), at=now())
        db.session.commit()
        flash("The supplier is added.")
        return to(url_for(".suppliers"))

    return or_again(act, lambda **why: _suppliers(typed=request.form, **why))


@bp.post("/suppliers/<number>")
@allow(Role.MANAGER)
def change_supplier(number: str) -> Response:
    """Change contact, lead time, or whether it takes orders."""

    def act() -> Response:
        supplier = queries.supplier(number, lock=True)
        may_be_empty: dict[str, Any] = {
            name: request.form.get(name, "") for name in ("email", "phone", "account")
        }
        changes = form(
            schemas.SupplierPatch,
            refused=PurchaseRefused,
            numbers=("lead_days",),
            active="active" in request.form,
            **may_be_empty,
        )
        supplying.change(supplier, changes, by=actor(), at=now())
        db.session.commit()
        flash(f"{supplier.name} is changed.")
        return to(url_for(".suppliers"))

    return or_again(act, _suppliers)


class _Terms(schemas.PurchaseChange):
    """What a form says of an order besides its rows."""

    class Meta:
        exclude = ("wanted",)


def _board(**context: Any) -> Response:
    found = page(
        queries.orders(),
        (PurchaseOrder.drafted_at, PurchaseOrder.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    takers = db.session.scalars(queries.suppliers(active=True)).all()
    return rendered(
        "purchasing/board.html",
        shown=found,
        suppliers=[(one.number, one.name) for one in sorted(takers, key=lambda one: one.name)],
        **context,
    )


def _one(order: PurchaseOrder, **context: Any) -> Response:
    rows = context.pop("rows", None)
    if rows is None:
        rows = [
            {
                "sku": line.variant.sku,
                "quantity": str(line.units),
                "unit_cost": f"{line.unit_cost_cents / 100:.2f}",
            }
            for line in order.lines
        ]
    return rendered(
        "purchasing/order.html",
        order=order,
        rows=rows + [{}] * EMPTY_ROWS,
        draft=order.status is PurchaseStatus.DRAFT,
        awaited=order.status in AWAITED,
        manages=actor().role is Role.MANAGER,
        **context,
    )


def _delivery(
    order: PurchaseOrder,
    *,
    rows: Sequence[Row],
    receipt_id: str,
    refused: Any = None,
    **scanned: Any,
) -> str:
    return render_template(
        "purchasing/_delivery.html" if partial() else "purchasing/receive.html",
        order=order,
        rows=[*rows, *[{}] * (EMPTY_ROWS if "more" in request.form else 1)],
        receipt_id=receipt_id,
        delivery_note=request.form.get("delivery_note", ""),
        detail=refused.text if refused else "",
        errors=refused.fields if refused else {},
        **scanned,
    )


def _with_scan(rows: list[Row], shown: Callable[..., str]) -> str | tuple[str, int]:
    try:
        rows, also = shelf.scanned(rows, request.form, by=actor(), at=now(), today=_today())
    except Refusal as refused:
        db.session.rollback()
        again = shown(rows=rows, refused=refused, **shelf.unread(request.form))
        return again, status_of(refused)
    db.session.commit()
    return shown(rows=rows, **also)


def _suppliers(**context: Any) -> Response:
    found = page(
        queries.suppliers(),
        (Supplier.name, Supplier.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered(
        "purchasing/suppliers.html",
        shown=found,
        manages=actor().role is Role.MANAGER,
        **context,
    )


def _wanted(rows: Sequence[Row]) -> list[Wanted]:
    """The rows as lines of an order. Raises PurchaseRefused, which names each mistake's field."""
    mistakes: dict[str, list[str]] = {}
    wanted = []
    for index, row in enumerate(rows):
        typed = {
            "sku": row["sku"],
            "quantity": shelf.whole(row["quantity"]),
            "unit_cost_cents": cents(row["unit_cost"]),
        }
        try:
            wanted.append(
                schemas.PurchaseLineIn().load(
                    {name: it for name, it in typed.items() if it not in ("", None)}
                )
            )
        except ma.ValidationError as wrong:
            for name, texts in wrong.messages_dict.items():
                named = {"unit_cost_cents": "unit_cost"}.get(name, name)
                mistakes[f"lines.{index}.{named}"] = [
                    f"Row {index + 1}: {named.replace('_', ' ')}: {text}" for text in texts
                ]
    if mistakes:
        raise PurchaseRefused("Nothing was kept. Correct the marked rows.", fields=mistakes)
    return wanted


def _only_damaged(row: Row) -> bool:
    return bool(row["damaged"]) and not row["quantity"]


def _by_row(fields: dict[str, list[str]], rows: Sequence[Row]) -> dict[str, list[str]]:
    """What is wrong with damaged packs, at the row of the page that speaks of them."""
    places = [index for index, row in enumerate(rows) if row["damaged"]]
    named = {}
    for name, texts in fields.items():
        kind, _, rest = name.partition(".")
        index, _, field = rest.partition(".")
        column = "damage" if field == "damage" else "damaged"
        named[f"lines.{places[int(index)]}.{column}" if kind == "damaged" else name] = texts
    return named


def _damaged(rows: Sequence[Row]) -> list[Damaged]:
    """What the rows say was damaged. Raises BadReceipt."""
    damaged = []
    for index, row in enumerate(rows):
        if not row["damaged"]:
            continue
        units = shelf.whole(row["damaged"])
        if not isinstance(units, int):
            told = f"Row {index + 1}: count the packs that are damaged."
            raise BadReceipt(
                "Nothing was booked. Correct the marked rows.",
                fields={f"lines.{index}.damaged": [told]},
            )
        damaged.append(Damaged(row["sku"], units, row["damage"]))
    return damaged


def _reason() -> str:
    return str(form(schemas.ReasonIn, refused=PurchaseRefused)["reason"])


def _changed(number: str, act: Callable[[PurchaseOrder], None], told: str) -> Response:
    def done() -> Response:
        order = queries.order(number, lock=True)
        act(order)
        return _seen(order, told)

    return or_again(done, lambda **why: _one(queries.order(number), typed=request.form, **why))


def _seen(order: PurchaseOrder, told: str) -> Response:
    number = order.number
    db.session.commit()
    flash(told)
    return to(url_for(".show", number=number))


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
