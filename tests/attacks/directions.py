"""Attacks on templates for directions: whose they are, their versions, and that none is lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from shop.accounts import duties
from shop.accounts.models import Duty
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import directing
from shop.prescriptions.directing import Wording
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import dr_chen, mona


def scene() -> dict[str, Any]:
    """Chen has a template and one that she ended; the clinic has one of its director's."""
    chen, ruiz, former, boss = dr_chen(), dr_chen(), dr_chen(), mona()
    today = now().date()
    for who, until in ((ruiz, None), (former, today - timedelta(days=1))):
        duties.grant(
            who,
            Duty.MEDICAL_DIRECTOR,
            valid_from=today - timedelta(days=9),
            valid_until=until,
            by=boss,
        )
    own, over, clinics = (
        directing.write(Wording(name, "A pea."), for_the_clinic=shared, by=by, at=now())
        for name, shared, by in (("Own", False, chen), ("Over", False, chen), ("All", True, ruiz))
    )
    directing.end(over, read=1, by=chen, at=now())
    retired = dr_chen(disabled_at=now())
    db.session.commit()
    people = {"chen": chen, "ruiz": ruiz, "former": former, "boss": boss, "retired": retired}
    rows = {"own": own, "over": over, "clinics": clinics}
    return {name: one.id for name, one in {**people, **rows}.items()}


ATTACKS = Attacks(scene)


def _write(attacker: Sql, by: str = "chen", *, shared: bool = False, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "series_id": uuid.uuid4(),
        "version": 1,
        "owner_id": None if shared else attacker.facts[by],
        "written_by_id": attacker.facts[by],
        "form": "",
        "active": "",
        "name": "New",
        "directions": "Less.",
    } | given
    insert(attacker, "directions_templates", values)
    return values["id"]


def _next(attacker: Sql, which: str, by: str = "chen", **given: Any) -> None:
    before = row(attacker, "directions_templates", attacker.facts[which])
    follows = {"series_id": before["series_id"], "version": before["version"] + 1}
    _write(attacker, by, **({"name": before["name"]} | follows | given))


def _end(attacker: Sql, which: str = "own", by: str = "chen", **also: Any) -> None:
    ended = {"ended_by_id": attacker.facts[by]} | also
    update(attacker, "directions_templates", attacker.facts[which], **ended)


@ATTACKS.passes()
def _written_and_written_anew(attacker: Sql) -> None:
    _write(attacker)
    _write(attacker, "ruiz", shared=True)
    _end(attacker)
    _next(attacker, "own")
    _end(attacker, "clinics", "ruiz")


@ATTACKS.passes(APP, WORKER)
def _read_by_who_works(attacker: Sql) -> None:
    attacker.run("SELECT FROM directions_templates")


ATTACKS.each(
    {
        "directions written by a manager": (
            lambda a: _write(a, "boss"),
            "directions_are_written_by_a_physician",
        ),
        "directions written by who has left": (
            lambda a: _write(a, "retired"),
            "directions_are_written_by_a_physician",
        ),
        "directions written for another": (
            lambda a: _write(a, owner_id=a.facts["ruiz"]),
            "nobody_writes_directions_for_another",
        ),
        "directions for the clinic by any physician": (
            lambda a: _write(a, shared=True),
            "medical_director_writes_for_the_clinic",
        ),
        "directions for the clinic by who was director": (
            lambda a: _write(a, "former", shared=True),
            "medical_director_writes_for_the_clinic",
        ),
        "directions that begin with their second version": (
            lambda a: _write(a, version=2),
            "directions_follow_the_version_before",
        ),
        "directions that leave a version out": (
            lambda a: (_end(a), _next(a, "own", version=3)),
            "directions_follow_the_version_before",
        ),
        "a version of what is another's": (
            lambda a: (_end(a), _next(a, "own", "ruiz")),
            "directions_follow_the_version_before",
        ),
        "the clinic's template taken for one's own": (
            lambda a: (_end(a, "clinics", "ruiz"), _next(a, "clinics", "ruiz")),
            "directions_follow_the_version_before",
        ),
        "a second version beside the first": (
            lambda a: _next(a, "own", name="Second"),
            "directions_follow_the_version_before",
        ),
        "two templates of one name": (
            lambda a: _write(a, name="Own"),
            "directions_templates_name_is_free",
        ),
        "two templates of one name for the clinic": (
            lambda a: _write(a, "ruiz", shared=True, name="All"),
            "directions_templates_name_is_free",
        ),
        "directions ended twice": (lambda a: _end(a, "over"), "directions_are_only_ended"),
        "another's directions ended": (
            lambda a: _end(a, by="ruiz"),
            "directions_are_ended_by_whose_they_are",
        ),
        "the clinic's directions ended by any physician": (
            lambda a: _end(a, "clinics"),
            "directions_are_ended_by_whose_they_are",
        ),
        "the clinic's directions ended by who was director": (
            lambda a: _end(a, "clinics", "former"),
            "directions_are_ended_by_whose_they_are",
        ),
    },
    APP,
    OWNER,
)
ATTACKS.each(
    {
        "directions rewritten in place": (
            lambda a: _end(a, directions="More."),
            "directions_are_only_ended",
        ),
        "directions deleted": (
            lambda a: a.run("DELETE FROM directions_templates WHERE id = %(own)s"),
            "directions_are_only_ended",
        ),
    },
    OWNER,
)


@ATTACKS.undone("directions_written", OWNER)
def _written_on_another_day(attacker: Sql) -> bool:
    key = _write(attacker, written_at="2099-01-01T00:00:00Z")
    return bool(row(attacker, "directions_templates", key)["written_at"].year < 2099)


@ATTACKS.undone("directions_are_only_ended", OWNER)
def _ended_on_another_day(attacker: Sql) -> bool:
    _end(attacker, ended_at="2099-01-01T00:00:00Z")
    found = row(attacker, "directions_templates", attacker.facts["own"])
    return bool(found["ended_at"].year < 2099)
