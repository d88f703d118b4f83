"""Every attack, by a login of its own role, ends as it is pinned.

I1-I6, I9-I16, I20-I22, I28-I31, as far as PostgreSQL itself holds them. The mutation tests play the
same attacks again by SET ROLE, since only one connection sees what it has not committed; so are
those played here whose ground the owner prepares (another time, a licence that has ended).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from tests.attacks.acts import NeedsTheOwner
from tests.attacks.attack import APP, OWNER, WORKER, Attack, Effect, Outcome, play, running
from tests.attacks.conftest import Stage
from tests.attacks.stage import catalogued, ending, modules

Connection = psycopg.Connection[Any]

HAND_MADE = [
    pytest.param(name, attack, id=f"{name}: {attack.title} [{attack.role}]")
    for name, attacks in modules().items()
    for attack in attacks.all
]


@pytest.fixture(scope="module")
def logins(stage: Stage) -> Iterator[dict[str, Connection]]:
    with ExitStack() as open_ones:
        yield {
            role: open_ones.enter_context(stage.database.as_role(role))
            for role in (APP, WORKER, OWNER)
        }


@pytest.mark.parametrize(("module", "attack"), HAND_MADE)
def test_ends_as_pinned(
    stage: Stage, logins: dict[str, Connection], module: str, attack: Attack
) -> None:
    try:
        outcome = _played(logins[attack.role], attack, stage.facts[module])
    except NeedsTheOwner:
        with stage.database.as_role() as superuser:
            outcome = _played(superuser, attack, stage.facts[module])

    assert attack.ended(outcome), f"{attack.effect} {attack.by}, was {outcome}"


def _played(connection: Connection, attack: Attack, facts: Mapping[str, Any]) -> Outcome:
    with connection.transaction(force_rollback=True):
        return play(connection, attack, facts)


@pytest.mark.parametrize("role", [APP, WORKER])
def test_what_is_not_granted_is_denied(
    stage: Stage, logins: dict[str, Connection], role: str
) -> None:
    """Each column that the role may not write or read, each table it may not empty, ..."""
    with stage.database.as_role() as superuser:
        attacks = [one for one in catalogued(superuser) if one.attack.role == role]
        superuser.rollback()
    with logins[role].transaction(force_rollback=True):
        ends = {str(one): ending(logins[role], one) for one in attacks}
    wrong = {str(one): ends[str(one)] for one in attacks if not one.attack.ended(ends[str(one)])}

    assert attacks
    assert wrong == {}


def test_no_attack_hides_another_of_its_name() -> None:
    told = Counter(one.id for one in HAND_MADE)
    assert [title for title, times in told.items() if times > 1] == []


def test_an_attack_that_is_stopped_by_another_name_is_not_as_pinned(
    stage: Stage, logins: dict[str, Connection]
) -> None:
    """Planted: the pin says one thing and PostgreSQL another, or nothing at all."""
    empty = "INSERT INTO people (id) VALUES (gen_random_uuid())"
    for statement, by in ((empty, "people_pkey"), ("SELECT 1", "people.email")):
        attack = Attack("planted", by, running(statement), APP, Effect.REFUSED)
        with logins[APP].transaction(force_rollback=True):
            assert not attack.ended(play(logins[APP], attack, {}))
