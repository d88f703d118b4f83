"""What the shop writes to people: content-free notices that link to the portal.

No letter names a product or anything medical, in subject or body: mail is read over shoulders. The
words are in `templates/letters/`, the first line of each template being the subject.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts import confirming
from shop.accounts.models import Person
from shop.clinic import queries as clinic
from shop.core import jobs
from shop.core.db import db, locked
from shop.core.events import Event
from shop.notifications import choosing, ending, writing
from shop.notifications.facts import told
from shop.notifications.mailer import Refused, postbox
from shop.notifications.models import Letter, Template
from shop.notifications.subjects import Subject, reader_of, subject_of
from shop.notifications.topics import why
from shop.orders.models import Order, Shipment
from shop.payments.models import Payment, Refund
from shop.returns.models import ReturnRequest
from shop.work import carrying

__all__ = ["Subject", "claim", "compose", "due", "give_up", "send", "sent_about", "subject_of"]

LEASE = timedelta(minutes=2)  # longer than one talk with a mail server can take
FRESH = timedelta(minutes=15)  # the queue's own retries look after a letter this young
PATIENCE = timedelta(days=3)  # then a notice is no news any more
# How long to wait after the first, the second … try that was put off; then an hour each time.
PAUSES = tuple(timedelta(minutes=each) for each in (1, 2, 5, 10, 20, 40, 60))

# So that the same letter has the same id, and the same Message-ID, whoever writes it.
NAMESPACE = uuid.UUID("8f1c3a52-6c0b-4d0e-9f35-2f7a5f0c1e77")

# What only the letter may hold: made when it is written, kept nowhere but as a hash.
SECRETS: dict[Template, Callable[[Person, datetime], str]] = {
    Template.ACCOUNT_CONFIRMATION: confirming.issue_link,
}


def send(
    template: Template,
    subject: Subject,
    event: Event,
    *,
    to: Person | None = None,
    work_id: uuid.UUID | None = None,
) -> None:
    """Write down that this letter is due, and queue it, in the transaction under way.

    It goes to whom the subject belongs, unless told, and not to who ended letters like it. Once per
    template, subject, version of the subject and reader: asking again changes nothing. `work_id` is
    the work it is a piece of.
    """
    reader = to.id if to else reader_of(subject)
    if not choosing.wants(reader, template):
        return
    version = event.seq if event.subject_id == subject.id else 1
    key = f"{template}:{subject.id}:{version}" + (f":{to.id}" if to else "")
    booked = db.session.execute(
        insert(Letter)
        .values(
            id=uuid.uuid5(NAMESPACE, key),
            template=template,
            subject_id=subject.id,
            version=version,
            recipient_id=reader,
            work_id=work_id,
        )
        .on_conflict_do_nothing()
        .returning(Letter.id)
    ).scalar_one_or_none()
    if booked is not None:
        jobs.defer("deliver_letter", letter_id=str(booked))


def claim(letter_id: uuid.UUID, *, at: datetime) -> Letter | None:
    """Take a due letter for sending, for as long as LEASE; None where there is nothing to do."""
    letter = db.session.scalars(
        locked(sa.select(Letter).where(Letter.id == letter_id))
    ).one_or_none()
    if letter is None or letter.done:
        return None
    if letter.lease_until is not None and letter.lease_until > at:
        return None
    letter.tries += 1
    letter.lease_until = at + LEASE
    return letter


def compose(letter: Letter, *, at: datetime) -> EmailMessage:
    """The message itself. Raises Refused where the address is none."""
    reader, end_url = letter.recipient, ending.url(letter)
    look = clinic.shown(postbox.clinic)
    with writing.speaking(reader.language):
        facts = _facts(letter, look.name)
    if letter.template in SECRETS:
        facts["secret"] = SECRETS[letter.template](reader, at)
    said = writing.write(
        letter.template,
        facts,
        language=reader.language,
        why=why(letter.template, reader),
        end_url=end_url,
        accent=look.accent,
    )
    message = EmailMessage()
    message["Subject"] = said.subject
    message["From"] = postbox.sender
    message["To"] = _address(reader)
    message["Date"] = format_datetime(letter.due_since)
    message["Message-ID"] = f"<{letter.id}@{parseaddr(postbox.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message["Content-Language"] = said.language
    if end_url:
        message["List-Unsubscribe"] = f"<{end_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    message.set_content(said.text)
    message.add_alternative(said.html, subtype="html")
    return message


def pause_after(tries: int) -> timedelta:
    """How long to wait once so many tries were put off."""
    return PAUSES[min(max(tries, 1), len(PAUSES)) - 1]


# What a bank may learn that we wrote: of the order itself, never of a client's health.
OF_AN_ORDER = (
    Template.ORDER_PAID,
    Template.ORDER_SHIPPED,
    Template.ORDER_HELD,
    Template.ORDER_RESUMED,
    Template.ORDER_CANCELLED,
    Template.REFUND_SENT,
    Template.RETURN_NEWS,
)


def sent_about(order: Order) -> list[tuple[str, datetime]]:
    """Letters that went out about an order, its parcels, refunds and returns: what, and when."""
    subjects = [
        sa.select(Order.id).where(Order.id == order.id),
        sa.select(Shipment.id).where(Shipment.order_id == order.id),
        sa.select(Refund.id).join(Payment).where(Payment.order_id == order.id),
        sa.select(ReturnRequest.id).where(ReturnRequest.order_id == order.id),
    ]
    query = sa.select(Letter.template, Letter.sent_at).where(
        Letter.template.in_(OF_AN_ORDER),
        Letter.sent_at.is_not(None),
        Letter.recipient_id == order.client_id,
        sa.or_(*(Letter.subject_id.in_(each) for each in subjects)),
    )
    found = db.session.execute(query.order_by(Letter.sent_at, Letter.id))
    return [(template.value.replace("_", " "), at) for template, at in found if at is not None]


def due(*, at: datetime) -> Sequence[uuid.UUID]:
    """Letters the queue has lost sight of: a server long away, a worker that died."""
    query = sa.select(Letter.id).where(
        Letter.sent_at.is_(None),
        Letter.failed_at.is_(None),
        Letter.due_since < at - FRESH,
        sa.or_(Letter.lease_until.is_(None), Letter.lease_until <= at),
        sa.or_(Letter.next_try_at.is_(None), Letter.next_try_at <= at),
    )
    return db.session.scalars(query.order_by(Letter.due_since)).all()


def give_up(*, at: datetime) -> None:
    """Close the letters nobody would want any more."""
    closed = db.session.execute(
        sa.update(Letter)
        .where(
            Letter.sent_at.is_(None),
            Letter.failed_at.is_(None),
            Letter.due_since < at - PATIENCE,
            sa.or_(Letter.lease_until.is_(None), Letter.lease_until <= at),
        )
        .values(failed_at=at, error="too_late", next_try_at=None)
        .returning(Letter.work_id, Letter.resends)
        .execution_options(synchronize_session=False)
    ).all()
    for work_id, times in Counter(one.work_id for one in closed if not one.resends).items():
        if work_id is not None:
            carrying.count(work_id, failed=times)


def _facts(letter: Letter, name: str) -> dict[str, str]:
    """What the words may use, and nothing more; `name` is the clinic's."""
    facts = {"clinic": name, "base_url": postbox.base_url}
    subject = subject_of(letter.template, letter.subject_id)
    if isinstance(subject, Person):  # a name is not repeated to an address nobody has confirmed
        return facts
    return facts | told(subject) | {"name": " ".join(letter.recipient.name.split())}


def _address(person: Person) -> Address:
    if person.erased_at is not None:
        raise Refused("account_closed")
    try:
        return Address(addr_spec=person.email)
    except (ValueError, IndexError):  # the parser trips over some shapes
        raise Refused("not_an_address") from None
