"""Approval requests (a task), prescriptions (an authority) and fills (one use of it).

The three life cycles are kept apart. A prescription is about a person and a product, not about a
purchase: it knows nothing of orders.
"""

from __future__ import annotations

from typing import Any

from shop.prescriptions.models.directions import DirectionsTemplate
from shop.prescriptions.models.errors import ErrorReport
from shop.prescriptions.models.escalations import Escalation
from shop.prescriptions.models.fills import Fill
from shop.prescriptions.models.inquiries import Inquiry
from shop.prescriptions.models.papers import (
    DocumentIssued,
    DocumentKind,
    LeafletAcknowledgement,
    TakenAway,
)
from shop.prescriptions.models.practice import (
    Examination,
    KnownExaminationRule,
    KnownSupervisionRule,
    Referral,
    Supervision,
)
from shop.prescriptions.models.prescriptions import Prescription, PrescriptionState
from shop.prescriptions.models.records import Screening, Signature, SigningKey
from shop.prescriptions.models.requests import Acceptance, ApprovalRequest, Refusal
from shop.prescriptions.models.reviews import HealthReview
from shop.prescriptions.models.successions import Supersession
from shop.prescriptions.states import FILL_ARROWS, PRESCRIPTION_ARROWS, REQUEST_ARROWS

__all__ = [
    "Acceptance",
    "ApprovalRequest",
    "DirectionsTemplate",
    "DocumentIssued",
    "DocumentKind",
    "ErrorReport",
    "Escalation",
    "Examination",
    "Fill",
    "HealthReview",
    "Inquiry",
    "KnownExaminationRule",
    "KnownSupervisionRule",
    "LeafletAcknowledgement",
    "Prescription",
    "PrescriptionState",
    "Referral",
    "Refusal",
    "Screening",
    "Signature",
    "SigningKey",
    "Supersession",
    "Supervision",
    "TakenAway",
    "arrows",
]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {
        "approval_request": REQUEST_ARROWS,
        "prescription": PRESCRIPTION_ARROWS,
        "fill": FILL_ARROWS,
    }
