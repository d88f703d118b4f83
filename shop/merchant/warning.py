"""Permissions that end soon: told once at each step, sixty days before to the last one."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.expiring import STEPS, step, told_of
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.merchant import queries
from shop.merchant.models import MerchantPermission


def tell(*, at: datetime) -> list[MerchantPermission]:
    """Record for each permission that ends within sixty days the step it has come to.

    One that another follows without a gap is not told of. Safe to repeat.
    """
    today = queries.today(at)
    query = locked(queries.ending(today, within=STEPS[0]), MerchantPermission)
    found = db.session.scalars(query).all()
    told = told_of(Kind.MERCHANT_PERMISSION_ENDING, [one.id for one in found])
    due = []
    for one in found:
        come_to = step((one.valid_until - today).days)
        if come_to < told.get(one.id, STEPS[0] + 1):
            until = one.valid_until.isoformat()
            events.record(Kind.MERCHANT_PERMISSION_ENDING, one, step=come_to, until=until)
            due.append(one)
    return due
