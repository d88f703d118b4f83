"""A recall begins: its lots are named, and nothing is promised or leaves from them any more.

Only the lots are locked, so no order that somebody holds can keep a recall waiting. What was
promised from them follows by itself, order by order (`jobs.follow_recall`); until then the lots'
status stops it everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.inventory.models import Lot
from shop.inventory.states import LOT_ARROWS, LotStatus
from shop.recalls.errors import AlreadyRecalled, RecallRefused
from shop.recalls.models import (
    LONGEST_REFERENCE,
    LONGEST_TEXT,
    HazardClass,
    Recall,
    RecallLot,
    Source,
)
from shop.recalls.states import RecallStatus

MOST_LOTS = 500


@dataclass(frozen=True)
class Notice:
    """What is said of the lots: by whom, how grave, why, and what to do (21 CFR 7.49(c))."""

    source: Source
    hazard_class: HazardClass | None  # None: not classified, or not yet
    reference: str  # the number of the maker's or the FDA's notice; "" where it has none
    reason: str
    instructions: str


def begin(
    lots: Collection[Lot], notice: Notice, *, drill: bool, by: Person, at: datetime
) -> Recall:
    """Open a recall and lock its lots, all in this transaction; a drill only names them.

    Lots that have gone back or were destroyed are named, too: somebody may have got units before.
    Raises RecallRefused, AlreadyRecalled.
    """
    _refuse(lots, notice)
    shelf = _locked(lots)
    if not drill:
        _refuse_recalled(shelf)
    recall = Recall(
        id=uuid.uuid4(),
        number=numbers.fresh("RC"),
        drill=drill,
        source=notice.source,
        hazard_class=notice.hazard_class,
        reference=notice.reference,
        reason=notice.reason,
        instructions=notice.instructions,
        status=RecallStatus.OPENED,
        opened_by_id=by.id,
    )
    db.session.add(recall)
    events.record(Kind.RECALL_OPENED, recall, lots=len(shelf), drill=drill)
    db.session.flush()  # its lots point at it
    db.session.add_all(RecallLot(recall_id=recall.id, lot_id=lot.id, drill=drill) for lot in shelf)
    db.session.flush()
    if not drill:
        _lock(recall, shelf)
    db.session.refresh(recall)
    return recall


def _lock(recall: Recall, shelf: Collection[Lot]) -> None:
    for lot in shelf:
        if LotStatus.RECALLED in LOT_ARROWS[lot.status]:
            lot.status = LotStatus.RECALLED
            events.record(Kind.LOT_RECALLED, lot, recall=recall.number)
    db.session.flush()  # the recall is locked once its lots are
    recall.status = RecallStatus.LOCKED
    events.record(
        Kind.RECALL_LOTS_LOCKED,
        recall,
        on_hand=sum(lot.on_hand for lot in shelf),
        promised=sum(lot.reserved for lot in shelf),
    )
    db.session.flush()


def _locked(lots: Collection[Lot]) -> list[Lot]:
    query = sa.select(Lot).where(Lot.id.in_([lot.id for lot in lots])).order_by(Lot.id)
    return list(db.session.scalars(locked(query, Lot)))


def _refuse(lots: Collection[Lot], notice: Notice) -> None:
    wrong: dict[str, list[str]] = {}
    if not 1 <= len(lots) <= MOST_LOTS:
        wrong["lots"] = [f"Name 1 to {MOST_LOTS} lots. What was never here concerns nobody."]
    for name in ("reason", "instructions"):
        text = getattr(notice, name)
        if not text.strip() or len(text) > LONGEST_TEXT:
            wrong[name] = [f"Write it in up to {LONGEST_TEXT:,} characters; clients read it."]
    if len(notice.reference) > LONGEST_REFERENCE:
        wrong["reference"] = [f"At most {LONGEST_REFERENCE} characters."]
    if wrong:
        raise RecallRefused("Nothing was recalled. Correct what is marked.", fields=wrong)


def _refuse_recalled(shelf: Collection[Lot]) -> None:
    query = (
        sa.select(Lot.number, Lot.lot_number, Recall.number)
        .join(RecallLot, RecallLot.lot_id == Lot.id)
        .join(Recall, Recall.id == RecallLot.recall_id)
        .where(~RecallLot.drill, Lot.id.in_([lot.id for lot in shelf]))
        .order_by(Lot.number)
    )
    if found := db.session.execute(query.limit(1)).one_or_none():
        ours, theirs, recall = found
        raise AlreadyRecalled(
            f"Lot {theirs} ({ours}) is recalled already: see {recall}. Leave it out.",
            lot=ours,
            recall=recall,
        )
