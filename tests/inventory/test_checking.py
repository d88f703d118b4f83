"""Prescription-only units leave quarantine by two; the maker's papers are kept with the lot."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import certifying, receiving, releasing
from shop.inventory.errors import BadCertificate, BadReceipt, NotChecked
from shop.inventory.models import CertificateType, Lot, LotCertificate, LotCheck
from shop.inventory.models.checks import LARGEST_CERTIFICATE
from shop.inventory.receiving import ReceiptLineIn
from shop.inventory.states import LotStatus
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import a_browser, mona, sam


def waiting() -> Lot:
    return a_lot(a_cream(), 5, status=LotStatus.QUARANTINE)


def test_one_checks_and_another_releases(app: Flask) -> None:
    lot, one, other = waiting(), sam(), mona()

    seen = releasing.check(lot, note="Seals whole", by=one, at=now())
    assert releasing.check(lot, by=one, at=now()) is seen
    with pytest.raises(NotChecked, match="yourself"):
        releasing.release(lot, by=one, at=now())
    releasing.release(lot, by=other, at=now())
    db.session.commit()

    assert lot.status is LotStatus.AVAILABLE
    assert (seen.checked_by_id, seen.released_by_id) == (one.id, other.id)
    assert [event.kind for event in events.of(lot.id)] == [
        "lot_received",
        "lot_checked",
        "lot_released",
    ]


def test_what_nobody_checked_stays(app: Flask) -> None:
    lot = waiting()

    with pytest.raises(NotChecked, match="checks this lot first"):
        releasing.release(lot, by=mona(), at=now())

    assert lot.status is LotStatus.QUARANTINE


def test_units_that_came_in_since_were_not_checked(app: Flask) -> None:
    lot = waiting()
    releasing.check(lot, by=sam(), at=now())
    more = ReceiptLineIn(lot.variant.sku, lot.lot_number, lot.expires_on, 3)
    receiving.receive([more], by=sam(), at=now(), today=today())

    with pytest.raises(NotChecked, match="first"):
        releasing.release(lot, by=mona(), at=now())


def test_a_check_is_of_one_stay_in_quarantine(app: Flask) -> None:
    lot, one = waiting(), sam()
    releasing.check(lot, by=one, at=now())
    releasing.release(lot, by=mona(), at=now())
    with pytest.raises(WrongState):
        releasing.check(lot, by=one, at=now())
    releasing.quarantine(lot, reason="Leaks", by=mona(), at=now())

    with pytest.raises(NotChecked, match="first"):
        releasing.release(lot, by=mona(), at=now())

    assert db.session.scalar(sa.select(sa.func.count()).select_from(LotCheck)) == 1


def test_what_is_sold_freely_is_released_by_one(app: Flask) -> None:
    lot = a_lot(a_variant(), 5, status=LotStatus.QUARANTINE)

    releasing.release(lot, by=sam(), at=now())

    assert lot.status is LotStatus.AVAILABLE


PAPER = b"%PDF-1.7 what the maker found"


def test_a_certificate_is_kept_once_as_it_came(app: Flask) -> None:
    lot = waiting()

    kept = certifying.certify(lot, PAPER, name="Analysis 114", by=sam(), at=now())
    assert certifying.certify(lot, PAPER, name="Again", by=mona(), at=now()) is kept
    db.session.commit()

    assert (kept.media_type, kept.sha256) == (CertificateType.PDF, hashlib.sha256(PAPER).digest())
    browser = a_browser(app, sam())
    page = browser.get(f"/stock/lots/{lot.number}").text
    path = f"/stock/lots/{lot.number}/certificates/{kept.id}"
    assert path in page
    sent = browser.get(path)
    assert (sent.data, sent.mimetype) == (PAPER, "application/pdf")
    assert sent.headers["Content-Disposition"].startswith("attachment;")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    stranger = waiting()
    db.session.commit()
    assert browser.get(path.replace(lot.number, stranger.number)).status_code == 404


NO_PAPERS = {
    "nothing": b"",
    "a page": b"<html><script>alert(1)</script>",
    "a mountain": PAPER + bytes(LARGEST_CERTIFICATE),
}


@pytest.mark.parametrize("content", NO_PAPERS.values(), ids=NO_PAPERS)
def test_what_is_no_certificate_is_not_kept(app: Flask, content: bytes) -> None:
    with pytest.raises(BadCertificate) as refused:
        certifying.certify(waiting(), content, name="x", by=sam(), at=now())

    assert set(refused.value.fields) == {"file"}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LotCertificate)) == 0


def test_a_prescription_lot_on_hold_takes_no_more(app: Flask) -> None:
    """They would be on sale with the end of the hold, which one person decides."""
    lot = a_lot(a_cream(), 5)
    releasing.hold(lot, reason="Looks odd", by=sam(), at=now())
    line = ReceiptLineIn(lot.variant.sku, lot.lot_number, lot.expires_on, 3)

    with pytest.raises(BadReceipt) as refused:
        receiving.receive([line], by=sam(), at=now(), today=today())

    assert "on hold" in refused.value.fields["lines.0.lot_number"][0]
    assert lot.on_hand == 5
