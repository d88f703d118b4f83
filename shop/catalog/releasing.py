"""Let a product become easier to sell: one person proposes, another agrees, and then it is so.

A weaker legal class, no longer doctor-only, finished again: none of these is one person's. The
database lets exactly the agreed change through, once, in the transaction of the agreement.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.errors import NotWeaker, ReleaseIsOpen, ReleaseIsStale
from shop.catalog.models import LegalClass, Product, Release
from shop.catalog.shelving import weaker
from shop.catalog.states import ReleaseStatus
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.core.rules import SamePerson


def propose(
    product: Product,
    *,
    reason: str,
    by: Person,
    at: datetime,
    legal_class: LegalClass | None = None,
    doctor_only: bool | None = None,
    finished: bool | None = None,
) -> Release:
    """Propose what a (locked) product shall be; what is not named stays. It stays so until then.

    Raises NotWeaker for what needs no second person, ReleaseIsOpen.
    """
    to_class = legal_class or product.legal_class
    to_mark = product.doctor_only if doctor_only is None else doctor_only
    to_mark = to_mark or to_class.prescription_only
    to_finished = product.finished if finished is None else finished
    if not _easier(product, to_class, doctor_only=to_mark, finished=to_finished):
        raise NotWeaker(
            "Nothing of this makes the product easier to sell. Change the product itself.",
            product=product.slug,
        )
    _refuse_second(product)
    release = Release(
        product=product,
        status=ReleaseStatus.PROPOSED,
        from_class=product.legal_class,
        from_doctor_only=product.doctor_only,
        from_finished=product.finished,
        to_class=to_class,
        to_doctor_only=to_mark,
        to_finished=to_finished,
        reason=reason,
        proposed_by_id=by.id,
    )
    db.session.add(release)
    db.session.flush()  # the event needs its id
    events.record(Kind.RELEASE_PROPOSED, release, product=product.slug, to=to_class.value)
    return release


def approve(release: Release, *, by: Person, at: datetime) -> Product:
    """Agree, and change the product. `release` is locked, so that two who agree do it once.

    Raises SamePerson, WrongState, ReleaseIsStale where the product is not what it was.
    """
    if by.id == release.proposed_by_id:
        raise SamePerson("Who proposed it cannot agree to it: ask a physician or another manager.")
    query = sa.select(Product).where(Product.id == release.product_id)
    product = db.session.scalars(locked(query)).one()
    release.status = ReleaseStatus.RELEASED
    release.approved_by_id = by.id
    if _is(product) != (release.from_class, release.from_doctor_only, release.from_finished):
        db.session.expire(release)
        raise ReleaseIsStale(
            "The product has changed since this was proposed. Withdraw it and propose it anew.",
            product=product.slug,
        )
    events.record(Kind.RELEASE_APPROVED, release, product=product.slug, to=release.to_class.value)
    db.session.flush()  # the database looks for the release when the product changes
    wanted = {
        "legal_class": release.to_class,
        "doctor_only": release.to_doctor_only,
        "finished": release.to_finished,
    }
    changed = [name for name, value in wanted.items() if getattr(product, name) != value]
    for name in changed:
        setattr(product, name, wanted[name])
    db.session.flush()  # the variants' copies of the class follow in the database
    db.session.expire(product, ["variants"])
    db.session.refresh(release)
    events.record(Kind.PRODUCT_CHANGED, product, fields=changed, release=str(release.id))
    return product


def withdraw(release: Release, *, by: Person, at: datetime) -> None:
    """Drop a proposal. `release` is locked. Raises WrongState."""
    release.status = ReleaseStatus.WITHDRAWN
    events.record(Kind.RELEASE_WITHDRAWN, release)


def _easier(product: Product, to_class: LegalClass, *, doctor_only: bool, finished: bool) -> bool:
    return (
        weaker(product.legal_class, to_class)
        or (product.doctor_only and not doctor_only)
        or (finished and not product.finished)
    )


def _refuse_second(product: Product) -> None:
    query = sa.select(Release.id).where(
        Release.product_id == product.id, Release.status == ReleaseStatus.PROPOSED
    )
    if (waiting := db.session.scalar(query)) is not None:
        raise ReleaseIsOpen(
            "Another release of this product waits for its second person. Withdraw it first.",
            release=str(waiting),
        )


def _is(product: Product) -> tuple[LegalClass, bool, bool]:
    return product.legal_class, product.doctor_only, product.finished
