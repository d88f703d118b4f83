"""Attacks on what is known of a client's health, and on the record of who opened it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.charts import charting, reading
from shop.charts.facts import Allergy, Medicine, Pregnancy, PregnancyStatus
from shop.charts.models import Ending
from shop.core.clock import now
from shop.core.db import db
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import alice, bob, dr_chen, eva, sam

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SEALED = b"\x01" + bytes(96)


def scene() -> Mapping[str, Any]:
    """Dr Chen has opened a record of Alice's; her chart holds what three people said."""
    client, chen, esthetician = alice(), dr_chen(), eva()
    reading.open_record(chen, client, record="prescription P-1", purpose=reading.TREATMENT)
    hers, hers_too = (
        charting.state(client, Allergy(word), by=client, at=now()) for word in ("Wool", "Mango")
    )
    ended = charting.state(client, Medicine("Zinc"), by=client, at=now())
    charting.end(ended, ending=Ending.RESOLVED, by=client, at=now())
    noted = {
        "evas": charting.state(client, Allergy("Latex"), by=esthetician, at=now()),
        "chens": charting.state(client, Allergy("Nickel"), by=chen, at=now()),
        "pregnancy": charting.state(client, Pregnancy(PregnancyStatus.NONE), by=chen, at=now()),
    }
    people = {"alice": client, "bob": bob(), "chen": chen, "eva": esthetician, "sam": sam()}
    entries = {"hers": hers, "hers_too": hers_too, "ended": ended} | noted
    db.session.flush()  # the rows go with the facts
    return {name: one.id for name, one in (people | entries).items()}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "read for a purpose nobody knows": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(chen)s, %(alice)s, 'x', 'curiosity')"
            ),
            "access_purpose_is_known",
        ),
        "write down that she read her own": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(alice)s, %(alice)s, 'x', 'treatment')"
            ),
            "access_is_by_another",
        ),
        "read as nobody": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(new)s, %(alice)s, 'x', 'treatment')"
            ),
            "accesses_reader_id_fkey",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.passes(APP, WORKER)
def _write_a_reading_down(attacker: Sql) -> None:
    attacker.run(
        "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
        " VALUES (%(new)s, %(chen)s, %(alice)s, 'prescription P-1', 'treatment')"
    )


@ATTACKS.refused("accesses_are_kept", OWNER)
def _say_it_was_somebody_else(attacker: Sql) -> None:
    attacker.run("UPDATE accesses SET reader_id = %(new)s WHERE client_id = %(alice)s")


# What is said in a chart.


def _state(attacker: Sql, **given: Any) -> dict[str, Any]:
    """Say an allergy of Alice as herself, but for what is `given`; people and entries by name."""
    said = {
        "id": "new",
        "client_id": "alice",
        "kind": "allergy",
        "content_sealed": SEALED,
        "source": "client",
        "stated_by_id": "alice",
    } | given
    named = ("id", "client_id", "stated_by_id", "supersedes_id")
    values = {name: attacker.facts[one] if name in named else one for name, one in said.items()}
    insert(attacker, "chart_entries", values)
    return row(attacker, "chart_entries", attacker.facts["new"])


def _stating(**given: Any) -> Callable[[Sql], object]:
    return lambda attacker: _state(attacker, **given)


def _end(attacker: Sql, entry: str, *, by: str, ending: str = "resolved") -> None:
    update(
        attacker,
        "chart_entries",
        attacker.facts[entry],
        ended_by_id=attacker.facts[by],
        ending=ending,
    )


def _ending(entry: str, *, by: str) -> Callable[[Sql], object]:
    return lambda attacker: _end(attacker, entry, by=by)


def _supersede(attacker: Sql, entry: str, *, by: str, **given: Any) -> dict[str, Any]:
    _end(attacker, entry, by=by, ending="superseded")
    return _state(attacker, supersedes_id=entry, **given)


def _superseding(entry: str, *, by: str, **given: Any) -> Callable[[Sql], object]:
    return lambda attacker: _supersede(attacker, entry, by=by, **given)


