"""A plan ends, and with it those of its prescriptions that somebody names; the others stand.

A plan that was taken back says nothing of the cream she may use: each prescription is an authority
of its own (docs/decisions/0028).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.errors import NotFound
from shop.orders import queries, revoking
from shop.orders.revoking import Revocation
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.errors import NotInThisPlan
from shop.prescriptions.models import Prescription
from shop.treatments import queries as treatments
from shop.treatments.models import Plan


def end(
    number: str,
    act: Callable[[Plan], None],
    *,
    revoked: Sequence[str],
    reason: str,
    by: Person,
    at: datetime,
) -> tuple[Plan, Revocation]:
    """`act` ends the plan of this number; `revoked` of its prescriptions are taken back with it.

    One transaction; locks in the order of docs/transactions.md, so the caller holds none. Raises
    NotFound, NotInThisPlan, what `act` raises and what `revoking.revoke` raises.
    """
    ones = [_prescription(by, one) for one in dict.fromkeys(revoked)]
    for order_id in queries.backed_by(revoking.with_them(ones)):
        queries.locked_order(order_id)
    plan = treatments.plan_for(by, number, at=at, lock=True)
    for one in ones:
        if one.plan_id != plan.id:
            raise NotInThisPlan(
                f"{one.number} is no prescription of {plan.number}.",
                prescription=one.number,
                plan=plan.number,
            )
    act(plan)
    db.session.flush()  # the plan has ended before anything is taken back
    return plan, revoking.revoke_each(ones, reason=reason, by=by, at=at)


def _prescription(by: Person, number: str) -> Prescription:
    try:
        return prescriptions.prescription_for(by, number)
    except NotFound:
        raise NotInThisPlan(
            f"{number[:40]} is no prescription that you may take back.", prescription=number[:40]
        ) from None
