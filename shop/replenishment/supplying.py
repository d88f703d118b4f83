"""What clients have at home, and when it runs out: read from the rows, reckoned by `running_out`.

Ten statements at most, however many clients are asked about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.models import (
    ActiveClass,
    Product,
    Variant,
)
from shop.core.db import db
from shop.core.events import Event
from shop.orders.models import OrderLine
from shop.orders.states import LineStatus
from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import HeldFor, PrescriptionStatus
from shop.replenishment.running_out import Pause, RunOut, between, run_out
from shop.treatments import asked, regimens
from shop.treatments import queries as treatments
from shop.treatments.course import LOOKED_AT, SHIELDING, Course
from shop.treatments.models import ReportAnswer, SessionReport
from shop.treatments.regimens import Pack, Step
from shop.treatments.windows import Action

ON_HOLD = "Your prescription is on hold."
NEVER_SAID = "How much of it you use was never said."


@dataclass(frozen=True)
class Supply:
    """A pack that a client was handed out last. `why`: what its run-out cannot be known for."""

    client_id: UUID
    variant_id: UUID
    sku: str
    name: str
    line_id: UUID
    quantity: int
    since: date
    active: bool  # a report out of course holds it
    run_out: RunOut | None
    why: str = ""

    @property
    def runs_out_on(self) -> date | None:
        return self.run_out.on if self.run_out else None


def of_clients(clients: Sequence[Person], *, at: datetime, zone: str) -> dict[UUID, list[Supply]]:
    """What each of these was handed out last of every pack, by client, in the packs' order.

    A client with nothing is left out. Raises sealed.NotOpened where the key of a plan, or of a
    chart that a rule asks for, is missing.
    """
    ids = [client.id for client in clients]
    rows = _handed_out(ids)
    if not rows:
        return {}
    clinic = ZoneInfo(zone)
    holders = {row.client_id for row in rows}
    steps = _regimens(holders, at, clinic)
    classes = catalog.active_classes(Variant.id, {row.variant_id for row in rows})
    pauses = _Pauses(
        windows=_windows(
            [one for one in clients if one.id in holders],
            {each for held in classes.values() for each in held},
            since=min(row.shipped_at for row in rows),
            at=at,
        ),
        holds=_holds({row.prescription_id for row in rows if row.prescription_id}, clinic),
        reports=_reports(holders, clinic),
        classes=classes,
    )
    today = at.astimezone(clinic).date()
    found: defaultdict[UUID, list[Supply]] = defaultdict(list)
    for row in rows:
        found[row.client_id].append(
            _supply(row, steps.get(row.client_id, ()), pauses, clinic, today)
        )
    return dict(found)


def of_client(client: Person, *, at: datetime, zone: str) -> list[Supply]:
    """The same of one."""
    return of_clients([client], at=at, zone=zone).get(client.id, [])


def _handed_out(clients: Collection[UUID]) -> Sequence[Any]:
    """Of each pack of each client the line that left last; what came back does not count."""
    lines = (
        sa.select(
            OrderLine.id,
            OrderLine.client_id,
            OrderLine.variant_id,
            OrderLine.quantity,
            OrderLine.shipped_at,
            OrderLine.fill_id,
        )
        .ext(distinct_on(OrderLine.client_id, OrderLine.variant_id))
        .where(
            OrderLine.client_id.in_(clients),
            OrderLine.shipped_at.is_not(None),
            OrderLine.status.in_((LineStatus.SHIPPED, LineStatus.DELIVERED)),
        )
        .order_by(
            OrderLine.client_id,
            OrderLine.variant_id,
            OrderLine.shipped_at.desc(),
            OrderLine.id,
        )
        .subquery()
    )
    return db.session.execute(
        sa.select(
            lines,
            Variant.sku,
            Variant.name.label("pack"),
            Variant.net_content,
            Variant.net_unit,
            Product.name.label("product"),
            Fill.prescription_id,
            Prescription.days_supply,
        )
        .join(Variant, Variant.id == lines.c.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(Fill, Fill.id == lines.c.fill_id)
        .outerjoin(Prescription, Prescription.id == Fill.prescription_id)
        .order_by(lines.c.client_id, Product.name, Variant.sku)
    ).all()


def _regimens(
    clients: Collection[UUID], at: datetime, zone: ZoneInfo
) -> dict[UUID, tuple[Step, ...]]:
    """The steps of each client's active plans that are followed today, each once."""
    today = at.astimezone(zone).date()
    found: defaultdict[UUID, dict[Any, Step]] = defaultdict(dict)
    for client_id, version in treatments.running(clients):
        for step in regimens.read(version.content):
            if step.until is None or today < step.until:
                found[client_id][step.sku, step.slot, step.days] = step
    return {client_id: tuple(each.values()) for client_id, each in found.items()}


