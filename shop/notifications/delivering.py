"""The jobs that take letters to the mail server. Nothing is open in the database meanwhile."""

from __future__ import annotations

import uuid

from shop.core import jobs
from shop.core.clock import now
from shop.core.db import db
from shop.notifications import letters, mailer
from shop.notifications.models import Letter


@jobs.job("deliver_letter")
def deliver_letter(*, letter_id: str) -> None:
    """Send one letter, unless it is sent. Raises mailer.Delayed, so that the queue tries again.

    A worker that dies between the server's yes and our note of it sends the same Message-ID again.
    """
    letter = letters.claim(uuid.UUID(letter_id), at=now())
    if letter is None:
        return
    try:
        message = letters.compose(letter, at=now())
        db.session.commit()  # the claim, and the secret's hash, hold before the letter leaves
        mailer.deliver(message)
    except mailer.Refused as refused:
        _note(letter, error=refused.code)
        letter.failed_at = now()
        db.session.commit()
    except mailer.Delayed as delayed:
        _note(letter, error=delayed.code)
        db.session.commit()
        raise
    else:
        _note(letter, error="")
        letter.sent_at = now()
        db.session.commit()


@jobs.job("letters_due")
def letters_due(**_when: object) -> None:
    """Queue again what the queue lost, and close what came too late. To be run now and then."""
    at = now()
    letters.give_up(at=at)
    for letter_id in letters.due(at=at):
        jobs.defer("deliver_letter", letter_id=str(letter_id))
    db.session.commit()


def _note(letter: Letter, *, error: str) -> None:
    letter.lease_until, letter.error = None, error
