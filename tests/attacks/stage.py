"""Where attacks are played: one database with every scene built, and every module's attacks."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from shop.core.db import act_as, db
from tests.attacks import checks, generated
from tests.attacks.attack import Attack, Attacks, Outcome, play
from tests.attacks.schema import Object


def modules() -> dict[str, Attacks]:
    """Module → its attacks, of every module here that has some."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if not path.stem.startswith(("test_", "conftest")):
            attacks = getattr(
                importlib.import_module(f"tests.attacks.{path.stem}"), "ATTACKS", None
            )
            if isinstance(attacks, Attacks):
                found[path.stem] = attacks
    return found


@dataclass(frozen=True, eq=False)
class Scripted:
    """An attack, and the facts of the scene it is played in."""

    attack: Attack
    facts: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.attack.title} [{self.attack.role}]"


def built(app: Flask) -> dict[str, Mapping[str, Any]]:
    """Build every scene, for good: module → its facts."""
    scenes = {name: attacks.scene for name, attacks in modules().items()}
    facts = {}
    with app.app_context():
        try:
            for name, scene in {"generated": generated.scene, **scenes}.items():
                act_as("system:test")
                facts[name] = scene()
                db.session.commit()
                db.session.remove()
        finally:
            db.session.remove()
            db.engine.dispose()
    return facts


def scripted(
    connection: psycopg.Connection[Any], facts: Mapping[str, Mapping[str, Any]]
) -> Iterator[Scripted]:
    """Every attack: those written by hand, and those that follow from the catalogue."""
    for name, attacks in modules().items():
        for attack in attacks.all:
            yield Scripted(attack, facts[name])
    yield from catalogued(connection)


def catalogued(connection: psycopg.Connection[Any]) -> Iterator[Scripted]:
    """The attacks that any row will do for; `connection` is in a transaction of the superuser's."""
    for attack in (*checks.attacks(), *generated.generated(connection)):
        yield Scripted(attack, {})


def ending(connection: psycopg.Connection[Any], one: Scripted) -> Outcome:
    """How it ends; an error that is none of those that stop an attack is told as it is."""
    try:
        return play(connection, one.attack, one.facts)
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.InternalError) as error:
        return Outcome(f"{type(error).__name__}: {error.diag.message_primary}")


SPOKE = re.compile(r"function (?:public\.)?(\w+)\(")


class Rehearsed:
    """Attacks as they end while nothing is missing; asked which of them know an object."""

    def __init__(self, connection: psycopg.Connection[Any], attacks: Iterable[Scripted]) -> None:
        self.played = 0
        self.wrong: list[str] = []
        self._by: dict[str, list[Scripted]] = {}
        for one in attacks:
            outcome = ending(connection, one)
            self.played += 1
            if not one.attack.ended(outcome):
                self.wrong.append(f"{one}: not {one.attack.by!r} but {outcome}")
                continue  # it would seem to notice anything
            for word in {one.attack.by, one.attack.title, *SPOKE.findall(outcome.context)} - {""}:
                self._by.setdefault(word, []).append(one)

    def knowing(self, thing: Object) -> Iterator[list[Scripted]]:
        """The attacks that name it, then those in whose refusal its function spoke."""
        yield [one for name in sorted(thing.names) for one in self._by.get(name, [])]
        yield self._by.get(thing.function, [])


class Verdict(StrEnum):
    """What came of taking an object away."""

    WENT_THROUGH = "went through"  # an attack did what it wanted
    OTHERWISE_REFUSED = "otherwise refused"  # it met another object, not the one it names
    BLIND = "blind"  # every attack ended as ever


def verdict(connection: psycopg.Connection[Any], thing: Object, known: Rehearsed) -> Verdict:
    """Take it away, play what knows it, and put it back.

    In a savepoint of `connection`'s transaction, if it is in one.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(thing.mutation)
        for attacks in known.knowing(thing):
            changed = False
            for one in attacks:
                outcome = ending(connection, one)
                if not one.attack.ended(outcome):
                    changed = True
                    if outcome.by == "":
                        return Verdict.WENT_THROUGH
            if changed:
                return Verdict.OTHERWISE_REFUSED
    return Verdict.BLIND


def verdicts(
    connection: psycopg.Connection[Any], things: Iterable[Object], known: Rehearsed
) -> dict[Verdict, list[str]]:
    """What came of taking each away in turn."""
    found: dict[Verdict, list[str]] = {one: [] for one in Verdict}
    for thing in things:
        found[verdict(connection, thing, known)].append(str(thing))
    return found
