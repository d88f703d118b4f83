"""Reads of permissions."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload

from shop.catalog.models import LegalClass
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.merchant.models import MerchantPermission
from shop.merchant.routes import Route


def permissions() -> Sequence[MerchantPermission]:
    """Every permission there ever was: those that last longest first."""
    query = (
        sa.select(MerchantPermission)
        .options(
            joinedload(MerchantPermission.recorded_by), joinedload(MerchantPermission.ended_by)
        )
        .order_by(
            MerchantPermission.ended_on.is_not(None),
            MerchantPermission.valid_until.desc(),
            MerchantPermission.legal_class,
            MerchantPermission.id,
        )
    )
    return db.session.scalars(query).all()


def permission_with(key: uuid.UUID, *, lock: bool = False) -> MerchantPermission:
    """Raises NotFound."""
    query = sa.select(MerchantPermission).where(MerchantPermission.id == key)
    found = db.session.scalars(locked(query, MerchantPermission) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such permission.")
    return found


def permitted(route: Route, classes: Collection[LegalClass], *, at: datetime) -> set[LegalClass]:
    """Those of these classes whose permission for the route is in force at a moment."""
    query = sa.select(MerchantPermission.legal_class).where(
        MerchantPermission.route == route,
        MerchantPermission.legal_class.in_(classes),
        in_force(today(at)),
    )
    return set(db.session.scalars(query))


def in_force(day: date) -> sa.ColumnElement[bool]:
    return sa.and_(
        MerchantPermission.valid_from <= day,
        day < MerchantPermission.valid_until,
        sa.or_(MerchantPermission.ended_on.is_(None), day < MerchantPermission.ended_on),
    )


def ending(day: date, *, within: int) -> sa.Select[MerchantPermission]:
    """Permissions in force that end by themselves within so many days and that no other follows."""
    after = aliased(MerchantPermission)
    followed = sa.exists().where(
        after.route == MerchantPermission.route,
        after.legal_class == MerchantPermission.legal_class,
        after.ended_on.is_(None),
        after.valid_from <= MerchantPermission.valid_until,
        after.valid_until > MerchantPermission.valid_until,
    )
    return (
        sa.select(MerchantPermission)
        .where(
            in_force(day),
            MerchantPermission.ended_on.is_(None),
            MerchantPermission.valid_until - day <= within,
            ~followed,
        )
        .order_by(MerchantPermission.valid_until, MerchantPermission.id)
    )


def today(at: datetime) -> date:
    """The day by which permissions are judged: UTC, as PostgreSQL's guard does."""
    return at.astimezone(UTC).date()
