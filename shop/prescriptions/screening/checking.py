"""Check a request: gather what is known of client, product and course, and let screening answer.

A fixed number of statements, whatever the client has been prescribed: four at most, and two more
for one who is treated. What nobody knows stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.models import (
    ActiveClass,
    Ingredient,
    IngredientName,
    Product,
    ProductIngredient,
    Variant,
)
from shop.charts import queries as charts
from shop.charts.queries import Chart
from shop.core.db import db
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from shop.prescriptions.screening import facts as known
from shop.prescriptions.screening import judging, knowing
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.rules import rules
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus
from shop.treatments import asked
from shop.treatments.asked import NOTHING, Asked
from shop.treatments.windows import Action, Interval

GIVEN = (FillStatus.CONSUMED, FillStatus.DISPENSED)  # paid for, or gone
STANDING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
RINSED_FORMS = frozenset({"SHAMPOO", "SOAP"})


@dataclass(frozen=True)
class Case:
    """A request to be checked at a moment; `days` of supply are to be prescribed, if known.

    `instead`: the product prescribed instead of the one she asked for.
    `past`: what came after the moment does not count. `lives_in`: the client's state then.
    `beside`: products that are prescribed to her in the same act, before this one.
    """

    request: ApprovalRequest
    at: datetime
    days: int | None = None
    instead: UUID | None = None
    past: bool = False
    lives_in: str | None = None
    beside: frozenset[UUID] = frozenset()

    @property
    def product_id(self) -> UUID:
        """The product that is judged."""
        return self.instead or self.request.variant.product_id


def check(
    request: ApprovalRequest,
    *,
    at: datetime,
    days: int | None = None,
    product_id: UUID | None = None,
) -> tuple[Hit, ...]:
    """What screening says of a request at `at`; `days` of supply are to be prescribed, if known.

    `product_id`: what is prescribed instead of what she asked for.
    """
    day = at.astimezone(UTC).date()
    known_now = facts(request, at=at, days=days, product_id=product_id)
    return judging.screen(known_now, rules(), on=day)


def facts(
    request: ApprovalRequest,
    *,
    at: datetime,
    days: int | None = None,
    product_id: UUID | None = None,
    beside: frozenset[UUID] = frozenset(),
) -> known.Facts:
    """All that is known today of who asks, and of what is to be prescribed; see `Case`."""
    return facts_of([Case(request, at, days, instead=product_id, beside=beside)])[0]


def facts_of(cases: Sequence[Case]) -> list[known.Facts]:
    """The facts of each, in their order. A fixed number of statements, however many there are.

    Of the past no windows are known: a plan says what is asked from now on.
    """
    if not cases:
        return []
    clients = {case.request.client_id for case in cases}
    charted = charts.charts_of([(case.request.client, case.at) for case in cases])
    told = knowing.of_each([case.request for case in cases], charted)
    prescribed = _prescribed(clients)
    rows = [_rows_of(case, prescribed[case.request.client_id]) for case in cases]
    products, treated = _products(
        {case.product_id for case in cases}
        | {row.product_id for each in rows for row in each}
        | {one for case in cases for one in case.beside},
        beside=asked.any_of(clients, min(case.at for case in cases)),
    )
    planned = _planned(cases, charted) if treated else [NOTHING for _ in cases]
    return [
        _facts(case, said, taken, products, hers)
        for case, said, taken, hers in zip(cases, told, rows, planned, strict=True)
    ]


def _planned(cases: Sequence[Case], charted: Sequence[Chart]) -> list[Asked]:
    """What the treatments of each client ask. Two statements."""
    present = [(case, chart) for case, chart in zip(cases, charted, strict=True) if not case.past]
    said = asked.of_each(
        [(case.request.client, case.at) for case, _ in present],
        subjects=frozenset(ActiveClass),
        charted=[chart for _, chart in present],
    )
    by_case = {id(case): one for (case, _), one in zip(present, said, strict=True)}
    return [by_case.get(id(case), NOTHING) for case in cases]


def _facts(
    case: Case,
    told: knowing.Known,
    rows: Sequence[_Row],
    products: Mapping[UUID, known.Product],
    planned: Asked,
) -> known.Facts:
    request = case.request
    wanted = replace(products[case.product_id], days=case.days)
    used = {row.product_id for row in rows if row.in_use(case.at)} | case.beside
    used -= {case.product_id}
    return known.Facts(
        client=told.client,
        candidates=(wanted,),
        regimen=(
            *(products[one] for one in sorted(used, key=str)),
            *(one for one in told.uses if not one.names & wanted.names),  # is what she asks
        ),
        dispensed=(
            *(supply for row in rows for supply in _supplies(row, products)),
            *told.courses,
        ),
        windows=tuple(_window(one) for one in planned.intervals),
        states=frozenset({case.lives_in or request.client.state or "", request.ship_to_state}),
    )


def _window(one: Interval) -> known.Window:
    """In days of the clinic. A stop that holds nothing is told as what is better avoided."""
    avoided = one.action is Action.STOP and not one.holds
    action = Action.AVOID if avoided else one.action
    return known.Window(ActiveClass(one.subject), action, one.begins.date(), one.until.date())


# --- what she uses -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A fill that a client was given, or a prescription without one. `stood`: not taken back."""

    request_id: UUID
    product_id: UUID
    stood: bool
    signed_at: datetime
    revoked_at: datetime | None
    valid_until: datetime
    days_supply: int
    given_at: datetime | None

    def in_use(self, at: datetime) -> bool:
        """The prescription stands or pauses, or what she was given of it lasts until today."""
        stands = self.stood and at < self.valid_until
        return stands or (
            self.given_at is not None and at < self.given_at + timedelta(days=self.days_supply)
        )

    def as_of(self, at: datetime) -> _Row:
        """What it was then: not revoked yet, or not given yet."""
        revoked = self.revoked_at is not None and self.revoked_at <= at
        later = self.given_at is not None and self.given_at > at
        return replace(self, stood=not revoked, given_at=None if later else self.given_at)


