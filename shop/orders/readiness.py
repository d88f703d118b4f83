"""What readiness is judged from, read from the rows: treatments, prescriptions and what was sent.

The same number of statements however many sessions (`tests/orders/test_readiness.py`). Who shows
it to somebody else than the client writes down that her record was opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased, joinedload, selectinload

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import queries as charts
from shop.charts.queries import Chart
from shop.core.clock import day_in
from shop.core.db import db
from shop.core.rules import ACTIVATED, EVERYWHERE
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus
from shop.prescriptions.models import Prescription
from shop.prescriptions.standing import Standing
from shop.treatments import knowing, readiness, regimens, windows
from shop.treatments.asked import REACH
from shop.treatments.course import Course
from shop.treatments.models import (
    Performance,
    Plan,
    PlanStart,
    PlanVersion,
    ReportAnswer,
    Session,
    SessionMove,
    SessionReport,
    SessionWaiver,
    WindowRuleRow,
)
from shop.treatments.readiness import (
    Booked,
    Care,
    Given,
    Judged,
    Known,
    Readiness,
    Reported,
    Waived,
)
from shop.treatments.readiness.judging import LASTS
from shop.treatments.states import AHEAD, ENDED, PlanStatus, SessionStatus
from shop.treatments.windows import Facts, WindowRule

LEFT = (LineStatus.SHIPPED, LineStatus.DELIVERED)
GIVES = (Standing.ACTIVE, Standing.NOT_YET)
Classes = Mapping[UUID, frozenset[str]]  # by product


def of(sessions: Collection[Session], *, at: datetime) -> dict[UUID, Judged]:
    """How each of these that is booked stands at `at`, by its id.

    Raises sealed.NotOpened where a key of a chart, a plan, a report or a waiver is missing.
    """
    booked = [one for one in sessions if one.status is SessionStatus.BOOKED]
    if not booked:
        return {}
    rows = _Rows.read(booked, at)
    found: dict[UUID, Judged] = {}
    for client_id, zone in sorted({(one.client_id, one.zone) for one in rows.sessions}):
        for key, judged in readiness.judge(rows.known(client_id, zone), at=at).items():
            found[UUID(key)] = judged
    return found


def of_one(session: Session, *, at: datetime) -> Judged:
    """The same of one; nothing is found where it is not booked."""
    return of([session], at=at).get(session.id, Judged(Readiness.READY))


@dataclass(frozen=True)
class _Rows:
    """Everything of these clients, a statement each."""

    at: datetime
    asked: frozenset[UUID]  # sessions
    sessions: Sequence[Any]
    rules: Sequence[WindowRule]
    charts: Mapping[UUID, Chart]
    states: Mapping[UUID, str]  # of clients
    plans: Mapping[UUID, Sequence[regimens.Step]]  # what the newest version of each says
    packs: Mapping[str, Any]  # by SKU
    given: Mapping[UUID, Sequence[Any]]
    classes: Classes
    prescribed: Mapping[UUID, Collection[UUID]]  # client → products
    reports: Mapping[UUID, Sequence[Any]]
    waivers: Mapping[UUID, Sequence[SessionWaiver]]
    plan_rows: Mapping[UUID, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, booked: Sequence[Session], at: datetime) -> _Rows:
        clients = {one.client_id for one in booked}
        people = _people(clients)
        sessions = _sessions(clients, at)
        plan_rows = {one.plan_id: one for one in sessions if one.plan_status not in ENDED}
        plans = _steps(plan_rows)
        packs = _packs({step.sku for steps in plans.values() for step in steps})
        given = _given(clients, at)
        products = {row.product_id for rows in given.values() for row in rows}
        return cls(
            at=at,
            asked=frozenset(one.id for one in booked),
            sessions=sessions,
            rules=_rules({one.procedure for one in sessions}),
            charts=dict(zip(people, _charts(people.values(), at), strict=True)),
            states={one.id: one.state or EVERYWHERE for one in people.values()},
            plans=plans,
            packs=packs,
            given=given,
            classes=catalog.active_classes(
                Variant.product_id, products | {row.product_id for row in packs.values()}
            ),
            prescribed=_prescribed(clients, at),
            reports=_reports(clients),
            waivers=_waivers({one.id for one in booked}),
            plan_rows=plan_rows,
        )

    def known(self, client_id: UUID, zone: str) -> Known:
        """Of one client, in one clinic's days."""
        there = [one for one in self.sessions if (one.client_id, one.zone) == (client_id, zone)]
        chart = self.charts[client_id]
        return Known(
            zone=ZoneInfo(zone),
            sessions=tuple(_session(one) for one in there),
            booked={str(one.id): self._booked(one) for one in there if one.id in self.asked},
            rules=tuple(self.rules),
            facts=self._facts(client_id, chart),
            care=tuple(self._care(client_id)),
            given=tuple(self._gifts(client_id, zone)),
            taken=knowing.taken(chart),
            reports=tuple(_reported(one) for one in self.reports.get(client_id, ())),
        )

    def _facts(self, client_id: UUID, chart: Chart) -> Facts:
        clinics = {one.state for one in self.sessions if one.client_id == client_id}
        return knowing.facts(chart, states=frozenset({self.states[client_id], *clinics}))

    def _booked(self, row: Any) -> Booked:
        return Booked(
            plan=row.number,
            waits=WAITS.get(row.plan_status, ""),
            moved_at=row.moved_at,
            waivers=tuple(
                Waived(
                    names=frozenset(one.findings),
                    starts=one.starts_at,
                    by=one.physician.name,
                    at=one.waived_at,
                    why=one.reason,
                )
                for one in self.waivers.get(row.id, ())
            ),
        )

    def _care(self, client_id: UUID) -> Iterable[Care]:
        prescribed = self.prescribed.get(client_id, ())
        for plan_id, steps in self.plans.items():
            plan = self.plan_rows[plan_id]
            for step in steps if plan.client_id == client_id else ():
                pack = self.packs.get(step.sku)
                product = pack.product_id if pack else None
                yield Care(
                    plan=plan.number,
                    sku=step.sku,
                    called=step.product,
                    product=str(product or step.sku),
                    classes=self.classes.get(product, frozenset()) if product else frozenset(),
                    doctor_only=pack.doctor_only if pack else step.doctor_only,
                    prescribed=product in prescribed,
                    primes=step.priming and plan.plan_status is PlanStatus.ACTIVE,
                    since=step.since,
                    until=step.until,
                )

    def _gifts(self, client_id: UUID, zone: str) -> Iterable[Given]:
        for row in self.given.get(client_id, ()):
            classes = self.classes.get(row.product_id, frozenset())
            yield Given(str(row.product_id), classes, day_in(zone, row.shipped_at))


