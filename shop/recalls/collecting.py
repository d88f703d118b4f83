"""What is still here of a recalled lot is taken to quarantine, wherever it lies."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.inventory import locations, moving, places
from shop.inventory.models import Holding, Location, LocationKind, Lot, MovementKind
from shop.recalls.errors import OnlyADrill, RecallRefused, StillPromised
from shop.recalls.models import Recall, RecallCollection
from shop.recalls.states import RecallStatus

# Places whose units leave in ways of their own, or come to a shelf first.
WATCHED = frozenset(
    {
        LocationKind.RETURNS,
        LocationKind.IN_TRANSIT,
        LocationKind.TESTER,
    }
)
BEFORE_AND_AFTER = (RecallStatus.OPENED, RecallStatus.CLOSED)


def collect(recall: Recall, lot: Lot, *, by: Person, at: datetime) -> RecallCollection:
    """Somebody has taken all units of the lot out of reach; recall and lot are locked.

    What came back, is on its way to another clinic, or is open as a tester leaves by its return,
    once it has arrived, or by its tester.

    Whoever finds fewer than the ledger says counts the place first. What comes back later is
    collected again. Raises OnlyADrill, WrongState, StillPromised, RecallRefused.
    """
    refuse_still(recall)
    if lot.reserved:
        raise StillPromised(
            f"Orders still hold {lot.reserved} units of lot {lot.lot_number}. They are given up"
            " within a minute; if not, tell the manager.",
            lot=lot.number,
            units=lot.reserved,
        )
    to = locations.home(LocationKind.QUARANTINE)
    found = loose(lot, to)
    if not found:
        raise RecallRefused(
            f"Nothing of lot {lot.lot_number} lies outside quarantine.",
            fields={"lot": ["Nothing is left to collect."]},
        )
    units = {each.location: each.on_hand for each in found}
    made = RecallCollection(
        id=uuid.uuid4(),
        recall_id=recall.id,
        lot_id=lot.id,
        units=sum(units.values()),
        collected_by_id=by.id,
    )
    db.session.add(made)
    db.session.flush()  # the movements point at it
    for place, here in units.items():
        moving.move(lot, here, kind=MovementKind.RECALL, from_=place, to=to, reference_id=made.id)
    events.record(Kind.RECALL_COLLECTED, recall, lot=lot.number, units=made.units)
    db.session.flush()
    return made


def loose(lot: Lot, apart: Location) -> list[Holding]:
    """What of the lot lies where it is to be collected from."""
    return [
        each
        for each in places.lying([lot.id])[lot.id]
        if each.location is not apart and each.location.kind not in WATCHED
    ]


def refuse_still(recall: Recall) -> None:
    """Units move from the lock on until it is closed. Raises OnlyADrill, WrongState."""
    if recall.drill:
        raise OnlyADrill("A drill moves nothing.")
    if recall.status in BEFORE_AND_AFTER:
        raise WrongState(f"A recall that is {recall.status} moves nothing.", status=recall.status)
