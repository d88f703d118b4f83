"""What the payment provider told unasked: by type, followed or not."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.payments.following import FOLLOWED
from shop.payments.models import ProviderEvent
from shop.reports.figures import Cell, Column, Figures, Unit


def told(*, since: datetime, until: datetime) -> Figures:
    """Events that came from `since` until, not including, `until`; the most frequent type first.

    A type that nobody here follows is counted all the same: it may be one that somebody should.
    """
    rows = db.session.execute(
        sa.select(
            ProviderEvent.type,
            sa.func.bool_or(ProviderEvent.object_type.in_(FOLLOWED)),
            sa.func.count(),
            sa.func.count().filter(ProviderEvent.applied_at.is_(None)),
            sa.func.max(ProviderEvent.received_at),
        )
        .where(ProviderEvent.received_at >= since, ProviderEvent.received_at < until)
        .group_by(ProviderEvent.type)
        .order_by(sa.func.count().desc(), ProviderEvent.type)
    ).all()
    found: list[tuple[Cell, ...]] = [
        (kind, "yes" if followed else "no", events, waiting, f"{last:%Y-%m-%d %H:%M}")
        for kind, followed, events, waiting, last in rows
    ]
    unknown = sum(int(row[2] or 0) for row in found if row[1] == "no")
    return Figures(
        columns=(
            Column("type", _("Type")),
            Column("followed", _("Followed")),
            Column("events", _("Events"), Unit.COUNT),
            Column("waiting", _("Not yet looked at"), Unit.COUNT),
            Column("last", _("The last came (UTC)")),
        ),
        rows=found,
        drawn="events",
        notes=(
            f"{unknown} events are of types that the shop does not follow. Each is kept by its id.",
        ),
    )
