"""Check a request: gather what is known of client, product and course, and let screening answer.

Three statements at most, whatever the client has been prescribed. What nobody knows stays unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.filings import normalised
from shop.catalog.models import (
    Ingredient,
    IngredientName,
    Product,
    ProductIngredient,
    Variant,
)
from shop.core.db import db
from shop.prescriptions import screening
from shop.prescriptions import screening_facts as known
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from shop.prescriptions.screening import Hit
from shop.prescriptions.screening_facts import Condition, PregnancyStatus, Taking
from shop.prescriptions.screening_rules import rules
from shop.prescriptions.states import FillStatus, PrescriptionStatus

GIVEN = (FillStatus.CONSUMED, FillStatus.DISPENSED)  # paid for, or gone
STANDING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
RINSED_FORMS = frozenset({"SHAMPOO", "SOAP"})
SIX_MONTHS = timedelta(days=183)
LONGEST_NAME = 6  # words of a substance that are looked for in a text
NO_ALLERGEN = frozenset({"AQUA"})  # people mention water

CONDITIONS: Mapping[str, frozenset[Condition]] = {
    "eczema": frozenset({Condition.ECZEMA}),
    "psoriasis": frozenset({Condition.PSORIASIS}),
    "rosacea": frozenset({Condition.ROSACEA}),
    "cold_sores": frozenset({Condition.COLD_SORES}),
    "open_skin": frozenset({Condition.OPEN_SKIN, Condition.SUNBURN}),  # asked in one question
}
FITZPATRICK = {
    "always_burns": 1,
    "usually_burns": 2,
    "sometimes_burns": 3,
    "rarely_burns": 4,
    "never_burns": 5,
}


def check(request: ApprovalRequest, *, at: datetime, days: int | None = None) -> tuple[Hit, ...]:
    """What screening says of a request at `at`; `days` of supply are to be prescribed, if known."""
    day = at.astimezone(UTC).date()
    return screening.screen(facts(request, at=at, days=days), rules(), on=day)


def facts(request: ApprovalRequest, *, at: datetime, days: int | None = None) -> known.Facts:
    """All that is known today of who asks, and of what is asked for."""
    asked = request.variant.product_id
    rows = _prescribed(request)
    used = {row.product_id for row in rows if _in_use(row, at)} - {asked}
    products = _products({asked, *(row.product_id for row in rows)}, days={asked: days})
    return known.Facts(
        client=_client(request),
        candidates=(products[asked],),
        regimen=tuple(products[one] for one in sorted(used, key=str)),
        dispensed=tuple(supply for row in rows for supply in _supplies(row, products)),
        windows=(),  # no treatment is planned in this shop yet
        states=frozenset({request.client.state or "", request.ship_to_state}),
    )


# --- the client ----------------------------------------------------------------------------------


def _client(request: ApprovalRequest) -> known.Client:
    """What she told us with this request. The chart joins here: what it knows, and since when."""
    answers: Mapping[str, Any] = request.answers or {}
    said_on = request.submitted_at and request.submitted_at.astimezone(UTC).date()
    chosen = answers.get("skin_conditions")
    has = frozenset(one for word in chosen or () for one in CONDITIONS.get(word, ()))
    asked = frozenset(one for ones in CONDITIONS.values() for one in ones)
    return known.Client(
        birth_date=request.client.birth_date,
        pregnancy=_pregnancy(answers.get("pregnancy")),
        pregnancy_on=said_on,
        allergies=_allergies(_told(answers, "has_allergies", "allergies")),
        has=has,
        has_not=asked - has if chosen else frozenset(),
        medicines=_told(answers, "takes_medicines", "medicines"),
        isotretinoin=_isotretinoin(answers.get("isotretinoin"), said_on),
        fitzpatrick=FITZPATRICK.get(answers.get("sunburns", "")),
    )


def _pregnancy(answer: str | None) -> PregnancyStatus:
    """A word that another questionnaire used, and nobody here knows, is not known."""
    known_words = {status.value: status for status in PregnancyStatus}
    return known_words.get(answer or "", PregnancyStatus.UNKNOWN)


def _told(answers: Mapping[str, Any], question: str, text: str) -> tuple[str, ...] | None:
    """Her words; () where she said no, None where she was not asked."""
    if answers.get(question) is None:
        return None
    return (answers.get(text, ""),) if answers[question] else ()


def _isotretinoin(answer: str | None, said_on: date | None) -> known.Isotretinoin | None:
    if answer is None:
        return None
    taking = {"never": Taking.NEVER, "now": Taking.NOW}.get(answer, Taking.PAST)
    ago = answer == "earlier" and said_on is not None
    return known.Isotretinoin(taking, said_on - SIX_MONTHS if ago and said_on else None)


def _allergies(texts: Sequence[str] | None) -> tuple[known.Allergy, ...] | None:
    """Each part of her words with the substances that the dictionary reads in it."""
    if texts is None:
        return None
    parts = [part for text in texts for part in _parts(text)]
    meant = _meant({name for part in parts for name in _names_in(part)})
    return tuple(
        known.Allergy(part, frozenset(meant[name] for name in _names_in(part) if name in meant))
        for part in parts
    )


def _parts(text: str) -> list[str]:
    """ "Sulfites, nickel and latex" is three; a text without a word is one."""
    parts = re.split(r"[,;:.!?\n()/&+]+|\b(?:and|or)\b", text, flags=re.IGNORECASE)
    return [part.strip() for part in parts if part.strip()] or [text]


def _names_in(part: str) -> set[str]:
    """Every stretch of words that could be a name of the dictionary."""
    words = [normalised(word) for word in part.split()]
    ends = range(1, LONGEST_NAME + 1)
    return {" ".join(words[at : at + end]) for at in range(len(words)) for end in ends} - {""}


def _meant(names: Collection[str]) -> dict[str, str]:
    """Name → INCI name, of those that the dictionary or a person knows."""
    if not names:
        return {}
    rows = db.session.execute(
        sa.select(IngredientName.name, Ingredient.inci_name)
        .join(Ingredient, Ingredient.id == IngredientName.ingredient_id)
        .where(IngredientName.name.in_(sorted(names)), Ingredient.inci_name.not_in(NO_ALLERGEN))
    )
    return {row.name: row.inci_name for row in rows}


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
        .where(Prescription.client_id == request.client_id, Prescription.request_id != request.id)
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
