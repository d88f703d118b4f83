"""Requests and prescriptions on the wire."""

from __future__ import annotations

from shop.prescriptions.schemas.gate import GateOut, ReasonOut
from shop.prescriptions.schemas.inquiries import InquiryOut, QuestionIn, ReplyIn
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
    "ExaminationIn",
    "ExaminationOut",
    "FillOut",
    "FindingOut",
    "GateOut",
    "InquiryOut",
    "OverrideIn",
    "PrescriptionOut",
    "PrescriptionsOut",
    "QuestionIn",
    "QueueQuery",
    "ReasonOut",
    "RecordedOut",
    "RefusalIn",
    "RefusalOut",
    "ReplyIn",
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
    "terms",
    "whole",
    "whole_prescription",
]
