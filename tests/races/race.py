"""A race in rounds: things made before it, acts at once, and at the end a judge of the whole."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.db import Base, act_as, db
from shop.core.errors import Refusal
from shop.inventory import verifying
from tests.at_once import Act, at_once, carelessly
from tests.conftest import Database
from tests.invariants import broken
from tests.regime import RACE_ROUNDS, RACE_THREADS, SOAK, counted

# A family is the races of one module: each has RACE_ROUNDS of rounds and more, over its races.
SOME = RACE_ROUNDS * 2 // 5 if SOAK else RACE_ROUNDS
FEW = RACE_ROUNDS // 5

Made = TypeVar("Made")
Row = TypeVar("Row", bound=Base)


@dataclass
class Race:
    """A shop on a database of its own, and how many acts have raced there."""

    app: Flask
    database: Database
    acts: int = 0
    met_so_far: Counter[str] = field(default_factory=Counter)

    def made(self, make: Callable[[], Made]) -> Made:
        """Something committed before the race."""
        with self.app.app_context():
            act_as("system:test")
            thing = make()
            db.session.commit()
            return thing

    def at_once(self, acts: Sequence[Act], *, refused_by: Collection[str] = ()) -> list[Any]:
        """As `tests.at_once.at_once`. An act may meet a refusal; of the database's own errors only
        these constraints.
        """
        self.acts += len(acts)
        answers = at_once(self.app, acts)
        for answer in answers:
            if isinstance(answer, sa.exc.DBAPIError) and name(answer) not in refused_by:
                raise answer
        return answers

    def met(self, acts: Sequence[Act], *, refused_by: Collection[str] = ()) -> Counter[str]:
        """How often each answer was given: `name` of it."""
        met = Counter(name(answer) for answer in self.at_once(acts, refused_by=refused_by))
        self.met_so_far += met
        return met

    def carelessly(
        self, acts: Sequence[Act], *, before: str, overtaken_by: Act | None = None
    ) -> Counter[str]:
        """The control: how often each answer was given where nobody locks."""
        answers = carelessly(self.app, acts, before=before, overtaken_by=overtaken_by)
        return Counter(name(answer) for answer in answers)

    def rounds(
        self,
        family: str,
        one_round: Callable[[], None],
        *,
        rounds: int = RACE_ROUNDS,
        tell: Sequence[str] = (),
    ) -> None:
        """Race again and again, each round by its own count, and judge the whole database.

        `tell` names answers whose number is of interest: how often each side came first.
        """
        self.acts, self.met_so_far = 0, Counter()
        for _ in range(rounds):
            one_round()
        wrongs = self.wrongs()
        assert not wrongs, wrongs
        assert self.acts >= rounds * RACE_THREADS
        told = {answer: self.met_so_far[answer] for answer in tell}
        counted(f"races: {family}", transactions=self.acts, rounds=rounds, violations=0, **told)

    def wrongs(self) -> list[str]:
        """Whatever is false in the database now: by plain SQL, by the shelf's and the trail's own
        verifiers.
        """
        with self.database.as_role() as connection:
            found = broken(connection)
        with self.app.app_context():
            found += [f"{each.place}: {each.why}" for each in verifying.verify()]
            found += [f"{each.subject_id}: {each.why}" for each in events.verify()]
        return found

    def ddl(self, *statements: str) -> None:
        """Take a belt away, as the owner: in a database that is there to be broken."""
        with self.database.as_role("aftercare_owner") as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def row(self, kind: type[Row], key: uuid.UUID) -> Row:
        """A row as it is committed now."""
        with self.app.app_context():
            return db.session.get_one(kind, key)

    def count(self, query: sa.Select[Any]) -> int:
        """How many rows a query answers."""
        with self.app.app_context():
            return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def name(answer: Any) -> str:
    """A refusal's code, the constraint that refused, or the answer as text."""
    if isinstance(answer, Refusal):
        return answer.code
    if isinstance(answer, sa.exc.DBAPIError):
        return getattr(getattr(answer.orig, "diag", None), "constraint_name", None) or str(answer)
    return str(answer)