ATTACKS.each(
    {
        "speak of who works here": (
            _stating(client_id="chen", source="esthetician", stated_by_id="eva"),
            "entry_is_of_a_client",
        ),
        "speak for the client": (
            _stating(stated_by_id="bob"),
            "entry_source_is_its_authors",
        ),
        "answer her questionnaire": (
            _stating(stated_by_id="chen", source="intake"),
            "entry_source_is_its_authors",
        ),
        "speak as a physician of oneself": (
            _stating(source="physician"),
            "entry_source_is_its_authors",
        ),
        "speak as a physician": (
            _stating(source="physician", stated_by_id="eva"),
            "entry_source_is_its_authors",
        ),
        "speak as staff": (
            _stating(source="physician", stated_by_id="sam"),
            "entry_source_is_its_authors",
        ),
        "say it in plain words": (
            _stating(content_sealed=b"Hives, after wool. " * 6),
            "entry_content_is_sealed",
        ),
        "a second word on what can be one thing only": (
            _stating(kind="pregnancy"),
            "chart_entries_one_standing",
        ),
        "take the place of what stands": (
            _stating(supersedes_id="hers"),
            "entry_follows_what_was_superseded",
        ),
        "take the place of what ended": (
            _stating(supersedes_id="ended", kind="medicine"),
            "entry_follows_what_was_superseded",
        ),
        "take the place of another kind": (
            _superseding("hers", by="alice", kind="condition"),
            "entry_supersedes_one_of_its_kind",
        ),
        "take the place of another client's": (
            _superseding("hers", by="alice", client_id="bob", stated_by_id="bob"),
            "entry_supersedes_one_of_its_kind",
        ),
        "make an entry vanish": (
            lambda attacker: _end(attacker, "hers", by="alice", ending="superseded"),
            "superseded_entry_has_a_successor",
        ),
        "end it twice": (_ending("ended", by="alice"), "entry_ends_once"),
        "let it stand again": (
            "UPDATE chart_entries SET ended_by_id = NULL, ending = NULL WHERE id = %(ended)s",
            "entry_ends_once",
        ),
        "end what the physician noted, as the client": (
            _ending("chens", by="alice"),
            "entry_is_ended_by_one_who_knows",
        ),
        "end what the physician noted, as the esthetician": (
            _ending("chens", by="eva"),
            "entry_is_ended_by_one_who_knows",
        ),
        "end what the esthetician noted, as the client": (
            _ending("evas", by="alice"),
            "entry_is_ended_by_one_who_knows",
        ),
        "end what another client said": (
            _ending("hers", by="bob"),
            "entry_is_ended_by_one_who_knows",
        ),
        "say of another that she is not pregnant": (
            _superseding("pregnancy", by="bob", kind="pregnancy"),
            "entry_is_ended_by_one_who_knows",
        ),
        "end it as staff": (_ending("hers", by="sam"), "entry_is_ended_by_one_who_knows"),
        "end it as nobody": (
            "UPDATE chart_entries SET ending = 'resolved' WHERE id = %(hers)s",
            "entry_is_ended_by_one_who_knows",
        ),
        "end it without a word": (
            "UPDATE chart_entries SET ended_by_id = %(alice)s WHERE id = %(hers)s",
            "entry_ended_by_someone",
        ),
    }
)


@ATTACKS.passes()
def _say_it_and_end_it(attacker: Sql) -> None:
    _state(attacker)
    _end(attacker, "new", by="alice")


@ATTACKS.passes()
def _end_what_the_client_said(attacker: Sql) -> None:
    _end(attacker, "hers", by="eva")
    _end(attacker, "hers_too", by="chen", ending="entered_in_error")


@ATTACKS.passes()
def _end_what_the_esthetician_noted(attacker: Sql) -> None:
    _end(attacker, "evas", by="chen")


@ATTACKS.passes()
def _note_it_as_who_treats_her(attacker: Sql) -> None:
    _state(attacker, source="physician", stated_by_id="chen")


@ATTACKS.passes()
def _answer_a_questionnaire(attacker: Sql) -> None:
    _state(attacker, source="intake")


@ATTACKS.passes()
def _say_anew_whether_she_is_pregnant(attacker: Sql) -> None:
    _supersede(attacker, "pregnancy", by="alice", kind="pregnancy")


@ATTACKS.undone("chart_entry_stated")
def _begin_later_than_what_it_takes_the_place_of_ended(attacker: Sql) -> bool:
    begun = _supersede(attacker, "hers", by="alice")["stated_at"]
    return bool(begun == row(attacker, "chart_entries", attacker.facts["hers"])["ended_at"])


@ATTACKS.undone("chart_entry_stated", OWNER)
def _say_it_was_said_long_ago(attacker: Sql) -> bool:
    return bool(_state(attacker, stated_at=LONG_AGO)["stated_at"] > LONG_AGO)


@ATTACKS.undone("chart_entry_ended", OWNER)
def _say_it_ended_long_ago(attacker: Sql) -> bool:
    hers = attacker.facts["hers"]
    ended = {"ended_by_id": attacker.facts["alice"], "ending": "resolved"}
    update(attacker, "chart_entries", hers, ended_at=LONG_AGO, **ended)
    return bool(row(attacker, "chart_entries", hers)["ended_at"] > LONG_AGO)
