"""Prove that what physicians signed is still what is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import sqlalchemy as sa

from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.events import Break
from shop.prescriptions.models import Prescription


def verify() -> Iterator[Break]:
    """Every signed statement opens and has the hash that was signed. Changes nothing."""
    for prescription in db.session.scalars(sa.select(Prescription).order_by(Prescription.id)):
        if why := _altered(prescription):
            yield Break(prescription.id, 1, why)


def _altered(prescription: Prescription) -> str | None:
    try:
        statement = prescription.statement
    except Unavailable:
        return "the signed statement cannot be opened"
    if hashlib.sha256(statement.encode()).digest() != prescription.statement_hash:
        return "the signed statement was altered"
    return None
