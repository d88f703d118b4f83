"""Write down that money may be taken for a class on a route, and that it may not any more."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.merchant import queries
from shop.merchant.errors import PermissionEnded, PermissionRefused
from shop.merchant.models import LONGEST_DOCUMENT, MerchantPermission
from shop.merchant.routes import ROUTES, Route


def permit(
    route: Route,
    legal_class: LegalClass,
    *,
    document: str,
    valid_from: date,
    valid_until: date,
    by: Person | None,
    at: datetime,
) -> MerchantPermission:
    """Write a permission down: from a day until, not including, another. Raises PermissionRefused.

    `by` None: the shop was set up with it. Two may overlap, as a renewal does what it renews.
    """
    wrong: dict[str, list[str]] = {}
    if not ROUTES[route].needs_permission:
        wrong["route"] = ["Nobody has to permit what is paid at the desk."]
    if legal_class is LegalClass.CLINIC_USE:
        wrong["legal_class"] = ["What the clinic uses itself is sold to nobody."]
    document = document.strip()
    if not 1 <= len(document) <= LONGEST_DOCUMENT:
        wrong["document"] = [f"Say which document permits it, in {LONGEST_DOCUMENT} characters."]
    if valid_from >= valid_until:
        wrong["valid_until"] = ["Must be after its first day."]
    if wrong:
        raise PermissionRefused("This permission cannot be written down.", fields=wrong)
    made = MerchantPermission(
        id=uuid.uuid4(),
        route=route,
        legal_class=legal_class,
        document=document,
        valid_from=valid_from,
        valid_until=valid_until,
        recorded_by_id=by and by.id,
    )
    db.session.add(made)
    db.session.flush()  # the row goes before its event
    events.record(
        Kind.MERCHANT_PERMISSION_RECORDED,
        made,
        route=route.value,
        legal_class=legal_class.value,
        document=document,
        valid_from=valid_from.isoformat(),
        valid_until=valid_until.isoformat(),
    )
    return made


def end(permission: MerchantPermission, *, on: date, by: Person, at: datetime) -> None:
    """End a (locked) permission before its time: from `on` it no longer counts.

    What was paid under it stays paid; a payment page that is open closes within the hour. Raises
    PermissionEnded, PermissionRefused.
    """
    if permission.ended_on is not None:
        raise PermissionEnded(
            "This permission was ended already.", ended_on=permission.ended_on.isoformat()
        )
    if not max(queries.today(at), permission.valid_from) <= on <= permission.valid_until:
        raise PermissionRefused(
            "A permission ends on one of its days that is not over.",
            fields={"ended_on": ["Choose today or a later day, up to its last."]},
        )
    permission.ended_on, permission.ended_by_id = on, by.id
    db.session.flush()  # the row goes before its event
    events.record(Kind.MERCHANT_PERMISSION_ENDED, permission, on=on.isoformat())
