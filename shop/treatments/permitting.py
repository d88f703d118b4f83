"""May this person do this procedure where the clinic is: asked by every verb that needs to know.

The rules are the rows of scope in force (`rulebook`), the answer is `scope.may`. Here the licence
that is asked about is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import sqlalchemy as sa

from shop.accounts.licences import KINDS
from shop.accounts.models import Licence, Person
from shop.core.db import db
from shop.treatments import rulebook, scope
from shop.treatments.errors import OutsideScope
from shop.treatments.procedures import LIBRARY, Procedure
from shop.treatments.scope import ScopeAnswer, Verdict


def answers(
    procedures: Iterable[Procedure],
    person: Person,
    *,
    state: str,
    supervised: bool,
    on: date,
    lock: bool = False,
) -> dict[str, ScopeAnswer]:
    """What `person` may do of each in `state` on a day (UTC), by code. Two queries.

    `supervised` says that a physician stands behind it: she started the plan, or is to. With `lock`
    no rule changes before this transaction ends.
    """
    licence = licence_of(person, state, on)
    rules = rulebook.scope_rules(state, on=on, lock=lock)
    kind = licence.kind if licence else None
    return {
        one.code: scope.may(one, kind=kind, state=state, supervised=supervised, rules=rules, on=on)
        for one in procedures
    }


def require(
    procedure: Procedure, person: Person, *, state: str, supervised: bool, at: datetime
) -> None:
    """Raises OutsideScope, unless `person` may do it then, supervised as said."""
    on = at.astimezone(UTC).date()
    told = answers([procedure], person, state=state, supervised=supervised, on=on, lock=True)
    answer = told[procedure.code]
    if answer.verdict is not Verdict.ALLOWED:
        raise OutsideScope(
            f"{person.name}: {answer.why}",
            procedure=procedure.code,
            verdict=answer.verdict.value,
            rules=[f"{rule.number} version {rule.version}" for rule in answer.rules],
        )


def licence_of(person: Person, state: str, on: date) -> Licence | None:
    """The licence that carries somebody who treats, in `state` on a day (UTC)."""
    query = sa.select(Licence).where(
        Licence.person_id == person.id, Licence.state == state, *in_force(on)
    )
    kinds = KINDS.get(person.role, ())
    return next((one for one in db.session.scalars(query) if one.kind in kinds), None)


def in_force(on: date) -> tuple[sa.ColumnElement[bool], ...]:
    """When a licence counts on a day."""
    return (
        Licence.valid_from <= on,
        on < Licence.valid_until,
        sa.or_(Licence.ended_on.is_(None), Licence.ended_on > on),
    )


def procedure_of(code: str) -> Procedure:
    """A procedure that some plan names: what was planned once is in the library."""
    return LIBRARY[code]
