"""May this person do this procedure in this state: asked by every verb that needs to know.

The one seam to the rules of scope. The default here is the seed's: estheticians do facials,
microdermabrasion and superficial peels, physicians everything. Rows of law by state take its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

import sqlalchemy as sa

from shop.accounts.licences import KINDS
from shop.accounts.models import Licence, Person, Role
from shop.core.db import db
from shop.treatments.errors import OutsideScope
from shop.treatments.procedures import Depth, Family, Procedure, library


class Verdict(StrEnum):
    ALLOWED = "allowed"
    NEEDS_SUPERVISION = "needs_supervision"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Answer:
    """What the rules say of one person and procedure, and why."""

    verdict: Verdict
    why: str


# What states split on (dermaplaning) is not here: it waits for a physician.
BY_MACHINE = frozenset({"microdermabrasion"})


def answer(
    procedure: Procedure, person: Person, *, state: str, supervised: bool, on: date
) -> Answer:
    """What `person` may do of `procedure` in `state` on a day (UTC).

    `supervised` says that a physician stands behind it: she started the plan.
    """
    licence = licence_of(person, state, on)
    if licence is None:
        return Answer(Verdict.FORBIDDEN, f"No licence in force in {state}.")
    if licence.kind in KINDS[Role.PHYSICIAN]:
        return Answer(Verdict.ALLOWED, f"{licence.kind} in {state}.")
    if _within_an_estheticians_scope(procedure):
        return Answer(Verdict.ALLOWED, f"Esthetician in {state}.")
    return Answer(Verdict.FORBIDDEN, f"{procedure.name} is not an esthetician's in {state}.")


def require(
    procedure: Procedure, person: Person, *, state: str, supervised: bool, at: datetime
) -> None:
    """Raises OutsideScope, unless `person` may do it then, supervised as said."""
    told = answer(
        procedure, person, state=state, supervised=supervised, on=at.astimezone(UTC).date()
    )
    if told.verdict == Verdict.ALLOWED or (
        supervised and told.verdict == Verdict.NEEDS_SUPERVISION
    ):
        return
    raise OutsideScope(
        f"{person.name} may not do this here: {told.why}",
        procedure=procedure.code,
        verdict=str(told.verdict),
        why=told.why,
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
    return library()[code]


def _within_an_estheticians_scope(procedure: Procedure) -> bool:
    superficial = procedure.family is Family.PEEL and procedure.depth is Depth.SUPERFICIAL
    return procedure.family is Family.FACIAL or superficial or procedure.code in BY_MACHINE