def _rows_of(case: Case, rows: Iterable[_Row]) -> list[_Row]:
    """Of a client's rows those that count for the case: not of its own request."""
    others = [row for row in rows if row.request_id != case.request.id]
    if not case.past:
        return others
    return [row.as_of(case.at) for row in others if row.signed_at <= case.at]


def _prescribed(clients: Collection[UUID]) -> dict[UUID, list[_Row]]:
    """Of each client a row per fill she was given, and one for a prescription without; not of what
    was prescribed instead of what she asked for and she never took.
    """
    given_at = sa.func.coalesce(Fill.dispensed_at, Fill.consumed_at)
    found = db.session.execute(
        sa.select(
            Prescription.client_id,
            Prescription.request_id,
            Prescription.status,
            Prescription.signed_at,
            Prescription.revoked_at,
            Prescription.valid_until,
            Prescription.days_supply,
            Variant.product_id,
            given_at.label("given_at"),
        )
        .join(Variant, Variant.id == Prescription.variant_id)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .outerjoin(Fill, sa.and_(Fill.prescription_id == Prescription.id, Fill.status.in_(GIVEN)))
        .where(
            Prescription.client_id.in_(clients),
            ApprovalRequest.status == RequestStatus.APPROVED,
            # An error is no therapy. What has left under it she may have used all the same.
            sa.or_(
                Prescription.status != PrescriptionStatus.ENTERED_IN_ERROR,
                Fill.status == FillStatus.DISPENSED,
            ),
        )
        .order_by(Prescription.id, Fill.number)
    )
    rows: dict[UUID, list[_Row]] = defaultdict(list)
    for one in found:
        rows[one.client_id].append(
            _Row(
                request_id=one.request_id,
                product_id=one.product_id,
                stood=one.status in STANDING,
                signed_at=one.signed_at,
                revoked_at=one.revoked_at,
                valid_until=one.valid_until,
                days_supply=one.days_supply,
                given_at=one.given_at,
            )
        )
    return rows


def _supplies(row: _Row, products: Mapping[UUID, known.Product]) -> Iterable[known.Dispensed]:
    """What one fill was of each class of active."""
    if row.given_at is None:
        return
    product = products[row.product_id]
    day = row.given_at.astimezone(UTC).date()
    for active_class in sorted({one.active_class for one in product.actives if one.active_class}):
        yield known.Dispensed(active_class, row.days_supply, day, product.name)


def products_known(ids: Collection[UUID]) -> dict[UUID, known.Product]:
    """Products with their substances, as filed and as the dictionary has them."""
    return _products(ids, beside=sa.false())[0]


def _products(
    ids: Collection[UUID], *, beside: sa.ColumnElement[bool]
) -> tuple[dict[UUID, known.Product], bool]:
    """The same, and the answer to a question that rides along: it costs no statement of its own."""
    lines: dict[UUID, list[Any]] = defaultdict(list)
    answer = False
    for row in db.session.execute(
        sa.select(
            beside.label("beside"),
            Product.id,
            Product.name,
            Product.dosage_form,
            ProductIngredient.active,
            ProductIngredient.percent,
            IngredientName.name.label("filed"),
            Ingredient.inci_name,
            Ingredient.active_class,
            Ingredient.pregnancy,
        )
        .outerjoin(ProductIngredient, ProductIngredient.product_id == Product.id)
        .outerjoin(IngredientName, IngredientName.id == ProductIngredient.name_id)
        .outerjoin(Ingredient, Ingredient.id == IngredientName.ingredient_id)
        .where(Product.id.in_(ids))
        .order_by(Product.id, ProductIngredient.position)
    ):
        lines[row.id].append(row)
        answer = row.beside
    return {one: _product(rows) for one, rows in lines.items()}, answer


def _product(rows: Sequence[Any]) -> known.Product:
    first = rows[0]
    names = {name for row in rows for name in (row.filed, row.inci_name) if name}
    form = first.dosage_form.upper()
    return known.Product(
        key=str(first.id),
        name=first.name,
        actives=tuple(
            known.Active(
                row.inci_name or row.filed,
                row.active_class,
                row.percent,
                row.pregnancy,
                known=row.inci_name is not None,
                filed=row.filed,
            )
            for row in rows
            if row.active
        ),
        ingredients=frozenset(names),
        complete=any(row.active is False for row in rows),  # registers of drugs list actives only
        leave_on=False if form in RINSED_FORMS else None,
        form=form,
    )
