"""A manager makes a discount. Its terms stand from then on."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from datetime import datetime

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.discounts import queries
from shop.discounts.errors import CodeTaken, DiscountRefused
from shop.discounts.models import (
    CODE,
    MOST_CENTS,
    MOST_USES,
    TOUCHABLE,
    Discount,
    DiscountKind,
)


def make(
    code: str,
    *,
    kind: DiscountKind,
    value: int,
    classes: Collection[LegalClass],
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    least_cents: int = 0,
    most_uses: int,
    most_per_client: int = 1,
    by: Person,
    at: datetime,
) -> Discount:
    """A discount of `value` percent, or of `value` cents; from now on where `valid_from` is None.

    `most_uses`: so many orders may have it, `most_per_client` of one client. Raises
    DiscountRefused, CodeTaken.
    """
    code, begins = spelled(code), valid_from or at
    _refuse_bad(code, kind, value, classes, most_uses, most_per_client)
    if valid_until is not None and valid_until <= max(begins, at):
        raise DiscountRefused(
            "It would be over before it begins.", fields={"until": ["Choose a later end."]}
        )
    if queries.of_code(code) is not None:
        raise CodeTaken(
            "Another discount has this code.",
            fields={"code": ["Choose another, or end that one first."]},
            discount_code=code,
        )
    discount = Discount(
        id=uuid.uuid4(),
        number=numbers.fresh("DC"),
        code=code,
        kind=kind,
        percent=value if kind is DiscountKind.PERCENT else None,
        cents=value if kind is DiscountKind.AMOUNT else None,
        classes=sorted(classes),
        least_cents=least_cents,
        most_uses=most_uses,
        most_per_client=most_per_client,
        valid_from=begins,
        valid_until=valid_until,
        made_by_id=by.id,
    )
    db.session.add(discount)
    db.session.flush()  # the event is about a row
    events.record(Kind.DISCOUNT_MADE, discount, percent=discount.percent, cents=discount.cents)
    return discount


def spelled(code: str) -> str:
    """A code as it is kept: capitals, nothing around it. However it is typed, it is the same."""
    return code.strip().upper()


def _refuse_bad(
    code: str,
    kind: DiscountKind,
    value: int,
    classes: Collection[LegalClass],
    most_uses: int,
    most_per_client: int,
) -> None:
    wrong: dict[str, list[str]] = {}
    most = 100 if kind is DiscountKind.PERCENT else MOST_CENTS
    if re.fullmatch(CODE, code) is None:
        wrong["code"] = ["Use 4 to 30 letters, digits and hyphens, a letter or digit first."]
    if not 1 <= value <= most:
        wrong["value"] = [f"Must be 1 to {most}."]
    if not classes or not set(classes) <= set(TOUCHABLE):
        wrong["classes"] = [
            f"Choose from {', '.join(TOUCHABLE)}: prescription goods are never discounted."
        ]
    if not 1 <= most_uses <= MOST_USES:
        wrong["most_uses"] = [f"Must be 1 to {MOST_USES}."]
    if not 1 <= most_per_client <= most_uses:
        wrong["most_per_client"] = ["Must be 1 at least, and no more than there are uses."]
    if wrong:
        raise DiscountRefused("These terms cannot be used.", fields=wrong)
