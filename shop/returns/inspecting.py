"""Somebody looks at what came back, and says what should become of it. Nothing moves yet."""

from __future__ import annotations

from datetime import date, datetime

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.returns import following as requests
from shop.returns.errors import NotRestocked, ReturnRefused
from shop.returns.models import LONGEST_NOTE, Condition, Disposition, Return, Storage
from shop.returns.states import ReturnStatus

DESTROY_IT = "Have it destroyed, or sent back to the vendor."
RULES = {
    "prescription": "What needs a prescription does not go back on the shelf.",
    "opened": "What was opened or damaged does not go back on the shelf.",
    "storage": "Nobody knows that it was kept as its label says: it counts as opened.",
    "lot": "Nothing of this lot is sold.",
}


def inspect(
    found: Return,
    *,
    condition: Condition,
    storage: Storage,
    disposition: Disposition,
    note: str,
    today: date,
    by: Person,
    at: datetime,
) -> None:
    """Write down how the pack is and what should become of it; `found` is locked.

    Raises WrongState, ReturnRefused, NotRestocked.
    """
    if len(note) > LONGEST_NOTE:
        raise ReturnRefused("Say less.", fields={"note": [f"Up to {LONGEST_NOTE} characters."]})
    if found.status is not ReturnStatus.RECEIVED:
        raise WrongState(f"This return is {found.status} already.", status=found.status)
    if disposition is Disposition.RESTOCK:
        insist(found, condition, storage, today=today)
    found.condition, found.storage, found.disposition = condition, storage, disposition
    found.note, found.inspected_by = note.strip() or None, by
    found.status = ReturnStatus.INSPECTED
    record(Kind.RETURN_INSPECTED, found, condition=condition, disposition=disposition)
    db.session.flush()
    requests.follow(found.request)


def insist(found: Return, condition: Condition, storage: Storage, *, today: date) -> None:
    """That it may be sold again. Raises NotRestocked.

    Source for what needs a prescription: FDA, CPG Sec. 460.300 (a pharmacist should not return
    drugs to stock once they have been out of his possession). The rest is the clinic's own rule.
    """
    variant = found.lot.variant
    why = next(
        (
            rule
            for rule, broken in {
                "prescription": found.line.requires_prescription
                or variant.doctor_only
                or variant.legal_class.prescription_only,
                "opened": condition is not Condition.UNOPENED,
                "storage": storage is not Storage.AS_LABELLED,
                "lot": not found.lot.sellable(today),
            }.items()
            if broken
        ),
        None,
    )
    if why:
        text = f"{RULES[why]} {DESTROY_IT}"
        raise NotRestocked(text, why=why, fields={"disposition": [text]})
