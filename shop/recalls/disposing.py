"""Collected units go back to the vendor or are destroyed: one says so, another sees it."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.inventory import locations, moving
from shop.inventory.models import LocationKind, Lot, MovementKind
from shop.inventory.states import LotStatus
from shop.recalls.collecting import loose, refuse_still
from shop.recalls.errors import RecallRefused, WitnessNeeded
from shop.recalls.models import LONGEST_REFERENCE, Outcome, Recall, RecallDisposition

ENDS = {
    Outcome.RETURN_TO_VENDOR: (LotStatus.RETURNED, Kind.LOT_RETURNED),
    Outcome.DESTROY: (LotStatus.DESTROYED, Kind.LOT_DESTROYED),
}


def plan(
    recall: Recall, lot: Lot, *, outcome: Outcome, reference: str, by: Person, at: datetime
) -> RecallDisposition:
    """All units of the lot are to leave so; recall and lot are locked.

    `reference` is the vendor's authorisation, or who destroys them and how. Raises OnlyADrill,
    WrongState, RecallRefused.
    """
    refuse_still(recall)
    apart = locations.home(LocationKind.QUARANTINE)
    here = moving.lies(lot, apart)
    if not here or loose(lot, apart):
        raise RecallRefused(
            f"Of lot {lot.lot_number} {here} of {lot.on_hand} units are in quarantine; what came"
            " back or travels leaves in its own way.",
            fields={"lot": ["Collect what is here first."]},
        )
    if not reference.strip() or len(reference) > LONGEST_REFERENCE:
        raise RecallRefused(
            "Say under which number they go back, or who destroys them and how.",
            fields={"reference": [f"Write 1 to {LONGEST_REFERENCE} characters."]},
        )
    made = RecallDisposition(
        id=uuid.uuid4(),
        recall_id=recall.id,
        lot_id=lot.id,
        outcome=outcome,
        units=here,
        reference=reference,
        planned_by_id=by.id,
    )
    db.session.add(made)
    events.record(
        Kind.RECALL_DISPOSITION_PLANNED, recall, lot=lot.number, units=here, outcome=outcome
    )
    db.session.flush()
    db.session.refresh(made)
    return made


def witness(
    disposition: RecallDisposition, recall: Recall, lot: Lot, *, by: Person, at: datetime
) -> None:
    """Another has seen the units leave, and they are gone; recall and lot are locked.

    The lot ends with its last unit. Raises WitnessNeeded, WrongState, NotEnoughStock.
    """
    refuse_still(recall)
    if disposition.witnessed_by_id is not None:
        raise WrongState("These units have left already.", status="witnessed")
    if disposition.planned_by_id == by.id:
        raise WitnessNeeded("You wrote it down, so somebody else has to see the units leave.")
    disposition.witnessed_by_id = by.id
    db.session.flush()  # the movement is looked at beside its witness
    moving.move(
        lot,
        disposition.units,
        kind=MovementKind(disposition.outcome.value),
        from_=locations.home(LocationKind.QUARANTINE),
        to=None,
        reference_id=disposition.id,
    )
    if lot.on_hand == 0 and lot.status is LotStatus.RECALLED:
        lot.status, kind = ENDS[disposition.outcome]
        events.record(kind, lot, recall=recall.number)
    events.record(
        Kind.RECALL_DISPOSED,
        recall,
        lot=lot.number,
        units=disposition.units,
        outcome=disposition.outcome,
    )
    db.session.flush()
    db.session.refresh(disposition)
