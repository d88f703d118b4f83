"""What waits for a manager today: how many of each kind, where she sees to it, and how pressing.

Counts only. Whatever has nothing waiting is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.accounts import expiring
from shop.accounts.models import Licence, Person
from shop.catalog import queries as catalog
from shop.catalog.models import Import
from shop.catalog.states import ImportStatus
from shop.core.db import db
from shop.core.rules import RuleStatus, kinds
from shop.credit.models import CreditCorrection, GiftCard
from shop.credit.states import CardStatus, CorrectionStatus
from shop.inventory.models import Adjustment
from shop.inventory.states import AdjustmentStatus
from shop.merchant import queries as merchant
from shop.notifications.models import Letter
from shop.payments.models import Dispute, FraudWarning, Refund
from shop.payments.states import DisputeStatus, RefundStatus
from shop.prescriptions import queries as prescriptions
from shop.privacy.models import AccountClosure, RecordExport
from shop.privacy.states import ClosureStatus, ExportStatus
from shop.recalls.models import Recall
from shop.recalls.states import RecallStatus
from shop.replenishment import queries as replenishment
from shop.vigilance.models import Reaction
from shop.vigilance.states import ReactionStatus

SOON = 60  # days: licences and permissions that end within
LATELY = timedelta(days=30)  # imports and letters that went wrong longer ago are no news
CLOSE = timedelta(days=3)  # evidence that is due within


@dataclass(frozen=True)
class Waiting:
    """So many of a kind wait. `kind` is the tone of the pieces: stop before warn before nothing."""

    name: str
    count: int
    path: str
    title: Any  # lazy strings
    more: Any = ""
    kind: str = ""


@dataclass(frozen=True)
class _Asked:
    reader: Person
    today: date
    at: datetime


def list_for(reader: Person, *, today: date, at: datetime) -> list[Waiting]:
    """What waits for this manager, the most pressing first. Her own proposals wait for others."""
    asked = _Asked(reader, today, at)
    found = [one for each in KINDS for one in each(asked) if one.count]
    return sorted(found, key=lambda one: ("stop", "warn", "").index(one.kind))


def _money(asked: _Asked) -> Iterator[Waiting]:
    proposed = Refund.status == RefundStatus.PROPOSED
    to_sign = _count(Refund, proposed, Refund.proposed_by_id != asked.reader.id)
    yield Waiting("refunds", to_sign, "/refunds", _("Refunds to sign"), kind="warn")
    failed = _count(Refund, Refund.status == RefundStatus.FAILED)
    yield Waiting("failed-refunds", failed, "/refunds", _("Refunds that failed"), kind="stop")
    due = Dispute.status.in_((DisputeStatus.INQUIRY, DisputeStatus.OPEN))
    open_ones = _count(Dispute, due, Dispute.evidence_by_id.is_(None))
    pressing = _count(
        Dispute, due, Dispute.evidence_by_id.is_(None), Dispute.evidence_due_at < asked.at + CLOSE
    )
    yield Waiting(
        "disputes",
        open_ones,
        "/disputes",
        _("Disputes that wait for evidence"),
        _("%(count)s due within three days", count=pressing) if pressing else "",
        "stop" if pressing else "warn",
    )
    seen = sa.select(FraudWarning.id).where(FraudWarning.outcome.is_(None))
    warnings = db.session.scalar(sa.select(sa.func.count()).select_from(seen.subquery()))
    yield Waiting("fraud", warnings or 0, "/disputes", _("Fraud warnings to look at"), kind="warn")
    cards = _count(
        GiftCard, GiftCard.status == CardStatus.PROPOSED, GiftCard.proposed_by_id != asked.reader.id
    )
    corrections = _count(
        CreditCorrection,
        CreditCorrection.status == CorrectionStatus.PROPOSED,
        CreditCorrection.proposed_by_id != asked.reader.id,
    )
    yield Waiting("credit", cards + corrections, "/credit", _("Gift cards and credit to sign"))


def _catalogue(asked: _Asked) -> Iterator[Waiting]:
    lately = Import.asked_at > asked.at - LATELY
    broken = Import.status.in_((ImportStatus.FAILED, ImportStatus.STOPPED))
    last = catalog.last_imports().where(lately, broken | (Import.quarantined > 0)).subquery()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(last)) or 0
    title = _("Imports with problems")
    yield Waiting("imports", count, "/manage/imports", title, _("In the last 30 days"), "warn")
    names = catalog.filed_names(matched=False).subquery()
    unmatched = db.session.scalar(sa.select(sa.func.count()).select_from(names)) or 0
    title = _("Names of ingredients without a substance")
    yield Waiting("names", unmatched, "/manage/ingredient-names", title)
    pending = sum(
        _count(table, table.status.in_((RuleStatus.DRAFT, RuleStatus.REVIEWED)))
        for table in kinds().values()
    )
    yield Waiting("rules", pending, "/manage/rules", _("Rules to review or activate"))


def _people(asked: _Asked) -> Iterator[Waiting]:
    working = Licence.person.has(Person.disabled_at.is_(None))
    standing = Licence.ended_on.is_(None)
    ending = _count(
        Licence,
        working,
        standing,
        Licence.valid_until > asked.today,
        Licence.valid_until <= asked.today + timedelta(days=SOON),
        ~expiring.followed(),
    )
    title = _("Licenses that end soon")
    more = _("Within %(days)s days, and none follows", days=SOON)
    yield Waiting("licences", ending, "/people", title, more, "warn")
    unseen = _count(
        Licence,
        working,
        standing,
        Licence.valid_until > asked.today,
        Licence.verified_on.is_(None),
    )
    title = _("Licenses not looked up at the board")
    yield Waiting("unverified", unseen, "/people", title, kind="warn")
    permissions = merchant.ending(merchant.today(asked.at), within=SOON).order_by(None).subquery()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(permissions)) or 0
    title = _("Payment permissions that end soon")
    yield Waiting("permissions", count, "/manage/payment-permissions", title, kind="warn")


def _care(asked: _Asked) -> Iterator[Waiting]:
    recalls = _count(Recall, Recall.status != RecallStatus.CLOSED)
    yield Waiting("recalls", recalls, "/stock/recalls", _("Recalls under way"), kind="stop")
    reactions = _count(Reaction, Reaction.status == ReactionStatus.OPEN)
    yield Waiting("reactions", reactions, "/reactions", _("Reactions to see to"), kind="warn")
    errors = prescriptions.error_reports(asked.reader, at=asked.at).order_by(None).subquery()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(errors)) or 0
    yield Waiting("errors", count, "/error-reports", _("Reports of errors to decide"), kind="warn")
    stuck = replenishment.stuck().order_by(None).subquery()
    count = db.session.scalar(sa.select(sa.func.count()).select_from(stuck)) or 0
    yield Waiting("refills", count, "/refills", _("Refills that are stuck"))


def _shelf(asked: _Asked) -> Iterator[Waiting]:
    waits = Adjustment.status == AdjustmentStatus.PROPOSED
    count = _count(Adjustment, waits, Adjustment.proposed_by_id != asked.reader.id)
    yield Waiting("adjustments", count, "/stock/adjustments", _("Corrections of stock to confirm"))


def _privacy(asked: _Asked) -> Iterator[Waiting]:
    """Copies of records that failed; copies and closures under way, with their clock."""
    failed = _count(RecordExport, RecordExport.status == ExportStatus.FAILED)
    title = _("Copies of records that failed")
    yield Waiting("failed-exports", failed, "/manage/privacy-requests", title, kind="stop")
    making = RecordExport.status == ExportStatus.ASKED
    closing = AccountClosure.status == ClosureStatus.ASKED
    pressing = _count(RecordExport, making, RecordExport.due_at < asked.at + CLOSE) + _count(
        AccountClosure, closing, AccountClosure.due_at < asked.at + CLOSE
    )
    yield Waiting(
        "privacy",
        _count(RecordExport, making) + _count(AccountClosure, closing),
        "/manage/privacy-requests",
        _("Privacy requests under way"),
        _("%(count)s due within three days", count=pressing) if pressing else "",
        "stop" if pressing else "",
    )


def _letters(asked: _Asked) -> Iterator[Waiting]:
    failed = _count(Letter, Letter.failed_at > asked.at - LATELY)
    title = _("Letters that failed")
    yield Waiting(
        "letters", failed, "/manage/letters/outbox", title, _("In the last 30 days"), "warn"
    )


KINDS: tuple[Callable[[_Asked], Iterator[Waiting]], ...] = (
    _money,
    _care,
    _privacy,
    _people,
    _catalogue,
    _letters,
    _shelf,
)


def _count(table: Any, *where: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return db.session.scalar(query) or 0
