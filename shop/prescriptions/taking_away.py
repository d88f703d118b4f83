"""The client takes a prescription to another pharmacy, on paper: what is left goes with it."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions.errors import AlreadyTakenAway, NoFillLeft
from shop.prescriptions.models import Prescription, TakenAway
from shop.prescriptions.standing import Standing


def take_away(prescription: Prescription, *, by: Person, at: datetime) -> TakenAway:
    """End the fills that are left here; the paper is good for them from now on.

    What was ordered before goes on: its fills count, and are not on the paper. The caller holds
    the prescription's lock. Raises NotAllowed, AlreadyTakenAway, WrongState, NoFillLeft.
    """
    if by.id != prescription.client_id:
        raise NotAllowed("Only the client takes her prescription to another pharmacy.")
    if prescription.taken_away is not None:
        raise AlreadyTakenAway(
            "You have taken this prescription already.", taken_at=prescription.taken_away.taken_at
        )
    stands = prescription.standing(at)
    if stands is Standing.DEPLETED:
        raise NoFillLeft(
            "All fills of this prescription are used.", prescription=prescription.number
        )
    if stands is not Standing.ACTIVE:
        raise WrongState(
            "Only a prescription in force can be filled elsewhere.", status=stands.value
        )
    taken = TakenAway(prescription_id=prescription.id, fills=prescription.fills_left)
    db.session.add(taken)
    db.session.flush()  # the database judges once more, and stamps when
    db.session.expire(prescription, ["taken_away"])
    events.record(Kind.PRESCRIPTION_TAKEN_AWAY, prescription, fills=taken.fills)
    return taken
