"""A bank warns of a payment before anybody disputes it: written down, and seen by a manager."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.payments import gateway, queries
from shop.payments.errors import AlreadyReviewed
from shop.payments.models import FraudWarning
from shop.payments.states import WarningOutcome

log = structlog.get_logger()


def apply(told: gateway.FraudWarning) -> FraudWarning | None:
    """Write a warning down, once; None if it is of no payment of ours."""
    payment = None if told.intent_id is None else queries.payment_of_intent(told.intent_id)
    if payment is None:
        log.error("foreign_fraud_warning", warning=told.id, intent=told.intent_id)
        return None
    new = db.session.scalar(
        insert(FraudWarning)
        .values(
            id=uuid.uuid4(),
            payment_id=payment.id,
            provider_warning_id=told.id,
            fraud_type=told.fraud_type,
        )
        .on_conflict_do_nothing(index_elements=["provider_warning_id"])
        .returning(FraudWarning.id)
    )
    found = db.session.scalars(
        sa.select(FraudWarning).where(FraudWarning.provider_warning_id == told.id)
    ).one()
    if new is not None:
        log.warning("fraud_warning", warning=str(found.id))
        events.record(Kind.FRAUD_WARNED, found, payment=str(payment.id))
    return found


def review(warning: FraudWarning, outcome: WarningOutcome, *, by: Person) -> None:
    """A manager says what she found of a (locked) warning. Raises NotAllowed, AlreadyReviewed."""
    if by.role is not Role.MANAGER:
        raise NotAllowed("A manager looks at fraud warnings.")
    if warning.outcome is not None:
        raise AlreadyReviewed("Somebody has looked at this warning.", outcome=warning.outcome)
    warning.outcome, warning.reviewed_by_id = outcome, by.id
    events.record(Kind.FRAUD_REVIEWED, warning, outcome=outcome)
    db.session.flush()
