"""Take in what moved on the account at the provider. Facts: added, never changed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.core.db import db
from shop.payments.gateway import Gateway
from shop.payments.models import MoneyMovement, Payment

# Read again each time: a list that is read while it grows may miss what came meanwhile.
OVERLAP = timedelta(hours=48)
ROUND = 500


def take_in(gateway: Gateway, *, at: datetime) -> int:
    """Take in every movement that is not here yet; tells how many. Repeatable. Commits.

    Begins with the first payment ever begun, and then a little before the last movement known.
    Raises GatewayError where the provider cannot be read; what is known stays known.
    """
    since = _since(at)
    db.session.commit()  # no call inside a transaction
    told = [asdict(movement) for movement in gateway.movements_since(since)]
    new = 0
    for first in range(0, len(told), ROUND):
        added = db.session.scalars(
            insert(MoneyMovement)
            .values(told[first : first + ROUND])
            .on_conflict_do_nothing()
            .returning(MoneyMovement.id)
        )
        new += len(added.all())
    db.session.commit()
    return new


def _since(at: datetime) -> datetime:
    last = db.session.scalar(sa.select(sa.func.max(MoneyMovement.created)))
    first = db.session.scalar(sa.select(sa.func.min(Payment.created_at)))
    return (last or first or at) - OVERLAP
