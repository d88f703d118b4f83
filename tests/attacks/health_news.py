"""Attacks on what news of a client's health holds, and on a physician's word that it goes on."""

from __future__ import annotations

import uuid
from typing import Any

from shop.accounts import delegating
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.core.clock import now
from shop.core.db import db
from shop.orders import rechecking
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.desk import a_delegation
from tests.people import alice, dr_chen, mona
from tests.prescriptions.builders import a_prescription

SEALED = b"\x01" + bytes(200)


def scene() -> dict[str, Any]:
    """`held` waits for a look at what its client said; `seen` was looked at and held again since.

    For its prescriber another stands in today, and `second` for her.
    """
    client, seen_client, chen = alice(), alice(), dr_chen()
    held, seen = (a_prescription(one, by=chen) for one in (client, seen_client))
    for one in (client, seen_client):
        _said(one, "the blue plaster of my aunt")
    rechecking.resume(seen, reason="She uses it on her legs.", by=chen, at=now())
    _said(seen_client, "a red berry from the garden")
    standing = a_prescription(alice(), by=chen)
    first, second, other, next_week, no_more = (dr_chen() for _ in range(5))
    others = a_prescription(alice(), by=first)
    delegating.withdraw(a_delegation(chen, no_more, 0, 2), at=now())
    a_delegation(chen, first, 0, 2)
    a_delegation(first, second, 0, 2)
    a_delegation(chen, next_week, 7, 9)
    db.session.commit()
    return {
        "alice": client.id,
        "stranger": seen_client.id,
        "chen": chen.id,
        "boss": mona().id,
        "second": second.id,
        "other": other.id,
        "next week": next_week.id,
        "no more": no_more.id,
        "others": others.id,
        "disabled": dr_chen(disabled_at=now()).id,
        "held": held.id,
        "seen": seen.id,
        "standing": standing.id,
    }


def _said(client: Any, what: str) -> None:
    with rechecking.following(client, at=now()):
        charting.state(client, Allergy(what), by=client, at=now())


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _review(attacker: Sql, which: str = "held", **given: Any) -> uuid.UUID:
    one = row(attacker, "prescriptions", attacker.facts[which])
    values = {
        "id": uuid.uuid4(),
        "prescription_id": one["id"],
        "client_id": one["client_id"],
        "reviewed_by_id": attacker.facts["chen"],
        "seen_sealed": SEALED,
        "reason_sealed": SEALED,
    } | given
    insert(attacker, "health_reviews", values)
    return uuid.UUID(str(values["id"]))


def _move(attacker: Sql, which: str, to: str, **also: Any) -> None:
    key = attacker.facts[which]
    seq = attacker.tell("prescription", key, to)
    update(attacker, "prescriptions", key, status=to, state_seq=seq, **also)


def _go_on(attacker: Sql, which: str = "held") -> None:
    _move(attacker, which, "active", held_for=None)


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _looked_at_and_let_go(attacker: Sql) -> None:
    _review(attacker)
    _go_on(attacker)


@ATTACKS.passes(APP, OWNER)
def _looked_at_by_who_stands_in_for_who_stands_in(attacker: Sql) -> None:
    _review(attacker, reviewed_by_id=attacker.facts["second"])
    _go_on(attacker)


@ATTACKS.passes(APP, WORKER)
def _held_for_what_became_known(attacker: Sql) -> None:
    _move(attacker, "standing", "on_hold", held_for="health_news")


@ATTACKS.passes()
def _taken_back_without_a_look(attacker: Sql) -> None:
    _move(attacker, "held", "revoked", held_for=None, revoked_by_id=attacker.facts["chen"])


@ATTACKS.passes(APP, WORKER)
def _what_was_seen_is_read(attacker: Sql) -> None:
    attacker.run("SELECT FROM health_reviews")


# It goes on only after a look.

ATTACKS.each(
    {
        "goes on though nobody has looked": (
            _go_on,
            "health_news_is_reviewed_before_it_goes_on",
        ),
        "goes on by a look at what was known before": (
            lambda a: _go_on(a, "seen"),
            "health_news_is_reviewed_before_it_goes_on",
        ),
        "goes on by a look at another client's": (
            lambda a: (_review(a, "seen"), _go_on(a, "held")),
            "health_news_is_reviewed_before_it_goes_on",
        ),
    },
    APP,
    OWNER,
)
ATTACKS.each(
    {
        "goes on by the worker's own word": (
            _go_on,
            "health_news_is_reviewed_before_it_goes_on",
        ),
    },
    WORKER,
)


# Who looks, and at what.

ATTACKS.each(
    {
        "reviewed by a manager": (
            lambda a: _review(a, reviewed_by_id=a.facts["boss"]),
            "health_news_is_reviewed_by_a_physician",
        ),
        "reviewed by the client": (
            lambda a: _review(a, reviewed_by_id=a.facts["alice"]),
            "health_news_is_reviewed_by_a_physician",
        ),
        "reviewed by another physician": (
            lambda a: _review(a, reviewed_by_id=a.facts["other"]),
            "health_news_is_reviewed_by_who_stands_in",
        ),
        "reviewed by who is yet to stand in": (
            lambda a: _review(a, reviewed_by_id=a.facts["next week"]),
            "health_news_is_reviewed_by_who_stands_in",
        ),
        "reviewed by who stands in no more": (
            lambda a: _review(a, reviewed_by_id=a.facts["no more"]),
            "health_news_is_reviewed_by_who_stands_in",
        ),
        "reviewed by who is away herself": (
            lambda a: _review(a, "others", reviewed_by_id=a.facts["chen"]),
            "health_news_is_reviewed_by_who_stands_in",
        ),
        "reviewed by who was disabled": (
            lambda a: _review(a, reviewed_by_id=a.facts["disabled"]),
            "health_news_is_reviewed_by_a_physician",
        ),
        "reviewed under another client's name": (
            lambda a: _review(a, client_id=a.facts["stranger"]),
            "health_review_is_of_a_prescription_of_this_client",
        ),
        "reviewed of what nobody signed": (
            lambda a: _review(a, prescription_id=uuid.uuid4()),
            "health_news_is_reviewed_by_who_stands_in",
        ),
        "seen in plain words": (
            lambda a: _review(a, seen_sealed=b"Pregnant."),
            "what_was_seen_is_sealed",
        ),
        "let go for plain words": (
            lambda a: _review(a, reason_sealed=b"She uses it on her legs."),
            "reason_of_review_is_sealed",
        ),
    }
)


@ATTACKS.undone("health_review_guard", OWNER)
def _a_look_of_another_day(attacker: Sql) -> bool:
    """Which would let go what is held tomorrow."""
    key = _review(attacker, reviewed_at="2099-01-01T00:00:00Z")
    return bool(row(attacker, "health_reviews", key)["reviewed_at"].year < 2099)