WAITS = {
    PlanStatus.PROPOSED: "No physician has started the plan",
    PlanStatus.AWAITING_PHYSICIAN: "No physician has started the plan",
    PlanStatus.ON_HOLD: "The plan is on hold",
}


def _people(clients: Collection[UUID]) -> dict[UUID, Person]:
    rows = db.session.scalars(sa.select(Person).where(Person.id.in_(clients)))
    return {one.id: one for one in rows}


def _charts(people: Iterable[Person], at: datetime) -> list[Chart]:
    return charts.charts_of([(one, at) for one in people])


def _sessions(clients: Collection[UUID], at: datetime) -> Sequence[Any]:
    """Those that are ahead under a plan that has not ended, and what was performed lately."""
    moved = (
        sa.select(SessionMove.session_id, sa.func.max(SessionMove.moved_at).label("moved_at"))
        .group_by(SessionMove.session_id)
        .subquery()
    )
    ahead = sa.and_(
        Session.status.in_(AHEAD),
        sa.or_(Session.status == SessionStatus.BOOKED, PlanStart.started_at.is_not(None)),
        Plan.status.not_in(ENDED),
    )
    query = (
        sa.select(
            Session.id,
            Session.client_id,
            Session.plan_id,
            Session.procedure,
            Session.starts_at,
            Session.ends_at,
            Session.created_at,
            Plan.number,
            Plan.state,
            Plan.zone,
            Plan.status.label("plan_status"),
            PlanStart.started_at,
            Performance.performed_at,
            moved.c.moved_at,
        )
        .join(Plan, Plan.id == Session.plan_id)
        .outerjoin(PlanStart, PlanStart.plan_id == Plan.id)
        .outerjoin(Performance, Performance.session_id == Session.id)
        .outerjoin(moved, moved.c.session_id == Session.id)
        .where(
            Session.client_id.in_(clients),
            Session.starts_at > at - REACH,
            sa.or_(ahead, Session.status == SessionStatus.PERFORMED),
        )
        .order_by(Session.starts_at, Session.id)
    )
    return db.session.execute(query).all()


