"""A letter that was given up is due once more."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import jobs
from shop.core.db import db
from shop.notifications import choosing
from shop.notifications.errors import LetterEnded, NotGivenUp
from shop.notifications.models import Letter, LetterResend


def resend(letter: Letter, *, by: Person, at: datetime) -> Letter:
    """Queue it again, with all its patience. The letter is locked by the caller.

    Raises NotGivenUp, LetterEnded.
    """
    if letter.failed_at is None:
        raise NotGivenUp(
            "Only a letter that was given up is resent. This one was sent, or is still tried.",
            tries=letter.tries,
        )
    if letter.error == "ended" or not choosing.wants(letter.recipient_id, letter.template):
        raise LetterEnded("Its reader has switched letters like this one off.")
    db.session.add(LetterResend(id=uuid.uuid4(), letter_id=letter.id, by_id=by.id))
    db.session.flush()  # the letter may go on once somebody answers for it
    letter.resends += 1
    letter.failed_at, letter.error, letter.lease_until, letter.next_try_at = None, "", None, None
    db.session.flush()
    jobs.defer("deliver_letter", letter_id=str(letter.id))
    return letter
