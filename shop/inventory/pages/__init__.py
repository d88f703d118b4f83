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
from shop.inventory import certifying, explaining, places, queries, receiving, releasing
from shop.inventory.errors import BadReceipt
from shop.inventory.models import Lot
from shop.inventory.models.checks import LARGEST_CERTIFICATE
from shop.inventory.receiving import MAX_LINES
from shop.inventory.schemas import (
    CertificateIn,
    CheckIn,
    QuarantineIn,
    StockQuery,
)
from shop.inventory.schemas.rows import (
    Row,
    lines_of,
    scanned,
    taken_out,
    typed_rows,
    unread,
    uuid_of,
)
from shop.inventory.states import LOT_ARROWS, LotStatus
from shop.recalls import queries as recalls
from shop.web.downloads import as_attachment
from shop.web.forms import partial
from shop.web.paging import page
from shop.web.problems import status_of
from shop.web.uploads import sent

bp = Blueprint("stock_pages", __name__)

SOON = timedelta(days=60)  # what the board marks as about to expire
EMPTY_ROWS = 5


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
    sku = request.args.get("sku", "")
    return _delivery_form([{"sku": sku}] if sku else [], receipt_id=str(uuid.uuid4()))


@bp.post("/stock/receive")
@allow(Role.STAFF, Role.MANAGER)
def receive() -> str | Response | tuple[str, int]:
    """Book what was typed, or show it again with what is wrong."""
    rows, receipt_id = typed_rows(request.form), request.form.get("receipt_id", "")
    if "more" in request.form:
        return _delivery_form(rows, receipt_id=receipt_id)
    if "out" in request.form:
        return _delivery_form(taken_out(rows, request.form["out"]), receipt_id=receipt_id)
    if "scanned" in request.form or "match" in request.form:
        return _with_scan(rows, receipt_id)
    try:
        lots = receiving.receive(
            lines_of(rows),
            by=actor(),
            at=now(),
            today=_today(),
            receipt_id=uuid_of(receipt_id),
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


@bp.post("/stock/lots/<number>/check")
@allow(Role.STAFF, Role.MANAGER)
def check(number: str) -> str | Response | tuple[str, int]:
    """Say that its packs are what the papers say."""
    found = queries.lot(number, lock=True)
    try:
        terms = CheckIn().load({"note": request.form.get("note", "").strip()})
        releasing.check(found, note=terms["note"], by=actor(), at=now())
    except ma.ValidationError as wrong:
        db.session.rollback()
        return _lot_page(queries.lot(number), errors=_messages(wrong)), 422
    except Refusal as refused:
        return _refused(number, refused)
    db.session.commit()
    flash(f"Lot {found.lot_number} is checked. Somebody else releases it.")
    return _seen("stock_pages.lot", number=number)


@bp.post("/stock/lots/<number>/certificates")
@allow(Role.STAFF, Role.MANAGER)
def certify(number: str) -> str | Response | tuple[str, int]:
    """Keep a paper of the maker with the lot."""
    found = queries.lot(number, lock=True)
    content = sent(LARGEST_CERTIFICATE)
    try:
        terms = CertificateIn().load({"name": request.form.get("name", "").strip()})
        certifying.certify(found, content, name=terms["name"], by=actor(), at=now())
    except ma.ValidationError as wrong:
        db.session.rollback()
        return _lot_page(queries.lot(number), errors=_messages(wrong)), 422
    except Refusal as refused:
        return _refused(number, refused)
    db.session.commit()
    flash("The certificate is kept.")
    return _seen("stock_pages.lot", number=number)


@bp.get("/stock/lots/<number>/certificates/<uuid:certificate_id>")
@allow(Role.STAFF, Role.MANAGER)
def certificate(number: str, certificate_id: uuid.UUID) -> Response:
    """The paper as it came, to be saved."""
    kept = certifying.certificate(queries.lot(number), certificate_id)
    return as_attachment(kept.content, kept.media_type.value, name=f"certificate-{number}")


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


def _with_scan(rows: list[Row], receipt_id: str) -> str | tuple[str, int]:
    try:
        rows, also = scanned(rows, request.form, by=actor(), at=now(), today=_today())
    except Refusal as refused:
        db.session.rollback()
        again = _delivery_form(rows, receipt_id=receipt_id, refused=refused, **unread(request.form))
        return again, status_of(refused)
    db.session.commit()
    return _delivery_form(rows, receipt_id=receipt_id, **also)


def _delivery_form(
    rows: list[Row], *, receipt_id: str, refused: Refusal | None = None, **scanned: Any
) -> str:
    empty = EMPTY_ROWS if "more" in request.form else 1
    shown = rows + [{}] * min(empty, MAX_LINES - len(rows))
    return render_template(
        "inventory/_delivery.html" if partial() else "inventory/receive.html",
        rows=shown,
        receipt_id=receipt_id,
        detail=refused.text if refused else "",
        errors=refused.fields if refused else {},
        **scanned,
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
        recall=recalls.of_lot(lot),
        may_release=LotStatus.AVAILABLE in LOT_ARROWS[lot.status],
        may_quarantine=LotStatus.QUARANTINE in LOT_ARROWS[lot.status],
        by_two=lot.status is LotStatus.QUARANTINE and lot.variant.legal_class.prescription_only,
        checks=releasing.checks(lot) if lot.status is LotStatus.QUARANTINE else [],
        certificates=certifying.certificates(lot),
        detail=detail,
        errors=errors or {},
        reason=reason,
    )


def _refused(number: str, refused: Refusal) -> tuple[str, int]:
    db.session.rollback()
    shown = _lot_page(queries.lot(number), detail=refused.text, errors=refused.fields)
    return shown, status_of(refused)


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
