"""What letters are about: each template's kind of row."""

from __future__ import annotations

import uuid
from datetime import UTC

from shop.accounts import delegating
from shop.accounts.models import Licence, Person
from shop.core.db import db
from shop.merchant.models import MerchantPermission
from shop.notifications.models import Template
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


def subject_of(template: Template, subject_id: uuid.UUID) -> Subject:
    """What a letter of this template is about."""
    subject = db.session.get_one(SUBJECTS[template], subject_id)
    assert isinstance(subject, Subject)  # mypy sees no further than their common base
    return subject


def reader_of(subject: Subject) -> uuid.UUID:
    """Whose it is. Raises LookupError where it is nobody's."""
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
