"""Keeping the maker's papers with a lot."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.errors import NotFound
from shop.core.events import Kind, record
from shop.inventory.errors import BadCertificate
from shop.inventory.models import CertificateType, Lot, LotCertificate
from shop.inventory.models.checks import LARGEST_CERTIFICATE

# How files of these kinds begin.
BEGINS = {
    b"%PDF-": CertificateType.PDF,
    b"\x89PNG\r\n\x1a\n": CertificateType.PNG,
    b"\xff\xd8\xff": CertificateType.JPEG,
}


def certify(lot: Lot, content: bytes, *, name: str, by: Person, at: datetime) -> LotCertificate:
    """Keep a certificate as it came; `lot` is locked. The same file again is the first one.

    Raises BadCertificate.
    """
    media_type = next((kind for begin, kind in BEGINS.items() if content.startswith(begin)), None)
    if media_type is None:
        raise _bad("A certificate is a PDF, a PNG or a JPEG." if content else "Choose a file.")
    if len(content) > LARGEST_CERTIFICATE:
        raise _bad(f"A certificate has at most {LARGEST_CERTIFICATE // 1024 // 1024} MB.")
    digest = hashlib.sha256(content).digest()
    query = sa.select(LotCertificate).where(
        LotCertificate.lot_id == lot.id, LotCertificate.sha256 == digest
    )
    if kept := db.session.scalars(query).one_or_none():
        return kept
    certificate = LotCertificate(
        id=uuid.uuid4(),
        lot_id=lot.id,
        name=name,
        media_type=media_type,
        sha256=digest,
        content=content,
        added_by_id=by.id,
    )
    db.session.add(certificate)
    db.session.flush()  # the database says when
    record(Kind.LOT_CERTIFIED, lot, name=name, sha256=digest.hex())
    return certificate


def certificates(lot: Lot) -> list[LotCertificate]:
    """What is kept with a lot, oldest first, without the files themselves."""
    query = sa.select(LotCertificate).where(LotCertificate.lot_id == lot.id)
    return list(db.session.scalars(query.order_by(LotCertificate.added_at, LotCertificate.id)))


def certificate(lot: Lot, certificate_id: uuid.UUID) -> LotCertificate:
    """One of them. Raises NotFound."""
    found = db.session.get(LotCertificate, certificate_id)
    if found is None or found.lot_id != lot.id:
        raise NotFound("There is no such certificate.")
    return found


def _bad(why: str) -> BadCertificate:
    return BadCertificate(why, fields={"file": [why]})
