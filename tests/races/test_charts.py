"""Twenty people write in one chart at once: one answer stands, and nothing that was said is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts import charting, queries
from shop.charts.errors import EntryEnded
from shop.charts.facts import Allergy, FactKind, Medicine, NoneKnown, Pregnancy, PregnancyStatus
from shop.charts.models import ChartEntry, Ending
from shop.core.clock import now
from shop.core.db import db
from tests.at_once import Act
from tests.people import alice
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
WRITES_DOWN = "INSERT INTO chart_entries"


def test_of_twenty_answers_one_stands_and_all_are_kept(race: Race) -> None:
    """I25."""

    def one_round() -> None:
        client = race.made(lambda: alice().id)
        met = race.met([is_pregnant(client)] * RACE_THREADS)
        assert met == {"said": RACE_THREADS}
        assert ended(race, client) == {None: 1, Ending.SUPERSEDED: OTHERS}
        assert chain(race, client) == RACE_THREADS

    race.rounds("a chart has one answer", one_round, rounds=SOME)


def test_without_the_lock_the_database_lets_one_answer_stand(race: Race) -> None:
    client = race.made(lambda: alice().id)
    met = race.carelessly([is_pregnant(client)] * RACE_THREADS, before=WRITES_DOWN)
    assert met == {"said": 1, "chart_entries_one_standing": OTHERS}


def test_without_lock_and_index_all_answers_stand(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP INDEX chart_entries_one_standing")
    client = race.made(lambda: alice().id)
    met = race.carelessly([is_pregnant(client)] * RACE_THREADS, before=WRITES_DOWN)
    assert met == {"said": RACE_THREADS}
    assert ended(race, client) == {None: RACE_THREADS}


def test_none_known_and_something_known_never_stand_together(race: Race) -> None:
    """Ten say that there is none, ten that there is one: the last word is not both."""

    def one_round() -> None:
        client = race.made(lambda: alice().id)
        none, some = NoneKnown(FactKind.ALLERGY), Allergy("Wool wax")
        acts = [says(client, none), says(client, some)] * (RACE_THREADS // 2)
        met = race.met(acts)
        assert met["said"] + met["facts_stand"] == RACE_THREADS
        assert ended(race, client)[None] == 1
        assert known(race, client) == (1, False)

    race.rounds("none known and something known", one_round, rounds=FEW)


def test_an_entry_is_ended_once(race: Race) -> None:
    def one_round() -> None:
        client, entry = race.made(a_medicine)
        met = race.met([ends(client, entry)] * RACE_THREADS)
        assert met == {"ended": 1, EntryEnded.code: OTHERS}

    race.rounds("an entry is ended once", one_round, rounds=FEW)


def test_without_the_lock_the_database_ends_it_once(race: Race) -> None:
    client, entry = race.made(a_medicine)
    met = race.carelessly([ends(client, entry)] * RACE_THREADS, before="UPDATE chart_entries")
    assert met == {"ended": 1, "entry_ends_once": OTHERS}


# What they do, and what is there afterwards.


def says(client: UUID, fact: Allergy | NoneKnown | Pregnancy) -> Act:
    def act() -> str:
        her = db.session.get_one(Person, client)
        charting.state(her, fact, by=her, at=now())
        db.session.commit()
        return "said"

    return act


def is_pregnant(client: UUID) -> Act:
    return says(client, Pregnancy(PregnancyStatus.PREGNANT))


def ends(client: UUID, entry: UUID) -> Act:
    def act() -> str:
        her = db.session.get_one(Person, client)
        found = queries.entry_of(her, entry)
        charting.end(found, ending=Ending.RESOLVED, by=her, at=now())
        db.session.commit()
        return "ended"

    return act


def a_medicine() -> tuple[UUID, UUID]:
    her = alice()
    return her.id, charting.state(her, Medicine("Zinc"), by=her, at=now()).id


def ended(race: Race, client: UUID) -> Counter[Ending | None]:
    with race.app.app_context():
        query = sa.select(ChartEntry.ending).where(ChartEntry.client_id == client)
        return Counter(db.session.scalars(query))


def chain(race: Race, client: UUID) -> int:
    """How many entries one comes to from what stands, each beginning when the one before ended."""
    with race.app.app_context():
        query = sa.select(ChartEntry).where(ChartEntry.client_id == client)
        entries = {entry.id: entry for entry in db.session.scalars(query)}
        (one,) = [entry for entry in entries.values() if entry.stands]
        length = 1
        while one.supersedes_id is not None:
            before = entries[one.supersedes_id]
            assert before.ended_at == one.stated_at
            one, length = before, length + 1
        return length


def known(race: Race, client: UUID) -> tuple[int, bool]:
    """How many allergies are known, and whether none is."""
    with race.app.app_context():
        chart = queries.chart_of(db.session.get_one(Person, client), at=now())
        return len(chart.allergies), bool(chart.none_known)
