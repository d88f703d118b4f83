"""The templates for directions that a physician has before her: her own, then the clinic's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person, Role
from shop.catalog.models import LegalClass, Product, Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.prescriptions.models import DirectionsTemplate

MOST = 200  # shown at once


def offered(reader: Person) -> Sequence[DirectionsTemplate]:
    """Those that are not ended: her own first, by name. One statement."""
    query = (
        _seen(reader)
        .where(DirectionsTemplate.ended_by_id.is_(None))
        .order_by(
            DirectionsTemplate.owner_id.is_(None), DirectionsTemplate.name, DirectionsTemplate.id
        )
        .options(joinedload(DirectionsTemplate.written_by))
        .limit(MOST)
    )
    return db.session.scalars(query).all()


def fitting(
    templates: Iterable[DirectionsTemplate], *, form: str, actives: Iterable[str]
) -> list[DirectionsTemplate]:
    """Those for a pack of this dosage form with these actives; the most exact first. Pure.

    Salts and esters count as their substance: "TRETINOIN" fits "TRETINOIN MICROSPHERES".
    """
    names = [name.upper() for name in actives]
    fit = [
        one
        for one in templates
        if _begins(form.upper(), one.form) and (not one.active or _any(names, one.active))
    ]
    return sorted(fit, key=lambda one: -(bool(one.active) + bool(one.form)))


def template_for(reader: Person, series_id: UUID, *, lock: bool = False) -> DirectionsTemplate:
    """The version of it that is offered, locked where it will be changed. Raises NotFound."""
    query = _seen(reader).where(
        DirectionsTemplate.series_id == series_id, DirectionsTemplate.ended_by_id.is_(None)
    )
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such template.")
    return found


def versions(reader: Person, series_id: UUID) -> Sequence[DirectionsTemplate]:
    """All of it, the latest first; also of one that was ended. Raises NotFound."""
    query = (
        _seen(reader)
        .where(DirectionsTemplate.series_id == series_id)
        .order_by(DirectionsTemplate.version.desc())
        .options(joinedload(DirectionsTemplate.written_by))
        .limit(MOST)
    )
    found = db.session.scalars(query).all()
    if not found:
        raise NotFound("There is no such template.")
    return found


def forms() -> Sequence[str]:
    """The dosage forms, as filed, of what is sold under a prescription only."""
    under = [one for one in LegalClass if one.prescription_only]
    query = (
        sa.select(sa.func.upper(Product.dosage_form))
        .join(Variant, Variant.product_id == Product.id)
        .where(
            sa.or_(Variant.doctor_only, Variant.legal_class.in_(under)), Product.dosage_form != ""
        )
        .distinct()
        .order_by(sa.func.upper(Product.dosage_form))
    )
    return db.session.scalars(query).all()


def _seen(reader: Person) -> sa.Select[DirectionsTemplate]:
    query = sa.select(DirectionsTemplate)
    if reader.role is not Role.PHYSICIAN:
        return query.where(sa.false())
    mine = DirectionsTemplate.owner_id == reader.id
    return query.where(sa.or_(mine, DirectionsTemplate.owner_id.is_(None)))


def _any(names: Iterable[str], wanted: str) -> bool:
    return any(_begins(name, wanted) for name in names)


def _begins(name: str, wanted: str) -> bool:
    """Its first words; anything begins with nothing."""
    return not wanted or name == wanted or name.startswith((f"{wanted} ", f"{wanted},"))
