"""DetectedIssue (R4, detectedissue.html): a rule of screening that fired when a prescription was
signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shop.fhir.elements import V3, Element, Place, coding, concept, instant, meta, reference, said
from shop.fhir.findings import Finding
from shop.prescriptions.models import Prescription

SEVERITY_WORD = "screening-severity"  # our scale has four steps, FHIR's has three
SEVERITIES = {"hard_stop": "high", "soft_stop": "moderate", "warn": "low", "info": "low"}

# http://hl7.org/fhir/R4/valueset-detectedissue-category.html (preferred); kinds without a word of
# their own there have our rule's number only.
CATEGORIES = {
    "age": ("AGE", "Age Alert"),
    "allergy": ("ALGY", "Allergy Alert"),
    "allergy_family": ("ALGY", "Allergy Alert"),
    "allergy_text": ("ALGY", "Allergy Alert"),
    "condition": ("COND", "Condition Alert"),
    "condition_family": ("COND", "Condition Alert"),
    "course": ("DOSEDUR", "Dose-Duration Alert"),
    "duplicate": ("DUPTHPY", "Duplicate Therapy Alert"),
    "interaction": ("DRG", "Drug Interaction Alert"),
    "isotretinoin": ("DRG", "Drug Interaction Alert"),
    "medicine": ("DRG", "Drug Interaction Alert"),
    "pregnancy": ("PREG", "Pregnancy Alert"),
}


def ids(prescription: Prescription, found: Sequence[Finding]) -> list[str]:
    """Each finding's id: the prescription's, and its place in the statement."""
    return [f"{prescription.id}.{place}" for place in range(1, len(found) + 1)]


def detected_issue(
    prescription: Prescription, finding: Finding, *, id: str, updated: datetime, place: Place
) -> Element:
    """One finding; the reason to sign all the same is its mitigation."""
    return said(
        {
            "resourceType": "DetectedIssue",
            "id": id,
            "meta": meta(updated),
            "extension": [{"url": place.extension(SEVERITY_WORD), "valueCode": finding.severity}],
            "status": "final",
            "code": _code(finding, place),
            "severity": SEVERITIES[finding.severity],
            "patient": reference("Patient", prescription.client_id, prescription.client.name),
            "identifiedDateTime": instant(prescription.signed_at),
            "implicated": [reference("MedicationRequest", prescription.id)],
            "evidence": (
                [{"code": [concept(text=finding.fired_by)]}] if finding.fired_by else None
            ),
            "detail": finding.text,
            "mitigation": [_mitigation(prescription, finding)] if finding.reason else None,
        }
    )


def _code(finding: Finding, place: Place) -> Element:
    ours = coding(place.words("screening-rule"), finding.rule) | {"version": str(finding.version)}
    known = CATEGORIES.get(finding.kind)
    return concept(*([coding(f"{V3}ActCode", *known)] if known else []), ours)


def _mitigation(prescription: Prescription, finding: Finding) -> Element:
    return {
        "action": concept(text=finding.reason),
        "date": instant(prescription.signed_at),
        "author": reference(
            "Practitioner", prescription.prescriber_id, prescription.prescriber_name
        ),
    }
