"""How long a recall took: from its opening to the list, and to the last letter that went out."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.notifications.models import Letter, Template
from shop.recalls.models import Recall, RecallClient
from shop.reports.figures import Cell, Column, Figures, Unit


def minutes(*, since: datetime, until: datetime) -> Figures:
    """Recalls and drills opened in that time, the newest first; whole minutes, rounded down.

    A drill writes to nobody. While letters are still to be sent, the last is not known.
    """
    of_recall = (Letter.template == Template.RECALL_NOTICE) & (Letter.subject_id == Recall.id)
    first_version = (
        sa.select(sa.func.min(Letter.version))
        .where(Letter.template == Template.RECALL_NOTICE, Letter.subject_id == Recall.id)
        .correlate(Recall)
        .scalar_subquery()
    )
    letters = (
        sa.select(
            sa.func.count(Letter.id).label("due"),
            sa.func.count(Letter.sent_at).label("sent"),
            sa.func.count(Letter.failed_at).label("failed"),
            sa.func.max(Letter.sent_at).label("last"),
        )
        .where(of_recall, Letter.version == first_version)
        .correlate(Recall)
        .lateral()
    )
    clients = (
        sa.select(sa.func.count())
        .where(RecallClient.recall_id == Recall.id)
        .correlate(Recall)
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(Recall, clients.label("clients"), letters)
        .join(letters, sa.true())
        .where(Recall.opened_at >= since, Recall.opened_at < until)
        .order_by(Recall.opened_at.desc(), Recall.id)
    )
    told: list[tuple[Cell, ...]] = []
    for recall, clients_count, due, sent, failed, last in rows:
        whole = due > 0 and sent + failed == due
        told.append(
            (
                recall.number,
                str(_("drill") if recall.drill else _("recall")),
                clients_count,
                sent,
                failed,
                _between(recall.opened_at, recall.listed_at),
                _between(recall.opened_at, last) if whole else None,
            )
        )
    return Figures(
        columns=(
            Column("recall", _("Recall")),
            Column("kind", _("Kind")),
            Column("clients", _("Clients on the list"), Unit.COUNT),
            Column("letters_sent", _("Letters sent"), Unit.COUNT),
            Column("letters_failed", _("Letters that failed"), Unit.COUNT),
            Column("listed_minutes", _("Until the list was whole"), Unit.MINUTES),
            Column("notified_minutes", _("Until the last letter"), Unit.MINUTES),
        ),
        rows=told,
        drawn="notified_minutes",
        notes=(
            _(
                "From opening to the last of the first letters; reminders are not counted. A drill"
                " writes to nobody, and while letters wait the last is not known."
            ),
        ),
    )


def _between(opened_at: datetime, at: datetime | None) -> int | None:
    return None if at is None else max(0, int((at - opened_at).total_seconds() // 60))
