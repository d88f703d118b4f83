"""Requests and prescriptions on the wire."""

from __future__ import annotations

from shop.prescriptions.schemas.desk import DeskOut, EscalationOut, on_the_desk
from shop.prescriptions.schemas.gate import GateOut, ReasonOut
from shop.prescriptions.schemas.prescriptions import (
    ExaminationIn,
    ExaminationOut,
    FillOut,
    OverrideIn,
    PrescriptionOut,
    PrescriptionsOut,
    SignatureIn,
    WholePrescriptionOut,
    WhyIn,
    listed_prescription,
    terms,
    whole_prescription,
)
from shop.prescriptions.schemas.requests import (
    AnswersIn,
    CarriedOut,
    ClaimOut,
    FindingOut,
    QueueQuery,
    RefusalIn,
    RefusalOut,
    RequestIn,
    RequestOut,
    RequestsOut,
    SubmissionIn,
    WholeRequestOut,
    listed,
    whole,
)
from shop.prescriptions.schemas.shared import ClientOut, RecordedOut

__all__ = [
    "AnswersIn",
    "CarriedOut",
    "ClaimOut",
    "ClientOut",
    "DeskOut",
    "EscalationOut",
    "ExaminationIn",
    "ExaminationOut",
    "FillOut",
    "FindingOut",
    "GateOut",
    "OverrideIn",
    "PrescriptionOut",
    "PrescriptionsOut",
    "QueueQuery",
    "ReasonOut",
    "RecordedOut",
    "RefusalIn",
    "RefusalOut",
    "RequestIn",
    "RequestOut",
    "RequestsOut",
    "SignatureIn",
    "SubmissionIn",
    "WholePrescriptionOut",
    "WholeRequestOut",
    "WhyIn",
    "listed",
    "listed_prescription",
    "on_the_desk",
    "terms",
    "whole",
    "whole_prescription",
]
