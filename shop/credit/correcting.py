"""Credit that the clinic gives a client, or takes back.

A little is given by one person. Much, and whatever is taken back, waits for a second one.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import numbers
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.core.money import dollars
from shop.credit import ledger
from shop.credit.errors import CorrectionRefused, NotEnoughCredit, SecondPersonNeeded
from shop.credit.limits import LONGEST_NOTE, MOST_CORRECTED_CENTS
from shop.credit.models import CreditCorrection, EntryKind
from shop.credit.states import CorrectionStatus


def propose(client: Person, cents: int, *, note: str, by: Person, at: datetime) -> CreditCorrection:
    """Give a client credit or (negative) take it back; booked at once where one person may.

    `note` is for the clinic alone. What one person gives within a day counts together, with the
    gift cards she made. Raises CorrectionRefused.
    """
    account = ledger.opened(client.id)
    _refuse(cents, note, account.balance_cents)
    made = CreditCorrection(
        id=uuid.uuid4(),
        number=numbers.fresh("CR"),
        client_id=account.client_id,
        delta_cents=cents,
        note=note.strip(),
        status=CorrectionStatus.PROPOSED,
        proposed_by_id=by.id,
    )
    db.session.add(made)
    record(Kind.CREDIT_CORRECTION_PROPOSED, made, cents=cents)
    db.session.flush()  # the database says whether it is large
    db.session.refresh(made, ["large", "proposed_at"])
    if not made.large:
        _book(made)
    return made


def confirm(correction: CreditCorrection, *, by: Person, at: datetime) -> None:
    """The second person agrees, and the credit moves; the correction is locked.

    Raises WrongState, SecondPersonNeeded, CorrectionRefused.
    """
    _decide(correction, by)
    correction.decided_by = by
    try:
        _book(correction)
    except NotEnoughCredit as short:
        held = dollars(int(str(short.facts["held_cents"])))
        raise _wrong("cents", f"The account holds {held} by now.") from None


def decline(correction: CreditCorrection, *, by: Person, at: datetime) -> None:
    """The second person does not agree: nothing moves. Raises WrongState, SecondPersonNeeded."""
    _decide(correction, by)
    correction.status, correction.decided_by = CorrectionStatus.DECLINED, by
    record(Kind.CREDIT_CORRECTION_DECLINED, correction)
    db.session.flush()


def _refuse(cents: int, note: str, held_cents: int) -> None:
    if not cents or abs(cents) > MOST_CORRECTED_CENTS:
        raise _wrong("cents", f"Enter up to {dollars(MOST_CORRECTED_CENTS)}.")
    if held_cents + cents < 0:
        raise _wrong("cents", f"The account holds {dollars(held_cents)}.")
    if not 1 <= len(note.strip()) <= LONGEST_NOTE:
        raise _wrong("note", f"Say in up to {LONGEST_NOTE} characters why.")


def _decide(correction: CreditCorrection, by: Person) -> None:
    if correction.status is not CorrectionStatus.PROPOSED:
        raise WrongState(
            f"This correction is {correction.status} already.", status=correction.status
        )
    if by.id == correction.proposed_by_id:
        raise SecondPersonNeeded("Somebody else decides what you proposed.")


def _book(correction: CreditCorrection) -> None:
    correction.status = CorrectionStatus.BOOKED
    record(Kind.CREDIT_CORRECTION_BOOKED, correction)
    db.session.flush()  # the entry is judged by it
    kind = EntryKind.ISSUED if correction.delta_cents > 0 else EntryKind.TAKEN_BACK
    ledger.book(correction.client_id, kind, correction.delta_cents, correction_id=correction.id)


def _wrong(field: str, text: str) -> CorrectionRefused:
    return CorrectionRefused(text, fields={field: [text]})
