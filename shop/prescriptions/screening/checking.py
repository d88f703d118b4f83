"""Check a request: gather what is known of client, product and course, and let screening answer.

Four statements at most, whatever the client has been prescribed. What nobody knows stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.models import (
    Ingredient,
    IngredientName,
    Product,
    ProductIngredient,
    Variant,
)
from shop.core.db import db
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from shop.prescriptions.screening import facts as known
from shop.prescriptions.screening import judging, knowing
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.rules import rules
from shop.prescriptions.states import FillStatus, PrescriptionStatus

GIVEN = (FillStatus.CONSUMED, FillStatus.DISPENSED)  # paid for, or gone
STANDING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
RINSED_FORMS = frozenset({"SHAMPOO", "SOAP"})


def check(request: ApprovalRequest, *, at: datetime, days: int | None = None) -> tuple[Hit, ...]:
    """What screening says of a request at `at`; `days` of supply are to be prescribed, if known."""
    day = at.astimezone(UTC).date()
    return judging.screen(facts(request, at=at, days=days), rules(), on=day)


def facts(request: ApprovalRequest, *, at: datetime, days: int | None = None) -> known.Facts:
    """All that is known today of who asks, and of what is asked for."""
    asked = request.variant.product_id
    told = knowing.of(request, at=at)
    rows = _prescribed(request)
    used = {row.product_id for row in rows if _in_use(row, at)} - {asked}
    products = _products({asked, *(row.product_id for row in rows)}, days={asked: days})
    return known.Facts(
        client=told.client,
        candidates=(products[asked],),
        regimen=(
            *(products[one] for one in sorted(used, key=str)),
            *(
                one for one in told.uses if not one.names & products[asked].names
            ),  # is what she asks
        ),
        dispensed=(
            *(supply for row in rows for supply in _supplies(row, products)),
            *told.courses,
        ),
        windows=(),  # no treatment is planned in this shop yet
        states=frozenset({request.client.state or "", request.ship_to_state}),
    )


# --- what she uses -------------------------------------------------------------------------------


def _prescribed(request: ApprovalRequest) -> Sequence[Any]:
    """A row per fill she was given, and one for a prescription without; not of this request."""
    given_at = sa.func.coalesce(Fill.dispensed_at, Fill.consumed_at)
    return db.session.execute(
        sa.select(
            Prescription.status,
            Prescription.valid_until,
            Prescription.days_supply,
            Variant.product_id,
            given_at.label("given_at"),
        )
        .join(Variant, Variant.id == Prescription.variant_id)
        .outerjoin(Fill, sa.and_(Fill.prescription_id == Prescription.id, Fill.status.in_(GIVEN)))
        .where(
            Prescription.client_id == request.client_id,
            Prescription.request_id != request.id,
            # An error is no therapy. What has left under it she may have used all the same.
            sa.or_(
                Prescription.status != PrescriptionStatus.ENTERED_IN_ERROR,
                Fill.status == FillStatus.DISPENSED,
            ),
        )
        .order_by(Prescription.id, Fill.number)
    ).all()


def _in_use(row: Any, at: datetime) -> bool:
    """The prescription stands or pauses, or what she was given of it lasts until today."""
    stands = row.status in STANDING and at < row.valid_until
    return stands or (
        row.given_at is not None and at < row.given_at + timedelta(days=row.days_supply)
    )


def _supplies(row: Any, products: Mapping[UUID, known.Product]) -> Iterable[known.Dispensed]:
    """What one fill was of each class of active."""
    if row.given_at is None:
        return
    product = products[row.product_id]
    day = row.given_at.astimezone(UTC).date()
    for active_class in sorted({one.active_class for one in product.actives if one.active_class}):
        yield known.Dispensed(active_class, row.days_supply, day, product.name)


def _products(
    ids: Collection[UUID], *, days: Mapping[UUID, int | None]
) -> dict[UUID, known.Product]:
    """Products with their substances, as filed and as the dictionary has them."""
    lines: dict[UUID, list[Any]] = defaultdict(list)
    for row in db.session.execute(
        sa.select(
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
    return {one: _product(rows, days.get(one)) for one, rows in lines.items()}


def _product(rows: Sequence[Any], days: int | None) -> known.Product:
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
            )
            for row in rows
            if row.active
        ),
        ingredients=frozenset(names),
        complete=any(row.active is False for row in rows),  # registers of drugs list actives only
        leave_on=False if form in RINSED_FORMS else None,
        form=form,
        days=days,
    )
