"""Whom we buy from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.purchasing.errors import SupplierTaken
from shop.purchasing.models import Supplier

NAMES = ("name", "email", "phone", "account", "lead_days", "active")


def add(
    name: str,
    *,
    lead_days: int,
    email: str = "",
    phone: str = "",
    account: str = "",
    by: Person,
    at: datetime,
) -> Supplier:
    """A supplier; `account` is our number with them. Raises SupplierTaken."""
    _refuse_taken(name)
    supplier = Supplier(
        id=uuid.uuid4(),
        number=numbers.fresh("SU"),
        name=name.strip(),
        email=email,
        phone=phone,
        account=account,
        lead_days=lead_days,
    )
    db.session.add(supplier)
    db.session.flush()  # orders point at it
    events.record(Kind.SUPPLIER_ADDED, supplier, name=supplier.name)
    return supplier


def change(supplier: Supplier, changes: Mapping[str, Any], *, by: Person, at: datetime) -> None:
    """Change what we know of one; one that is not active takes no more orders.

    `supplier` is locked. Raises SupplierTaken.
    """
    wanted = {name: changes[name] for name in NAMES if name in changes}
    if "name" in wanted:
        wanted["name"] = wanted["name"].strip()
        _refuse_taken(wanted["name"], but=supplier)
    changed = [name for name, value in wanted.items() if getattr(supplier, name) != value]
    for name in changed:
        setattr(supplier, name, wanted[name])
    if changed:
        events.record(Kind.SUPPLIER_CHANGED, supplier, fields=changed)


def _refuse_taken(name: str, *, but: Supplier | None = None) -> None:
    query = sa.select(Supplier.id).where(Supplier.name == name.strip())
    holder = db.session.scalar(query)
    if holder is not None and (but is None or holder != but.id):
        raise SupplierTaken(
            "Another supplier has this name.",
            fields={"name": ["Another supplier has this name."]},
            name=name,
        )
