"""What screening found when a prescription was signed, as it was kept with the signature.

What is found of an open request is of the day it is looked at, and recorded nowhere: it is no
DetectedIssue.
"""

from __future__ import annotations

from dataclasses import dataclass

from shop.prescriptions.models import Prescription
from shop.prescriptions.screening import rules


@dataclass(frozen=True)
class Finding:
    """A rule that fired; `severity` is screening's word, `reason` why it was signed despite it."""

    rule: str
    version: int
    kind: str  # of the rule: "pregnancy", "interaction"
    severity: str
    text: str
    fired_by: str
    reason: str


def findings(prescription: Prescription) -> tuple[Finding, ...]:
    """The worst first, as signed; none of what was signed before they were kept.

    Raises sealed.NotOpened.
    """
    kept = prescription.request.screening
    if kept is None:
        return ()
    checks = kept.checks
    kinds = {rule.number: rule.kind for rule in rules.rules(checks["rules"])}
    return tuple(
        Finding(
            rule=hit["rule"],
            version=hit["version"],
            kind=kinds[hit["rule"]],
            severity=hit["severity"],
            text=hit["text"],
            fired_by="; ".join(hit["fired_by"]),
            reason=hit["reason"] or "",
        )
        for hit in checks["hits"]
    )
