"""Staff's pages of the shelf: the board, a delivery, a lot."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import marshmallow as ma
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog.models import Variant
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.inventory import explaining, places, queries, receiving, releasing
from shop.inventory.errors import BadReceipt
from shop.inventory.models import Lot
from shop.inventory.receiving import MAX_LINES, ReceiptLineIn
from shop.inventory.schemas import QuarantineIn, ReceiptLine, StockQuery
from shop.inventory.states import LOT_ARROWS, LotStatus
from shop.web.paging import page
from shop.web.problems import STATUS

bp = Blueprint("stock_pages", __name__)

SOON = timedelta(days=60)  # what the board marks as about to expire
EMPTY_ROWS = 5
COLUMNS = ("sku", "lot_number", "expires_on", "quantity")
Row = dict[str, str]


@bp.get("/stock")
@allow(Role.STAFF, Role.MANAGER)
def board() -> str:
    """Every variant with its lots."""
    today, errors = _today(), {}
    typed = {name: value for name, value in request.args.items() if value.strip()}
    try:
        asked = StockQuery().load(typed)
    except ma.ValidationError as wrong:
        errors = _messages(wrong)
        asked = StockQuery().load({})
    limit, after = asked.pop("limit"), asked.pop("after")
    found = page(queries.stocked(**asked, today=today), [Variant.sku], limit=limit, after=after)
    return render_template(
        "inventory/board.html",
        shelves=queries.shelves(found["items"], today=today),
        next_page=_next_page(typed, found["next"]),
        typed=typed,
        errors=errors,
        today=today,
        soon=today + SOON,
    )


@bp.get("/stock/receive")
@allow(Role.STAFF, Role.MANAGER)
def delivery() -> str:
    """An empty form for a delivery."""
    return _delivery_form([{"sku": request.args.get("sku", "")}], receipt_id=str(uuid.uuid4()))


@bp.post("/stock/receive")
@allow(Role.STAFF, Role.MANAGER)
def receive() -> str | Response | tuple[str, int]:
    """Book what was typed, or show it again with what is wrong."""
    rows, receipt_id = _typed_rows(request.form), request.form.get("receipt_id", "")
    if "more" in request.form:
        return _delivery_form(rows, receipt_id=receipt_id)
    try:
        lots = receiving.receive(
            _lines(rows),
            by=actor(),
            at=now(),
            today=_today(),
            receipt_id=_uuid(receipt_id),
        )
    except BadReceipt as refused:
        db.session.rollback()
        return _delivery_form(rows, receipt_id=receipt_id, refused=refused), 422
    db.session.commit()
    flash(_booked(lots))
    return _seen("stock_pages.board")


@bp.get("/stock/lots/<number>")
@allow(Role.STAFF, Role.MANAGER)
def lot(number: str) -> str:
    """A lot, its history, and what may be done with it."""
    return _lot_page(queries.lot(number))


@bp.post("/stock/lots/<number>/release")
@allow(Role.STAFF, Role.MANAGER)
def release(number: str) -> str | Response | tuple[str, int]:
    """Put the lot on sale."""
    found = queries.lot(number, lock=True)
    try:
        releasing.release(found, by=actor(), at=now())
    except Refusal as refused:
        return _refused(number, refused)
    db.session.commit()
    flash(f"Lot {found.lot_number} is on sale.")
    return _seen("stock_pages.lot", number=number)


@bp.post("/stock/lots/<number>/quarantine")
@allow(Role.STAFF, Role.MANAGER)
def quarantine(number: str) -> str | Response | tuple[str, int]:
    """Take the lot off sale."""
    found = queries.lot(number, lock=True)
    reason = request.form.get("reason", "").strip()
    try:
        terms = QuarantineIn().load({"reason": reason})
        releasing.quarantine(found, reason=terms["reason"], by=actor(), at=now())
    except ma.ValidationError as wrong:
        db.session.rollback()
        errors = _messages(wrong)
        return _lot_page(queries.lot(number), errors=errors, reason=reason), 422
    except Refusal as refused:
        return _refused(number, refused)
    db.session.commit()
    flash(f"Lot {found.lot_number} is in quarantine.")
    return _seen("stock_pages.lot", number=number)


def _next_page(typed: Row, after: str | None) -> str | None:
    values: dict[str, Any] = {**typed, "after": after}
    return url_for("stock_pages.board", **values) if after else None


def _typed_rows(form: Mapping[str, str]) -> list[Row]:
    """The rows as typed; empty ones are left out, so that row numbers are those on the page."""
    rows: list[Row] = []
    for index in range(MAX_LINES):
        names = [f"lines.{index}.{column}" for column in COLUMNS]
        if not any(name in form for name in names):
            break
        row = {column: form.get(f"lines.{index}.{column}", "").strip() for column in COLUMNS}
        if any(row.values()):
            rows.append(row)
    return rows


def _lines(rows: Sequence[Row]) -> list[ReceiptLineIn]:
    """The rows as lines of a delivery. Raises BadReceipt, naming every field that is no value."""
    mistakes: dict[str, list[str]] = {}
    lines = []
    for index, row in enumerate(rows):
        try:
            filled: dict[str, Any] = {name: text for name, text in row.items() if text}
            if "quantity" in filled:
                filled["quantity"] = _whole(filled["quantity"])
            lines.append(ReceiptLine().load(filled))
        except ma.ValidationError as wrong:
            for name, texts in _messages(wrong).items():
                mistakes[f"lines.{index}.{name}"] = [
                    f"Row {index + 1}: {name.replace('_', ' ')}: {text}" for text in texts
                ]
    if mistakes:
        raise BadReceipt("Nothing was booked. Correct the marked rows.", fields=mistakes)
    return lines


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else text


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _delivery_form(rows: list[Row], *, receipt_id: str, refused: BadReceipt | None = None) -> str:
    shown = rows + [{}] * min(EMPTY_ROWS, MAX_LINES - len(rows))
    return render_template(
        "inventory/receive.html",
        rows=shown,
        receipt_id=receipt_id,
        detail=refused.text if refused else "",
        errors=refused.fields if refused else {},
    )


def _lot_page(
    lot: Lot, *, detail: str = "", errors: Mapping[str, Any] | None = None, reason: str = ""
) -> str:
    held = places.lying([lot.id]).get(lot.id, [])
    return render_template(
        "inventory/lot.html",
        lot=lot,
        history=queries.history(lot),
        held=held,
        reasons=explaining.summed(explaining.explain(lot, held, today=_today())),
        today=_today(),
        may_release=LotStatus.AVAILABLE in LOT_ARROWS[lot.status],
        may_quarantine=LotStatus.QUARANTINE in LOT_ARROWS[lot.status],
        detail=detail,
        errors=errors or {},
        reason=reason,
    )


def _refused(number: str, refused: Refusal) -> tuple[str, int]:
    db.session.rollback()
    status = next(code for family, code in STATUS.items() if isinstance(refused, family))
    return _lot_page(queries.lot(number), detail=refused.text), status


def _booked(lots: Sequence[Lot]) -> str:
    waiting = sorted({lot.lot_number for lot in lots if lot.status is LotStatus.QUARANTINE})
    text = f"{len(lots)} line{'s' if len(lots) > 1 else ''} booked."
    if waiting:
        text += f" In quarantine until released: {', '.join(waiting)}."
    return text


def _messages(wrong: ma.ValidationError) -> dict[str, list[str]]:
    return wrong.messages if isinstance(wrong.messages, dict) else {"_schema": wrong.messages}


def _seen(endpoint: str, **values: Any) -> Response:
    answer = redirect(url_for(endpoint, **values), 303)
    assert isinstance(answer, Response)  # what Flask's redirect makes
    return answer


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
