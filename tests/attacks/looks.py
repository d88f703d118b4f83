"""Attacks on the clinic's look: only a manager chooses it, and what was chosen stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shop.clinic import choosing
from shop.core.clock import now
from shop.core.db import db
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.clinic.logos import a_logo
from tests.people import mona, sam

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """One look, and people who may or may not choose another."""
    manager = mona()
    look = choosing.choose(name="Clear Clinic", logo=a_logo(), by=manager, at=now())
    facts = {
        "mona": manager.id,
        "sam": sam().id,
        "gone": mona(disabled_at=now()).id,
        "look": look.number,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _choose(attacker: Sql, who: str = "mona", **given: Any) -> Any:
    values = {"chosen_at": None, "key": attacker.facts[who], "number": 99} | given
    stamp = ", chosen_at" if values["chosen_at"] else ""
    return attacker.run(
        f"INSERT INTO clinic_looks (number, name, hero_title, hero_text, accent, chosen_by_id{stamp})"
        f" VALUES (%(number)s, 'Mine', '', '', '', %(key)s{', %(chosen_at)s' if stamp else ''})"
        " RETURNING number, chosen_at",
        **values,
    )


@ATTACKS.passes()
def _a_manager_chooses_another(attacker: Sql) -> None:
    _choose(attacker)


@ATTACKS.refused("look_is_chosen_by_a_manager")
def _staff_chooses_one(attacker: Sql) -> None:
    _choose(attacker, "sam")


@ATTACKS.refused("look_is_chosen_by_a_manager")
def _somebody_who_left_chooses_one(attacker: Sql) -> None:
    _choose(attacker, "gone")


@ATTACKS.undone("look_is_chosen_by_a_manager", OWNER)
def _one_is_dated_back(attacker: Sql) -> bool:
    return bool(_choose(attacker, chosen_at=LONG_AGO)["chosen_at"] > LONG_AGO)


@ATTACKS.refused("clinic_looks_are_kept", OWNER)
def _the_last_one_is_rewritten(attacker: Sql) -> None:
    attacker.run("UPDATE clinic_looks SET name = 'Theirs' WHERE number = %(look)s")


@ATTACKS.refused("clinic_looks_are_kept", OWNER)
def _the_last_one_is_removed(attacker: Sql) -> None:
    attacker.run("DELETE FROM clinic_looks WHERE number = %(look)s")


@ATTACKS.refused("clinic_looks_are_kept", OWNER)
def _all_are_removed(attacker: Sql) -> None:
    attacker.run("TRUNCATE clinic_looks")
