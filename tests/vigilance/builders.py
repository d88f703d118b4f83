"""Adverse reactions, valid by default; saved, not committed."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Person
from shop.core.clock import day_in, now
from shop.vigilance import filing, recording
from shop.vigilance.models import Outcome, Reaction, Teller
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import mona, sam

ZONE = "America/Los_Angeles"


def told(*, serious: bool = True, **given: Any) -> dict[str, Any]:
    """An account of today, by the client."""
    today = day_in(ZONE, now())
    fields = {
        "what": "A canary of a rash.",
        "outcomes": [Outcome.INFECTION] if serious else [],
        "told_by": Teller.CLIENT,
        "received_on": today,
        "today": today,
        "at": now(),
    }
    return fields | given


def a_reaction(client: Person, *, serious: bool = True, **given: Any) -> Reaction:
    """To a cream of a lot that is known, written down by Sam."""
    variant = given.pop("variant", None) or a_cream()
    lot = given.pop("lot") if "lot" in given else a_lot(variant)
    fields = told(serious=serious, by=given.pop("by", None) or sam(), **given)
    return recording.record(client, variant, lot=lot, **fields)


def file(reaction: Reaction, **given: Any) -> None:
    today = day_in(ZONE, now())
    fields = {"reference": "FDA-1", "filed_on": today, "today": today, "at": now()}
    filing.file(reaction, **(fields | {"by": given.pop("by", None) or mona()} | given))