def _windows(
    clients: Sequence[Person],
    subjects: Collection[ActiveClass],
    *,
    since: datetime,
    at: datetime,
) -> dict[UUID, dict[str, list[Pause]]]:
    """By client and class of active: the days on which her treatments stop it."""
    said = asked.of_each([(one, at) for one in clients], subjects=subjects, since=since)
    found: dict[UUID, dict[str, list[Pause]]] = {}
    for client, each in zip(clients, said, strict=True):
        hers: defaultdict[str, list[Pause]] = defaultdict(list)
        for one in each.intervals:
            if one.action is Action.STOP:
                hers[one.subject].append(
                    Pause(one.begins.date(), one.until.date(), each.sentence(one))
                )
        found[client.id] = hers
    return found


def _holds(prescriptions: Collection[UUID], zone: ZoneInfo) -> dict[UUID, list[Pause]]:
    """By prescription: when it was on hold for her health's sake; a lapsed licence stops no use."""
    rows = db.session.execute(
        sa.select(Event.subject_id, Event.from_state, Event.to_state, Event.facts, Event.at)
        .where(Event.subject_id.in_(prescriptions), Event.from_state != Event.to_state)
        .order_by(Event.subject_id, Event.seq)
    )
    found: defaultdict[UUID, list[Pause]] = defaultdict(list)
    for row in rows:
        day = row.at.astimezone(zone).date()
        held = found[row.subject_id]
        if row.from_state == PrescriptionStatus.ON_HOLD and held and held[-1].until is None:
            last = held.pop()
            held += between(last.first, day, last.why)
        lapsed = row.facts.get("reason") == HeldFor.LICENCE_LAPSED
        if row.to_state == PrescriptionStatus.ON_HOLD and not lapsed:
            held.append(Pause(day, None, ON_HOLD))
    return found


def _reports(clients: Collection[UUID], zone: ZoneInfo) -> dict[UUID, list[Pause]]:
    """By client: from a report out of course until a physician has answered it."""
    rows = db.session.execute(
        sa.select(SessionReport.client_id, SessionReport.reported_at, ReportAnswer.answered_at)
        .outerjoin(ReportAnswer, ReportAnswer.report_id == SessionReport.id)
        .where(SessionReport.client_id.in_(clients), SessionReport.course == Course.OUT_OF_COURSE)
    )
    found: defaultdict[UUID, list[Pause]] = defaultdict(list)
    for row in rows:
        until = row.answered_at and row.answered_at.astimezone(zone).date()
        found[row.client_id] += between(row.reported_at.astimezone(zone).date(), until, LOOKED_AT)
    return found


@dataclass(frozen=True)
class _Pauses:
    windows: Mapping[UUID, Mapping[str, list[Pause]]]
    holds: Mapping[UUID, list[Pause]]
    reports: Mapping[UUID, list[Pause]]
    classes: Mapping[UUID, frozenset[ActiveClass]]

    def active(self, row: Any) -> bool:
        return bool(row.fill_id or self.classes.get(row.variant_id, frozenset()) - SHIELDING)

    def of(self, row: Any) -> Iterable[Pause]:
        """What stops this pack."""
        hers = self.windows.get(row.client_id, {})
        for subject in sorted(self.classes.get(row.variant_id, ())):
            yield from hers.get(subject, ())
        yield from self.holds.get(row.prescription_id, ())
        if self.active(row):
            yield from self.reports.get(row.client_id, ())


def _supply(
    row: Any, steps: Sequence[Step], pauses: _Pauses, zone: ZoneInfo, today: date
) -> Supply:
    days, why = _days(row, steps)
    since = row.shipped_at.astimezone(zone).date()
    return Supply(
        client_id=row.client_id,
        variant_id=row.variant_id,
        sku=row.sku,
        name=f"{row.product}, {row.pack}",
        line_id=row.id,
        quantity=row.quantity,
        since=since,
        active=pauses.active(row),
        run_out=None if days is None else run_out(since, days, pauses.of(row), today=today),
        why=why,
    )


def _days(row: Any, steps: Sequence[Step]) -> tuple[int | None, str]:
    """What was signed for, where it was prescribed; else what her regimen makes of the packs."""
    if row.days_supply is not None:
        return row.days_supply, ""
    hers = [step for step in steps if step.sku == row.sku]
    if not hers:
        return None, NEVER_SAID
    pack = Pack(row.net_content and row.net_content * row.quantity, row.net_unit)
    supply = regimens.supplies(hers, {row.sku: pack})[row.sku]
    return supply.days or None, supply.why
