"""Before a witness, what came back goes where was said: on the shelf, to the vendor, to waste."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.inventory import locations, moving
from shop.inventory.models import LocationKind, Lot
from shop.returns import following as requests
from shop.returns import inspecting
from shop.returns.errors import ReturnRefused, WitnessNeeded
from shop.returns.models import Disposition, Return
from shop.returns.states import ReturnStatus


def witness(found: Return, *, today: date, by: Person, at: datetime) -> None:
    """It goes where was said, and `by` has seen it; `found` is locked.

    Asks again what may be sold: the lot may have been recalled since. Raises WrongState,
    WitnessNeeded, NotRestocked, NotEnoughStock.
    """
    _another(found, by)
    assert found.disposition
    assert found.condition
    assert found.storage
    lot = db.session.scalars(locked(sa.select(Lot).where(Lot.id == found.lot_id))).one()
    restocked = found.disposition is Disposition.RESTOCK
    if restocked:
        inspecting.insist(found, found.condition, found.storage, today=today)
    found.status, found.witness = ReturnStatus.DISPOSED, by
    record(Kind.RETURN_DISPOSED, found, disposition=found.disposition)
    db.session.flush()  # the movement is judged by it
    moving.move(
        lot,
        found.units,
        kind=found.disposition.kind,
        from_=locations.home(LocationKind.RETURNS),
        to=locations.home(LocationKind.RETAIL) if restocked else None,
        reference_id=found.id,
    )
    requests.follow(found.request)


def send_back(found: Return, *, reason: str, by: Person, at: datetime) -> None:
    """The witness does not agree: somebody looks at it again.

    Raises WrongState, WitnessNeeded, ReturnRefused.
    """
    _another(found, by)
    if not reason.strip():
        raise ReturnRefused("Say why.", fields={"reason": ["Say what should be looked at."]})
    found.inspected_by = found.condition = found.storage = found.disposition = None
    found.note = None
    found.status = ReturnStatus.RECEIVED
    record(Kind.RETURN_SENT_BACK, found, reason=reason.strip())
    db.session.flush()
    requests.follow(found.request)


def _another(found: Return, by: Person) -> None:
    if found.status is not ReturnStatus.INSPECTED:
        raise WrongState(f"This return is {found.status}.", status=found.status)
    if by.id == found.inspected_by_id:
        raise WitnessNeeded("Somebody else is the witness of what you decided.")
