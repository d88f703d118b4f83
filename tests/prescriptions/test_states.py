"""Every pair of states of the three machines, in code and in the database."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import LegalTransition
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription, arrows

MACHINES: dict[str, type[Any]] = {
    "approval_request": ApprovalRequest,
    "prescription": Prescription,
    "fill": Fill,
}

# Spelled out a second time: what may follow what.
ARROWS = """
approval_request: -> draft
approval_request: draft -> queued referred declined withdrawn expired
approval_request: queued -> in_review withdrawn
approval_request: in_review -> queued info_requested approved pending_client declined referred
approval_request: info_requested -> queued withdrawn expired
approval_request: referred -> queued withdrawn expired
approval_request: pending_client -> approved withdrawn expired
prescription: -> active
prescription: active -> on_hold revoked superseded entered_in_error
prescription: on_hold -> active revoked entered_in_error
prescription: revoked -> entered_in_error
prescription: superseded -> entered_in_error
fill: -> reserved
fill: reserved -> consumed released
fill: consumed -> dispensed released
"""


def _spelled_out() -> set[tuple[str, str, str]]:
    found = set()
    for line in ARROWS.strip().splitlines():
        machine, _, rest = line.partition(":")
        before, _, after = rest.partition("->")
        found |= {(machine, before.strip(), status) for status in after.split()}
    return found


PAIRS = [
    (machine, before, after)
    for machine, known in arrows().items()
    for before in known
    for after in known
    if after is not None and before is not after
]


@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_a_status_goes_along_an_arrow_or_not_at_all(machine: str, before: Any, after: Any) -> None:
    row = MACHINES[machine]()
    if before is not None:
        row.__dict__["status"] = before  # as if loaded: past the guard
    legal = (machine, before.value if before else "", after.value) in _spelled_out()

    if legal:
        row.status = after
        assert row.status is after
    else:
        with pytest.raises(WrongState) as refused:
            row.status = after
        assert refused.value.facts["wanted"] is after


def test_the_database_knows_the_same_arrows(app: Flask) -> None:
    rows = db.session.scalars(
        sa.select(LegalTransition).where(LegalTransition.machine.in_(MACHINES))
    )
    known = {(row.machine, row.from_state, row.to_state) for row in rows}
    staying = {
        (machine, status.value, status.value)
        for machine, statuses in arrows().items()
        for status in statuses
        if status is not None
    }

    assert known == _spelled_out() | staying
