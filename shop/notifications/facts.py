"""What a letter may say of its subject: numbers that mean nothing to others, days and sums."""

from __future__ import annotations

from datetime import date, datetime

from flask_babel import format_currency, format_date

from shop.accounts.models import Licence, Person
from shop.merchant.models import MerchantPermission
from shop.notifications.subjects import Subject
from shop.orders.models import Order, Shipment
from shop.payments.models import Refund
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


def told(subject: Subject) -> dict[str, str]:
    """In the language that is spoken. Nothing of a person: her address may be another's."""
    match subject:
        case Person():
            return {}
        case Licence() | MerchantPermission() | SigningKey():
            return {"until": _day(subject.valid_until)}
        case Escalation() | Inquiry() | Session() | SessionReport():
            return _of_care(subject)
        case RefillCycle():
            return _of_a_refill(subject)
        case Recall():
            return {"number": subject.number, "urgent": "yes" if subject.urgent else ""}
        case AccountClosure() | RecordExport() | RefillReminder():
            return _of_herself(subject)
        case _:
            return _of_an_order(subject)


def _of_care(subject: Escalation | Inquiry | Session | SessionReport) -> dict[str, str]:
    match subject:
        case Session():
            return {"number": subject.plan.number}
        case SessionReport():
            return {"number": subject.session.plan.number}
        case _:
            return {"number": subject.request.number}


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
            back = {"amount": _money(subject.amount_cents)}
            return {"number": subject.payment.order.number} | back
        case ApprovalRequest() | AutoRefill() | Order() | Plan() | Prescription():
            return {"number": subject.number}
    raise LookupError("No letter is about this.")


def _of_a_refill(cycle: RefillCycle) -> dict[str, str]:
    """Its number, and what it comes to on which day; its order's number, where it has one."""
    notice = cycle.notice
    return {
        "number": cycle.auto_refill.number,
        "order": cycle.order.number if cycle.order else "",
        "amount": _money(notice.total_cents) if notice else "",
        "charge_on": _day(notice.charge_on) if notice else "",
        "rises": "yes" if notice and notice.rises else "",
    }


def _day(day: date | datetime) -> str:
    return str(format_date(day, "long", rebase=False))


def _money(cents: int) -> str:
    return str(format_currency(f"{cents // 100}.{cents % 100:02}", "USD"))
