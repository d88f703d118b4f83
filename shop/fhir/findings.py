"""What screening found when a prescription was signed, read from the statement that was signed.

THE PLACE TO SWAP: the checks are about to be kept beside the decision, as data. `findings` then
returns those (and may serve what was found at a refusal, too). Until then the signed text, whose
words this module knows (`prescriptions/statements.py`; a test signs and reads back), is the one
place that keeps them. What is found of an open request is of the day it is looked at, and recorded
nowhere: it is no DetectedIssue yet.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
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
    kind: str  # of the rule: "pregnancy", "interaction"
    severity: str
    text: str
    fired_by: str
    reason: str


def findings(prescription: Prescription) -> tuple[Finding, ...]:
    """In the order of the statement. Raises sealed.NotOpened.

    Versions of rules that were shipped stay shipped, so the statement's own is there.
    """
    begun = BEGINS.search(prescription.statement)
    if begun is None:
        return ()  # signed before there was screening
    signed = f"\n\n{prescription.prescriber_name}, NPI {prescription.prescriber_npi}, licensed in\n"
    section = prescription.statement[begun.end() :].rpartition(signed)[0]
    shipped = {rule.number: rule for rule in rules.rules(begun["version"])}
    return tuple(_read(section.split("\n"), shipped))


def _read(lines: Sequence[str], shipped: Mapping[str, Rule]) -> list[Finding]:
    """A reason may have several lines: what begins no finding goes on with the one before."""
    blocks: list[list[str]] = []
    for line, following in itertools.pairwise((*lines, "")):
        if _begins(line, following, shipped):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return [_finding("\n".join(block), shipped) for block in blocks]


def _begins(line: str, following: str, shipped: Mapping[str, Rule]) -> bool:
    """A finding's own words: of a rule of that version, followed by what fired it."""
    head = HEAD.fullmatch(line)
    known = shipped.get(head["rule"]) if head else None
    if head is None or known is None:
        return False
    own = head["version"] == str(known.version) and head["text"].endswith(known.physician_text)
    return own and following.startswith(FIRED)


def _finding(block: str, shipped: Mapping[str, Rule]) -> Finding:
    first, fired, *more = block.split("\n")
    head = HEAD.fullmatch(first)
    assert head is not None, "a block begins with its head"
    return Finding(
        rule=head["rule"],
        version=int(head["version"]),
        kind=shipped[head["rule"]].kind,
        severity=head["severity"],
        text=head["text"],
        fired_by=fired.removeprefix(FIRED),
        reason="\n".join(more).removeprefix(REASON),
    )
