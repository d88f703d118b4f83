"""What becomes of each class of data when an account is closed: what goes, what stays how long.

The clinic's table (docs/privacy.md says the same). Days are counted from the last thing of that
class; where the law of a state says longer, the longer one holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.models import Access, ChartEntry
from shop.core.db import db
from shop.invoices.models import Paper
from shop.orders.models import Order
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.treatments.models import Plan

OF_AGE = 21  # minors' records are kept so long at least


class DataClass(StrEnum):
    """What is kept of a client."""

    CLINICAL = "clinical"  # chart, answers, prescriptions, plans, reports, photos
    ORDERS = "orders"  # orders, invoices, payments
    TRACE = "trace"  # which units of which lot she got
    ACCESS = "access"  # who opened the record, and the trail of events


YEARS = {
    DataClass.CLINICAL: 10,
    DataClass.ORDERS: 7,
    DataClass.TRACE: 6,
    DataClass.ACCESS: 6,
}
# What goes at once, in the order of the page.
GOES = (
    "name_and_mail",
    "sign_ins",
    "passkeys",
    "tokens",
    "cart",
    "cards",
    "reminders",
    "calendar",
    "drafts",
)


@dataclass(frozen=True)
class Kept:
    """So many rows of a class are kept until (not including) a day."""

    kind: DataClass
    rows: int
    until: date


def of(client: Person, *, today: date) -> list[Kept]:
    """What would be kept of hers if her account were closed on `today`."""
    counted = {
        DataClass.CLINICAL: _rows(client, ChartEntry, ApprovalRequest, Prescription, Plan),
        DataClass.ORDERS: _rows(client, Order, Paper),
        DataClass.TRACE: _rows(client, Order),
        DataClass.ACCESS: _rows(client, Access),
    }
    return [Kept(kind, rows, until(kind, client, today)) for kind, rows in counted.items() if rows]


def until(kind: DataClass, client: Person, today: date) -> date:
    """The day from which a class may go. What describes the clinical record lasts as long as it."""
    last = _after(today, YEARS[kind])
    if kind is DataClass.ACCESS:
        return max(last, until(DataClass.CLINICAL, client, today))
    if kind is DataClass.CLINICAL and client.birth_date is not None:
        return max(last, _after(client.birth_date, OF_AGE))
    return last


def told(kept: list[Kept]) -> Mapping[str, object]:
    """The same as plain JSON, for the closure's row."""
    return {one.kind.value: {"rows": one.rows, "until": one.until.isoformat()} for one in kept}


def _rows(
    client: Person,
    *kinds: type[ChartEntry | ApprovalRequest | Order | Paper | Access | Prescription | Plan],
) -> int:
    counts = (sa.select(sa.func.count()).where(kind.client_id == client.id) for kind in kinds)
    return sum(db.session.scalar(query) or 0 for query in counts)


def _after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, month=3, day=1)
