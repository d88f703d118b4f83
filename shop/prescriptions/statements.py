"""The exact text a physician signs: the same facts always give the same words.

It names no moment of signing, so that what was shown is, byte for byte, what is signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from shop.accounts.models import Licence, Person
from shop.catalog.models import Variant
from shop.prescriptions import changing
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening import rules
from shop.prescriptions.screening.judging import Hit

EXAMINED = {
    "in_person": "in person",
    "video": "by video",
    "asynchronous": "from her written answers and pictures",
}


@dataclass(frozen=True)
class Terms:
    """What a physician prescribes. `valid_until` is the last day; None is the product's default.

    `sku` is the pack, None the one asked for; `days_supply` is of one fill;
    `interval_days` is the least time between two fills, None where they may follow at will.
    `overrides` are the reasons to sign although a rule of screening fired, by the rule's number.
    """

    quantity_per_fill: int
    fills: int
    days_supply: int
    directions: str
    indication: str
    examination_mode: str
    examined_on: date
    valid_until: date | None = None
    sku: str | None = None
    interval_days: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """Of supply, all fills together."""
        return self.days_supply * self.fills


@dataclass(frozen=True)
class Statement:
    """The text, and its SHA-256."""

    text: str

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def statement(
    request: ApprovalRequest,
    terms: Terms,
    variant: Variant,
    *,
    by: Person,
    licences: Mapping[str, Licence],
    last_day: date,
    hits: Sequence[Hit],
    examiner: str,
    law: str,
) -> Statement:
    """What `by` puts her name to; where it is not what was asked for, both are named.

    `law` is what each state asked of her, and what met it.
    """
    client = request.client
    asked = request.answers_hash.hex() if request.answers_hash else "none"
    held = "\n".join(
        f"  {state}: {licence.kind} {licence.number}, until {licence.valid_until.isoformat()}"
        for state, licence in sorted(licences.items())
    )
    return Statement(
        f"""I prescribe for {client.name}, born {_date(client.birth_date)}, of {client.state}:

  {variant.product.name}, {variant.name} {
            prescribed(
                terms,
                sku=variant.sku,
                last_day=last_day,
                state=request.ship_to_state,
                examiner=_other(examiner, by.name),
            )
        }, and \
{"I " if _other(examiner, by.name) else ""}read the answers
given with request {request.number}
  (SHA-256 {asked}).
{_instead(request, terms, variant)}
{law}

{_screened(hits, terms.overrides)}

{by.name}, NPI {by.npi}, licensed in
{held}
"""
    )


def _other(examiner: str, signer: str) -> str:
    return "" if examiner == signer else examiner


def prescribed(terms: Terms, *, sku: str, last_day: date, state: str, examiner: str = "") -> str:
    """The part of a statement that says what may be dispensed, from the pack's number on.

    `examiner` is who examined the client, where it was not who signs.
    """
    return f"""({sku})
  {terms.quantity_per_fill} per fill, {terms.fills} {_fills(terms.fills)}, \
each for {terms.days_supply} days{_interval(terms.interval_days)}
  Directions: {terms.directions}
  Indication: {terms.indication}
  Valid through {last_day.isoformat()}, shipped to {state}

{examiner or "I"} examined this person {EXAMINED[terms.examination_mode]} \
on {terms.examined_on.isoformat()}"""


def _instead(request: ApprovalRequest, terms: Terms, variant: Variant) -> str:
    asked = request.variant
    if not changing.differs(request, variant, terms.quantity_per_fill):
        return ""
    return f"""
She asked for {request.quantity} of {asked.product.name}, {asked.name} ({asked.sku}).
This is not in force before she accepts it.
"""


def _screened(hits: Sequence[Hit], overrides: Mapping[str, str]) -> str:
    """What screening found, each with its rule's version, and why it is signed all the same."""
    found = "\n".join(_finding(hit, overrides.get(hit.rule)) for hit in hits)
    return f"Screened by rules {rules.CURRENT}:\n{found or '  nothing found'}"


def _finding(hit: Hit, reason: str | None) -> str:
    words = "; ".join(
        " ".join(one.split()) for one in hit.fired_by
    )  # a client's stay in their line
    said = [
        f"  {hit.rule} version {hit.version}, {hit.severity.word}: {hit.physician_text}",
        f"    Fired by: {words}",
        *([f"    Signed all the same: {reason}"] if reason else []),
    ]
    return "\n".join(said)


def _date(day: date | None) -> str:
    return day.isoformat() if day else "on an unknown day"


def _fills(count: int) -> str:
    return "fill" if count == 1 else "fills"


def _interval(days: int | None) -> str:
    return "" if days is None else f", the next one not before {days} days have passed"