def _session(row: Any) -> windows.Session:
    """As planned, or when it was done. She was told when it was moved, or else when a physician
    started the plan, or it was added to one that was started.
    """
    starts = row.performed_at or row.starts_at
    planned_at = max(filter(None, (row.created_at, row.started_at)))
    return windows.Session(
        key=str(row.id),
        procedure=row.procedure,
        starts=starts,
        ends=starts + (row.ends_at - row.starts_at),
        told_at=None if row.performed_at else row.moved_at or planned_at,
    )


def _rules(procedures: Collection[str]) -> Sequence[WindowRule]:
    """All that were ever activated: which of them holds is asked of each session's day."""
    query = (
        sa.select(WindowRuleRow)
        .where(WindowRuleRow.status.in_(ACTIVATED), WindowRuleRow.procedure.in_(procedures))
        .order_by(WindowRuleRow.number, WindowRuleRow.version)
    )
    return [row.as_rule() for row in db.session.scalars(query)]


def _steps(plans: Collection[UUID]) -> dict[UUID, Sequence[regimens.Step]]:
    newest = (
        sa.select(PlanVersion)
        .ext(distinct_on(PlanVersion.plan_id))
        .where(PlanVersion.plan_id.in_(plans))
        .order_by(PlanVersion.plan_id, PlanVersion.number.desc())
    )
    return {one.plan_id: regimens.read(one.content) for one in db.session.scalars(newest)}


def _packs(skus: Collection[str]) -> dict[str, Any]:
    query = sa.select(Variant.sku, Variant.product_id, Variant.doctor_only)
    return {row.sku: row for row in db.session.execute(query.where(Variant.sku.in_(skus)))}


def _given(clients: Collection[UUID], at: datetime) -> dict[UUID, list[Any]]:
    """What left for them within the days for which a pack counts, and did not come back."""
    query = (
        sa.select(Order.client_id, Variant.product_id, OrderLine.shipped_at)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .where(
            Order.client_id.in_(clients),
            OrderLine.status.in_(LEFT),
            OrderLine.shipped_at > at - LASTS - timedelta(days=1),
            OrderLine.shipped_at <= at,
        )
    )
    return _by_client(db.session.execute(query))


def _prescribed(clients: Collection[UUID], at: datetime) -> dict[UUID, set[UUID]]:
    """The products for which a prescription stands, or will from a day that it names."""
    query = (
        sa.select(Prescription)
        .where(Prescription.client_id.in_(clients), Prescription.valid_until > at)
        .options(
            joinedload(Prescription.variant),
            joinedload(Prescription.request),
            joinedload(Prescription.supersession),
            joinedload(Prescription.taken_away),
            selectinload(Prescription.fills),
        )
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for one in db.session.scalars(query):
        if one.standing(at) in GIVES and one.fills_left > 0:
            found[one.client_id].add(one.variant.product_id)
    return found


def _reports(clients: Collection[UUID]) -> dict[UUID, list[Any]]:
    newer = aliased(SessionReport)
    query = sa.select(
        SessionReport.id,
        SessionReport.client_id,
        SessionReport.on_day,
        SessionReport.number,
        SessionReport.course,
        sa.exists().where(ReportAnswer.report_id == SessionReport.id).label("answered"),
        sa.exists().where(newer.replaces_id == SessionReport.id).label("replaced"),
    ).where(SessionReport.client_id.in_(clients))
    return _by_client(db.session.execute(query))


def _reported(row: Any) -> Reported:
    return Reported(
        key=str(row.id),
        on=row.on_day,
        number=row.number,
        course=row.course,
        waits=row.course is not Course.EXPECTED and not row.answered,
        stands=not row.replaced,
    )


def _waivers(sessions: Collection[UUID]) -> dict[UUID, list[SessionWaiver]]:
    query = (
        sa.select(SessionWaiver)
        .where(SessionWaiver.session_id.in_(sessions))
        .options(joinedload(SessionWaiver.physician))
    )
    found: dict[UUID, list[SessionWaiver]] = defaultdict(list)
    for one in db.session.scalars(query):
        found[one.session_id].append(one)
    return found


def _by_client(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.client_id].append(row)
    return found
