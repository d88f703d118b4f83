"""The shelf over HTTP: for staff and managers."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import certifying, queries, receiving, releasing, scanning
from shop.inventory.models.checks import LARGEST_CERTIFICATE
from shop.inventory.scanning import Found
from shop.inventory.schemas import (
    CertificateFileIn,
    CertificateIn,
    CertificateOut,
    CheckIn,
    LotHistoryOut,
    LotOut,
    MatchIn,
    QuarantineIn,
    ReceiptIn,
    ReceiptOut,
    ScanIn,
    ScanOut,
    StockOut,
    StockQuery,
    whole_lot,
)
from shop.treatments.schemas.uses import LotUsesOut
from shop.web.api import Blueprint, committed
from shop.web.downloads import as_attachment
from shop.web.limits import MIB, larger_bodies
from shop.web.paging import page
from shop.web.uploads import sent

bp = Blueprint("stock", __name__, url_prefix="/api/v1", description="What is on the shelf")
bp.record_once(
    larger_bodies(
        dict.fromkeys(("stock.certify", "stock_pages.certify"), LARGEST_CERTIFICATE + MIB)
    )
)


@bp.get("/stock")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(StockQuery, location="query")
@bp.response(200, StockOut)
def stock(asked: dict[str, Any]) -> dict[str, Any]:
    """List variants with their lots, soonest expiry first."""
    limit, after, today = asked.pop("limit"), asked.pop("after"), clinic_day()
    found = page(queries.stocked(**asked, today=today), [Variant.sku], limit=limit, after=after)
    return {**found, "items": queries.shelves(found["items"], today=today)}


@bp.post("/receipts")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(ReceiptIn)
@bp.response(201, ReceiptOut)
def receive(terms: dict[str, Any]) -> Response:
    """Book a delivery, all of it or nothing. Send an Idempotency-Key to be safe to repeat."""
    at = now()
    lots = receiving.receive(terms["lines"], by=actor(), at=at, today=clinic_day())
    return committed(ReceiptOut, {"lots": lots}, 201)


@bp.post("/scans")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(ScanIn)
@bp.response(200, ScanOut)
def scan(given: dict[str, Any]) -> Found:
    """Read a GS1 DataMatrix, GS1-128 or bare GTIN, and say which variant and lot it is of."""
    return scanning.find(given["scan"])


@bp.post("/scans/matches")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(MatchIn)
@bp.response(201, ScanOut)
def match(given: dict[str, Any]) -> Response:
    """Say once of which variant a code is that nobody knew; the variant has no GTIN yet."""
    variant = catalog.variant(given["sku"], lock=True)
    return committed(ScanOut, scanning.match(given["scan"], variant, by=actor(), at=now()), 201)


@bp.get("/lots/<number>")
@allow(Role.STAFF, Role.MANAGER)
@bp.response(200, LotHistoryOut)
def lot(number: str) -> dict[str, Any]:
    """Show a lot: where it lies, what of it can be sold, and everything that happened to it."""
    return whole_lot(queries.lot(number), today=clinic_day())


@bp.post("/lots/<number>/check")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(CheckIn)
@bp.response(200, LotOut)
def check(terms: dict[str, Any], number: str) -> Response:
    """Say that a lot in quarantine is what its papers say; somebody else may release it then."""
    found = queries.lot(number, lock=True)
    releasing.check(found, note=terms["note"], by=actor(), at=now())
    return committed(LotOut, found)


@bp.post("/lots/<number>/certificates")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(CertificateIn, location="form")
@bp.arguments(CertificateFileIn, location="files")
@bp.response(201, CertificateOut)
def certify(terms: dict[str, Any], files: dict[str, Any], number: str) -> Response:
    """Keep a paper of the maker with a lot: a PDF, PNG or JPEG of at most 5 MB."""
    found = queries.lot(number, lock=True)
    content = sent(LARGEST_CERTIFICATE)
    kept = certifying.certify(found, content, name=terms["name"], by=actor(), at=now())
    return committed(CertificateOut, kept, 201)


@bp.get("/lots/<number>/certificates/<uuid:certificate_id>")
@allow(Role.STAFF, Role.MANAGER)
@bp.response(200, content_type="application/octet-stream")
def certificate(number: str, certificate_id: uuid.UUID) -> Response:
    """The paper as it came. It is saved, never shown: it was made by somebody else."""
    kept = certifying.certificate(queries.lot(number), certificate_id)
    return as_attachment(kept.content, kept.media_type.value, name=f"certificate-{number}")


@bp.post("/lots/<number>/release")
@allow(Role.STAFF, Role.MANAGER)
@bp.response(200, LotOut)
def release(number: str) -> Response:
    """Put a lot on sale that was in quarantine or on hold.

    A prescription-only lot in quarantine has been checked by somebody else.
    """
    found = queries.lot(number, lock=True)
    releasing.release(found, by=actor(), at=now())
    return committed(LotOut, found)


@bp.post("/lots/<number>/quarantine")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(QuarantineIn)
@bp.response(200, LotOut)
def quarantine(terms: dict[str, Any], number: str) -> Response:
    """Take a lot off sale until it is checked."""
    found = queries.lot(number, lock=True)
    releasing.quarantine(found, reason=terms["reason"], by=actor(), at=now())
    return committed(LotOut, found)


@bp.get("/lots/<number>/uses")
@allow(Role.MANAGER, Role.PHYSICIAN)
@bp.response(200, LotUsesOut)
def uses(number: str) -> dict[str, Any]:
    """Whom a recall concerns: the sessions that packs of a lot were opened for.

    The opening of each client's record is written down.
    """
    found = queries.uses_of(queries.lot(number))
    for client in dict.fromkeys(use.client for use in found):
        reading.open_record(actor(), client, record=f"lot {number}", purpose=reading.OPERATIONS)
    db.session.commit()
    return {"items": found}


def clinic_day() -> date:
    """Today, where the clinic is."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
