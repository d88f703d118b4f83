"""What screening found when a prescription was signed, read from the statement that was signed.

THE PLACE TO SWAP: the checks are about to be copied into the prescription's record as rows.
`findings` then returns those; until then the signed text, whose words this module knows
(`prescriptions/statements.py`; a test signs and reads back), is the one place that keeps them.
What is found of an open request is of the day it is looked at, and recorded nowhere: it is no
DetectedIssue yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.prescriptions.models import Prescription
from shop.prescriptions.screening import rules
from shop.prescriptions.screening.rules import Rule

BEGINS = re.compile(r"\nScreened by rules (?P<version>\S+):\n")
HEAD = re.compile(r"  (?P<rule>\S+) version (?P<version>\d+), (?P<severity>[a-z_]+): (?P<text>.*)")
FIRED, REASON = "    Fired by: ", "    Signed all the same: "


@dataclass(frozen=True)
class Finding:
    """A rule that fired; `severity` is screening's word, `reason` why it was signed despite it."""

    rule: str
    version: int
    kind: str  # of the rule: "pregnancy", "interaction"; empty where the rule is no longer shipped
    severity: str
    text: str
    fired_by: str
    reason: str


def findings(prescription: Prescription) -> tuple[Finding, ...]:
    """In the order of the statement. Raises sealed.NotOpened."""
    begun = BEGINS.search(prescription.statement)
    if begun is None:
        return ()  # signed before there was screening
    signed = f"\n\n{prescription.prescriber_name}, NPI {prescription.prescriber_npi}, licensed in\n"
    section = prescription.statement[begun.end() :].rpartition(signed)[0]
    return tuple(_read(section.split("\n"), _shipped(begun["version"])))


def _shipped(version: str) -> Mapping[str, Rule]:
    if version not in rules.versions():
        return {}
    return {rule.number: rule for rule in rules.rules(version)}


def _read(lines: Iterable[str], shipped: Mapping[str, Rule]) -> list[Finding]:
    """A reason may have several lines: what begins no finding goes on with the one before."""
    blocks: list[list[str]] = []
    for line in lines:
        if HEAD.fullmatch(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return [_finding("\n".join(block), shipped) for block in blocks]


def _finding(block: str, shipped: Mapping[str, Rule]) -> Finding:
    said, _, reason = block.partition(f"\n{REASON}")
    said, _, fired_by = said.partition(f"\n{FIRED}")
    first, *more = said.split("\n")
    head = HEAD.fullmatch(first)
    assert head is not None, "a block begins with its head"
    known = shipped.get(head["rule"])
    return Finding(
        rule=head["rule"],
        version=int(head["version"]),
        kind=known.kind if known else "",
        severity=head["severity"],
        text="\n".join([head["text"], *more]),
        fired_by=fired_by,
        reason=reason,
    )
