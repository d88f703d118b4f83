"""The jobs that take letters to the mail server. Nothing is open in the database meanwhile."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog

from shop.core import jobs
from shop.core.clock import now
from shop.core.db import db
from shop.notifications import choosing, letters, mailer
from shop.notifications.models import Letter
from shop.work import carrying

ENDED = "ended"  # its reader wants no letters like it any more
log = structlog.get_logger()


@jobs.job("deliver_letter")
def deliver_letter(*, letter_id: str) -> None:
    """Send one letter, unless it is sent; where the server puts it off, it is queued for later.

    A worker that dies between the server's yes and our note of it sends the same Message-ID again.
    """
    letter = letters.claim(uuid.UUID(letter_id), at=now())
    if letter is None:
        return
    if not choosing.wants(letter.recipient_id, letter.template):
        _give_up(letter, code=ENDED, at=now())
        db.session.commit()
        return
    try:
        message = letters.compose(letter, at=now())
        db.session.commit()  # the claim, and the secret's hash, hold before the letter leaves
        mailer.deliver(message)
    except mailer.Refused as refused:
        _give_up(letter, code=refused.code, at=now())
    except mailer.Delayed as delayed:
        _put_off(letter, code=delayed.code, at=now())
    else:
        _note(letter, error="")
        letter.sent_at = now()
        _count(letter, done=1)
    db.session.commit()


@jobs.job("letters_due")
def letters_due(**_when: object) -> None:
    """Queue again what the queue lost, and close what came too late. To be run now and then."""
    at = now()
    letters.give_up(at=at)
    for letter_id in letters.due(at=at):
        jobs.defer("deliver_letter", letter_id=str(letter_id))
    db.session.commit()


def _put_off(letter: Letter, *, code: str, at: datetime) -> None:
    """Try again after a while, longer each time."""
    _note(letter, error=code)
    pause = letters.pause_after(letter.tries)
    letter.next_try_at = at + pause
    jobs.defer("deliver_letter", after=pause, letter_id=str(letter.id))
    log.warning("letter_put_off", letter=str(letter.id), code=code, tries=letter.tries)


def _give_up(letter: Letter, *, code: str, at: datetime) -> None:
    """For good, or until somebody has it resent."""
    _note(letter, error=code)
    letter.failed_at = at
    _count(letter, failed=1)
    log.warning("letter_given_up", letter=str(letter.id), code=code, tries=letter.tries)


def _note(letter: Letter, *, error: str) -> None:
    letter.lease_until, letter.error, letter.next_try_at = None, error, None


def _count(letter: Letter, *, done: int = 0, failed: int = 0) -> None:
    """The work it is a piece of is a step further; what is resent was counted before."""
    if letter.work_id is not None and not letter.resends:
        db.session.flush()
        carrying.count(letter.work_id, done=done, failed=failed)
