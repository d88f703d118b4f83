"""What the shop writes to people: content-free notices that link to the portal.

No letter names a product or anything medical, in subject or body: mail is read over shoulders. The
words are in `templates/letters/`, the first line of the text being the subject.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import jinja2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts import confirming, delegating
from shop.accounts.models import Licence, Person
from shop.core import jobs
from shop.core.db import db, locked
from shop.core.events import Event
from shop.core.money import dollars
from shop.merchant.models import MerchantPermission
from shop.notifications.mailer import Refused, postbox
from shop.notifications.models import Letter, Template
from shop.orders.models import Order, Shipment
from shop.payments.models import Payment, Refund
from shop.prescriptions.models import (
    ApprovalRequest,
    Escalation,
    Inquiry,
    Prescription,
    SigningKey,
)
from shop.privacy.models import AccountClosure, RecordExport
from shop.recalls.models import Recall
from shop.replenishment.models import AutoRefill, RefillCycle, RefillReminder
from shop.returns.models import ReturnRequest
from shop.treatments.models import Plan, Session, SessionReport

Subject = (
    AccountClosure
    | ApprovalRequest
    | AutoRefill
    | Escalation
    | Inquiry
    | Licence
    | MerchantPermission
    | Order
    | Person
    | Plan
    | Prescription
    | Recall
    | RecordExport
    | RefillCycle
    | RefillReminder
    | Refund
    | ReturnRequest
    | Session
    | SessionReport
    | Shipment
    | SigningKey
)

LEASE = timedelta(minutes=2)  # longer than one talk with a mail server can take
FRESH = timedelta(minutes=15)  # the queue's own retries look after a letter this young
PATIENCE = timedelta(days=3)  # then a notice is no news any more

# So that the same letter has the same id, and the same Message-ID, whoever writes it.
NAMESPACE = uuid.UUID("8f1c3a52-6c0b-4d0e-9f35-2f7a5f0c1e77")

SUBJECTS: dict[Template, type[Subject]] = {
    Template.ACCOUNT_CONFIRMATION: Person,
    Template.ACCOUNT_EXISTS: Person,
    Template.REQUEST_RECEIVED: ApprovalRequest,
    Template.REQUEST_NEWS: ApprovalRequest,
    Template.CASE_NEWS: Inquiry,
    Template.REQUEST_ESCALATED: Escalation,
    Template.ORDER_TO_PAY: Order,
    Template.ORDER_PAID: Order,
    Template.ORDER_REDUCED: Order,
    Template.ORDER_SHIPPED: Shipment,
    Template.ORDER_CANCELLED: Order,
    Template.ORDER_EXPIRED: Order,
    Template.ORDER_HELD: Order,
    Template.ORDER_RESUMED: Order,
    Template.REFUND_SENT: Refund,
    Template.REFUND_AT_THE_DESK: Refund,
    Template.PAYMENT_PERMISSION_ENDING: MerchantPermission,
    Template.LICENCE_EXPIRING: Licence,
    Template.SIGNING_KEY_EXPIRING: SigningKey,
    Template.PRESCRIPTION_RENEWABLE: Prescription,
    Template.PRESCRIPTION_NEWS: Prescription,
    Template.REPORT_NEWS: SessionReport,
    Template.REFILL_DUE: RefillReminder,
    Template.REFILL_NOTICE: RefillCycle,
    Template.REFILL_NEWS: RefillCycle,
    Template.REFILL_UNPAID: RefillCycle,
    Template.AUTO_REFILL_NEWS: AutoRefill,
    Template.PLAN_NEWS: Plan,
    Template.SESSION_NEWS: Session,
    Template.RECALL_NOTICE: Recall,
    Template.RETURN_NEWS: ReturnRequest,
    Template.SIGN_IN_CHANGED: Person,
    Template.RECORD_READY: RecordExport,
    Template.CLOSURE_ASKED: AccountClosure,
    Template.CLOSURE_WITHDRAWN: AccountClosure,
}

# What only the letter may hold: made when it is written, kept nowhere but as a hash.
SECRETS: dict[Template, Callable[[Person, datetime], str]] = {
    Template.ACCOUNT_CONFIRMATION: confirming.issue_link,
}

_words = jinja2.Environment(
    loader=jinja2.PackageLoader("shop", "templates/letters"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


def subject_of(template: Template, subject_id: uuid.UUID) -> Subject:
    """What a letter of this template is about."""
    subject = db.session.get_one(SUBJECTS[template], subject_id)
    assert isinstance(subject, Subject)  # mypy sees no further than their common base
    return subject


def send(template: Template, subject: Subject, event: Event, *, to: Person | None = None) -> None:
    """Write down that this letter is due, and queue it, in the transaction under way.

    It goes to whom the subject belongs, unless told. Once per template, subject, version of the
    subject and reader: asking again changes nothing.
    """
    version = event.seq if event.subject_id == subject.id else 1
    key = f"{template}:{subject.id}:{version}" + (f":{to.id}" if to else "")
    booked = db.session.execute(
        insert(Letter)
        .values(
            id=uuid.uuid5(NAMESPACE, key),
            template=template,
            subject_id=subject.id,
            version=version,
            recipient_id=to.id if to else _reader(subject),
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
    facts = _facts(letter)
    if letter.template in SECRETS:
        facts["secret"] = SECRETS[letter.template](letter.recipient, at)
    text = _words.get_template(f"{letter.template}.txt").render(facts)
    subject, _, body = text.partition("\n")
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = postbox.sender
    message["To"] = _address(letter.recipient)
    message["Date"] = format_datetime(letter.queued_at)
    message["Message-ID"] = f"<{letter.id}@{parseaddr(postbox.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message.set_content(body.lstrip("\n"))
    message.add_alternative(
        _words.get_template(f"{letter.template}.html").render(facts), subtype="html"
    )
    return message


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
        Letter.queued_at < at - FRESH,
        sa.or_(Letter.lease_until.is_(None), Letter.lease_until <= at),
    )
    return db.session.scalars(query.order_by(Letter.queued_at)).all()


def give_up(*, at: datetime) -> None:
    """Close the letters nobody would want any more."""
    db.session.execute(
        sa.update(Letter)
        .where(
            Letter.sent_at.is_(None),
            Letter.failed_at.is_(None),
            Letter.queued_at < at - PATIENCE,
            sa.or_(Letter.lease_until.is_(None), Letter.lease_until <= at),
        )
        .values(failed_at=at, error="too_late")
    )


def _reader(subject: Subject) -> uuid.UUID:
    match subject:
        case Person():
            return subject.id
        case Escalation():
            return _called(subject)
        case Inquiry():
            return subject.asked_by_id
        case Licence():
            return subject.person_id
        case MerchantPermission() | SigningKey() | Recall():
            raise LookupError("It is nobody's: say whom to write to.")
        case _:
            return _client(subject)


def _client(
    subject: AccountClosure
    | ApprovalRequest
    | AutoRefill
    | Order
    | Plan
    | Prescription
    | RecordExport
    | RefillCycle
    | RefillReminder
    | Refund
    | ReturnRequest
    | Session
    | SessionReport
    | Shipment,
) -> uuid.UUID:
    match subject:
        case Shipment():
            return subject.order.client_id
        case Refund():
            return subject.payment.order.client_id
        case _:
            return subject.client_id


def _called(escalation: Escalation) -> uuid.UUID:
    """Who was called, or who stands in for her that day."""
    assert escalation.called_id is not None  # or there is nobody to write to
    day = escalation.at.astimezone(UTC).date()
    stand_in = delegating.standing_in([escalation.called_id], day=day)
    return stand_in.get(escalation.called_id, escalation.called_id)


def _facts(letter: Letter) -> dict[str, str]:
    """What the words may use, and nothing more: numbers that mean nothing to others."""
    facts = {"clinic": postbox.clinic, "base_url": postbox.base_url}
    subject = subject_of(letter.template, letter.subject_id)
    if isinstance(subject, Person):  # a name is not repeated to an address nobody has confirmed
        return facts
    return facts | _told(subject) | {"name": " ".join(letter.recipient.name.split())}


def _told(subject: Subject) -> dict[str, str]:
    match subject:
        case Escalation() | Inquiry():
            return {"number": subject.request.number}
        case Licence() | MerchantPermission() | SigningKey():
            return {"until": subject.valid_until.strftime("%B %-d, %Y")}
        case Session():
            return {"number": subject.plan.number}
        case SessionReport():
            return {"number": subject.session.plan.number}
        case RefillCycle():
            return _of_a_refill(subject)
        case Recall():
            return {"number": subject.number, "urgent": "yes" if subject.urgent else ""}
        case AccountClosure() | RecordExport() | RefillReminder():
            return _of_herself(subject)
        case _:
            return _of_an_order(subject)


def _of_herself(subject: AccountClosure | RecordExport | RefillReminder) -> dict[str, str]:
    if isinstance(subject, RefillReminder):
        return {"moved": "yes" if subject.moved_days else ""}
    until = subject.runs_from if isinstance(subject, AccountClosure) else subject.ends_at
    assert until is not None  # a copy that is told of waits until then
    return {"number": subject.number, "until": _day(until)}


def _of_an_order(subject: Subject) -> dict[str, str]:
    match subject:
        case Shipment():
            sent = {"carrier": subject.carrier, "tracking": subject.tracking}
            return {"number": subject.order.number} | sent
        case ReturnRequest():
            return {"number": subject.number, "order": subject.order.number}
        case Refund():
            back = {"amount": dollars(subject.amount_cents)}
            return {"number": subject.payment.order.number} | back
        case ApprovalRequest() | AutoRefill() | Order() | Plan() | Prescription():
            return {"number": subject.number}
    raise LookupError("No letter is about this.")


def _of_a_refill(cycle: RefillCycle) -> dict[str, str]:
    """Its number, and what it comes to on which day; its order's number, where it has one."""
    told = cycle.notice
    return {
        "number": cycle.auto_refill.number,
        "order": cycle.order.number if cycle.order else "",
        "amount": dollars(told.total_cents) if told else "",
        "charge_on": told.charge_on.strftime("%B %-d, %Y") if told else "",
        "rises": "yes" if told and told.rises else "",
    }


def _day(at: datetime) -> str:
    return at.strftime("%B %-d, %Y")


def _address(person: Person) -> Address:
    if person.erased_at is not None:
        raise Refused("account_closed")
    try:
        return Address(addr_spec=person.email)
    except (ValueError, IndexError):  # the parser trips over some shapes
        raise Refused("not_an_address") from None
