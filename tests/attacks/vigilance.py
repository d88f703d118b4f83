"""Attacks on the log of adverse reactions: what is serious is reported before it is put away."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import day_in, now
from shop.core.db import db
from shop.vigilance import filing
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import alice, mona, sam
from tests.vigilance.builders import ZONE, a_reaction, file

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """One that is serious, one that is not, one reported, one closed."""
    client, manager = alice(), mona()
    grave, mild, reported = (a_reaction(client, serious=one) for one in (True, False, True))
    file(reported, by=manager)
    closed = a_reaction(client, serious=False)
    filing.close(closed, reason="It healed.", by=manager, at=now())
    facts = {
        "alice": client.id,
        "mona": manager.id,
        "sam": sam().id,
        "gone": mona(disabled_at=now()).id,
        "variant": grave.variant_id,
        "lot": grave.lot_id,
        "other_lot": a_lot(a_cream()).id,
        "grave": grave.id,
        "mild": mild.id,
        "reported": reported.id,
        "closed": closed.id,
        "today": day_in(ZONE, now()),
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _open(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"AR-{key.hex[:8]}",
        "client_id": attacker.facts["alice"],
        "variant_id": attacker.facts["variant"],
        "lot_id": attacker.facts["lot"],
        "status": "open",
    } | given
    seq = attacker.tell("reaction", key, values["status"])
    insert(attacker, "reactions", values | {"state_seq": seq})
    return key


def _tell(attacker: Sql, which: Any, *, serious: bool = True, **given: Any) -> Any:
    kept = attacker.run(
        "SELECT told_sealed AS it FROM reaction_accounts WHERE reaction_id = %(grave)s"
    )
    today = attacker.facts["today"]
    values = {
        "id": uuid.uuid4(),
        "reaction_id": attacker.facts.get(which, which),
        "serious": serious,
        "received_on": today,
        "due_on": today + timedelta(days=21) if serious else None,
        "told_sealed": kept["it"],
        "recorded_by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "reaction_accounts", values)
    return values["id"]


def _file(attacker: Sql, which: Any = "grave", **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "reaction_id": attacker.facts.get(which, which),
        "through": 1,
        "reference": "FDA-1",
        "filed_on": attacker.facts["today"],
        "filed_by_id": attacker.facts["mona"],
    } | given
    insert(attacker, "reaction_filings", values)
    return values["id"]


def _to(attacker: Sql, which: Any, to: str) -> None:
    key = attacker.facts.get(which, which)
    sealed = row(attacker, "reactions", attacker.facts["closed"])["reason_sealed"]
    seq = attacker.tell("reaction", key, to)
    reason = sealed if to == "closed" else None
    update(attacker, "reactions", key, status=to, state_seq=seq, reason_sealed=reason)


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _opened_reported_and_closed(attacker: Sql) -> None:
    key = _open(attacker)
    _tell(attacker, key)
    _file(attacker, key)
    _to(attacker, key, "reported")
    _to(attacker, key, "closed")


@ATTACKS.passes()
def _what_is_not_serious_closed_and_opened_again(attacker: Sql) -> None:
    _to(attacker, "mild", "closed")
    _tell(attacker, "mild")
    _to(attacker, "mild", "open")


@ATTACKS.passes()
def _no_lot_is_known(attacker: Sql) -> None:
    _open(attacker, lot_id=None)


ATTACKS.each(
    {
        "a reaction of a colleague": (
            lambda a: _open(a, client_id=a.facts["sam"]),
            "reaction_is_of_a_client",
        ),
        "a reaction that begins closed": (
            lambda a: _open(a, status="closed"),
            "event_is_a_legal_transition",
        ),
        "to a lot of something else": (
            lambda a: _open(a, lot_id=a.facts["other_lot"]),
            "reaction_is_to_a_lot_of_its_product",
        ),
        "closed though nobody was told": (
            lambda a: _to(a, "grave", "closed"),
            "serious_reaction_is_reported_first",
        ),
        "said to be reported": (
            lambda a: _to(a, "grave", "reported"),
            "serious_reaction_is_reported_first",
        ),
        "reported without a receipt": (
            lambda a: _to(a, "mild", "reported"),
            "reported_reaction_was_filed",
        ),
        "what became worse left as it was": (
            lambda a: _tell(a, "reported"),
            "serious_news_opens_its_reaction",
        ),
        "what was closed became worse": (
            lambda a: _tell(a, "closed"),
            "serious_news_opens_its_reaction",
        ),
        "back where it never was": (
            "UPDATE reactions SET status = 'reported' WHERE id = %(closed)s",
            "reaction_goes_along_an_arrow",
        ),
        "an account by the client": (
            lambda a: _tell(a, "grave", recorded_by_id=a.facts["alice"]),
            "account_is_recorded_by_who_works_here",
        ),
        "an account by whoever left": (
            lambda a: _tell(a, "grave", recorded_by_id=a.facts["gone"]),
            "account_is_recorded_by_who_works_here",
        ),
        "an account of next week": (
            lambda a: _tell(
                a,
                "grave",
                received_on=a.facts["today"] + timedelta(days=7),
                due_on=a.facts["today"] + timedelta(days=28),
            ),
            "nothing_is_received_ahead",
        ),
        "filed by staff": (
            lambda a: _file(a, filed_by_id=a.facts["sam"]),
            "reaction_is_filed_by_a_manager_or_physician",
        ),
        "filed by whoever left": (
            lambda a: _file(a, filed_by_id=a.facts["gone"]),
            "reaction_is_filed_by_a_manager_or_physician",
        ),
        "filed next week": (
            lambda a: _file(a, filed_on=a.facts["today"] + timedelta(days=7)),
            "nothing_is_filed_ahead",
        ),
        "filed what nobody told": (
            lambda a: _file(a, through=9),
            "filing_covers_what_was_told",
        ),
        "filed twice": (lambda a: [_file(a) for _ in "ab"], "reaction_is_filed_once"),
    }
)
ATTACKS.each(
    {"read by the worker": ("SELECT FROM reactions", "permission denied for table reactions")},
    WORKER,
)


@ATTACKS.refused("reaction_begins_open", OWNER)
def _a_reaction_that_begins_reported(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("reaction", key, "open")
    seq = attacker.tell("reaction", key, "reported")
    values = {
        name: attacker.facts[fact]
        for name, fact in (("client_id", "alice"), ("variant_id", "variant"))
    }
    values |= {"id": key, "number": "AR-X", "status": "reported", "state_seq": seq}
    insert(attacker, "reactions", values)


@ATTACKS.refused("reaction_goes_along_an_arrow")
def _an_old_state_taken_up_again(attacker: Sql) -> None:
    attacker.run(
        "UPDATE reactions SET status = 'open', state_seq = 1, reason_sealed = NULL"
        " WHERE id = %(closed)s"
    )


@ATTACKS.undone("reaction_guard", OWNER)
def _opened_long_ago(attacker: Sql) -> bool:
    return bool(
        row(attacker, "reactions", _open(attacker, created_at=LONG_AGO))["created_at"] > LONG_AGO
    )


@ATTACKS.undone("reaction_account_guard", OWNER)
def _told_long_ago(attacker: Sql) -> bool:
    kept = row(
        attacker, "reaction_accounts", _tell(attacker, "grave", number=7, recorded_at=LONG_AGO)
    )
    return bool(kept["number"] == 2 and kept["recorded_at"] > LONG_AGO)


@ATTACKS.undone("reaction_filing_guard", OWNER)
def _filed_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "reaction_filings", _file(attacker, recorded_at=LONG_AGO))
    return bool(kept["recorded_at"] > LONG_AGO)
