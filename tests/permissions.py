"""Permissions for online payment in tests: every class that is sold, for all of time."""

from __future__ import annotations

from typing import Any

import psycopg

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from shop.merchant import permitting, queries
from tests.people import mona

SOLD = ("cosmetic", "otc_drug", "rx", "rx_unapproved")


def recorded(connection: psycopg.Connection[Any]) -> None:
    """Write them down as the shop's set-up does: tests that ask for a gap end or remove them."""
    for legal_class in SOLD:
        connection.execute(
            "INSERT INTO merchant_permissions"
            " (id, route, legal_class, document, valid_from, valid_until)"
            " VALUES (gen_random_uuid(), 'online', %s, 'TEST-PERMIT', '2000-01-01', '2200-01-01')",
            [legal_class],
        )


def stop(*classes: LegalClass, by: Person | None = None) -> None:
    """Every permission for these classes, or for all, ends today; committed."""
    manager = by or mona()
    for one in queries.permissions():
        if one.legal_class in (classes or LegalClass):
            permitting.end(one, on=queries.today(now()), by=manager, at=now())
    db.session.commit()
