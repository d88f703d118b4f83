"""Attacks on what was prescribed instead of what was asked for, and on the client's word: I1, I3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.catalog import prices
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import changing, signing
from shop.prescriptions.models import ApprovalRequest
from tests.attacks.acts import insert, later, row
from tests.attacks.attack import OWNER, WORKER, Attacks, Sql
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_prescription, the_terms

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """An offer that waits, one that was taken, and a prescription exactly as it was asked for."""
    client, chen = alice(), dr_chen(state="CA")
    offered, taken = (_an_offer(client, chen) for _ in range(2))
    act_as(f"person:{client.id}")
    changing.accept(taken, expect_unit_cents=6200, by=client, at=now())
    act_as("system:test")
    plain = a_claimed_request(client, by=chen)
    _sign(plain, chen, quantity=1)
    under_way = a_claimed_request(client, by=chen)
    older = a_prescription(client, by=chen)
    again = a_claimed_request(client, older.variant, by=chen, quantity=2)
    _sign(again, chen, quantity=1)
    priced = offered.variant
    old = priced.price_at(now())
    dear = prices.set_price(priced, 9900, valid_from=now() + timedelta(days=3), by=None, at=now())
    db.session.flush()
    requests = {"offered": offered, "taken": taken, "plain": plain, "under_way": under_way}
    requests["again"] = again
    signed = {
        f"{name}_signed": one.prescription.id
        for name, one in requests.items()
        if one.prescription is not None
    }
    assert old is not None
    return (
        {name: one.id for name, one in requests.items()}
        | signed
        | {"alice": client.id, "stranger": alice().id, "price": old.id, "dear": dear.id}
        | {"other_price": plain.variant.prices[0].id}
    )


def _an_offer(client: Any, chen: Any) -> ApprovalRequest:
    request = a_claimed_request(client, by=chen, quantity=2)
    _sign(request, chen, quantity=1)
    return request


def _sign(request: ApprovalRequest, chen: Any, *, quantity: int) -> None:
    terms = the_terms(quantity_per_fill=quantity)
    signing.sign(request, terms, by=chen, proof=a_fresh_sign_in(chen), at=now())


ATTACKS = Attacks(scene)


def _as_the_client(attacker: Sql) -> None:
    attacker.run("SELECT set_config('app.actor', 'person:' || %(alice)s, true)")


def _accept(attacker: Sql, which: str = "offered", **given: Any) -> None:
    signed = row(attacker, "prescriptions", attacker.facts[f"{which}_signed"])
    values = {
        "request_id": attacker.facts[which],
        "client_id": signed["client_id"],
        "prescription_id": signed["id"],
        "variant_id": signed["variant_id"],
        "fills_allowed": signed["fills_allowed"],
        "quantity": signed["quantity_per_fill"],
        "price_id": attacker.facts["price"],
        "unit_cents": 6200,
    }
    insert(attacker, "acceptances", values | given)


def _taken(**given: Any) -> Callable[[Sql], None]:
    def act(attacker: Sql) -> None:
        _as_the_client(attacker)
        _accept(attacker, **given)
        attacker.move("approval_request", attacker.facts["offered"], "approved")

    return act


@ATTACKS.passes()
def _an_offer_that_the_client_takes(attacker: Sql) -> None:
    _taken()(attacker)


@ATTACKS.passes()
def _an_offer_that_the_client_leaves(attacker: Sql) -> None:
    _as_the_client(attacker)
    attacker.move("approval_request", attacker.facts["offered"], "withdrawn")


def _in_force_without_her_word(attacker: Sql) -> None:
    attacker.move("approval_request", attacker.facts["offered"], "approved")


def _accepted_by_somebody_else(attacker: Sql) -> None:
    _accept(attacker)
    attacker.move("approval_request", attacker.facts["offered"], "approved")


def _accepted_when_it_is_over(attacker: Sql) -> None:
    later(attacker, "400 days")
    _as_the_client(attacker)
    _accept(attacker)


def _accepted_and_left_open(attacker: Sql) -> None:
    _as_the_client(attacker)
    _accept(attacker)


def _accepted_and_withdrawn(attacker: Sql) -> None:
    _as_the_client(attacker)
    _accept(attacker)
    attacker.move("approval_request", attacker.facts["offered"], "withdrawn")


def _accepted_beside_an_older_one(attacker: Sql) -> None:
    _as_the_client(attacker)
    _accept(attacker, "again", price_id=_price_of(attacker, "again_signed"))
    attacker.move("approval_request", attacker.facts["again"], "approved")


def _a_fill_before_she_accepts(attacker: Sql) -> None:
    signed = row(attacker, "prescriptions", attacker.facts["offered_signed"])
    fill = attacker.facts["new"]
    seq = attacker.tell("fill", fill, "reserved")
    insert(
        attacker,
        "fills",
        {
            "id": fill,
            "prescription_id": signed["id"],
            "number": 1,
            "client_id": signed["client_id"],
            "variant_id": signed["variant_id"],
            "state": "CA",
            "quantity": signed["quantity_per_fill"],
            "fills_allowed": signed["fills_allowed"],
            "status": "reserved",
            "state_seq": seq,
        },
    )


ATTACKS.each(
    {
        "in force without her word": (
            _in_force_without_her_word,
            "changes_are_accepted_by_the_client",
        ),
        "accepted by somebody else": (_accepted_by_somebody_else, "accepted_by_the_client"),
        "accepted when it is over": (_accepted_when_it_is_over, "accepted_before_it_is_over"),
        "accepted and left open": (_accepted_and_left_open, "acceptance_approves_its_request"),
        "accepted and withdrawn": (_accepted_and_withdrawn, "acceptance_approves_its_request"),
        "accepted twice": (
            lambda a: (_taken()(a), _accept(a)),
            "accepted_while_it_is_offered",
        ),
        "accepted what was asked for": (
            lambda a: (_as_the_client(a), _accept(a, "plain")),
            "accepted_while_it_is_offered",
        ),
        "accepted another prescription of hers": (
            lambda a: _taken(
                prescription_id=a.facts["taken_signed"],
                variant_id=row(a, "prescriptions", a.facts["taken_signed"])["variant_id"],
                price_id=_price_of(a, "taken_signed"),
            )(a),
            "acceptance_is_of_the_change",
        ),
        "accepted more than was signed": (
            _taken(quantity=2),
            "acceptance_is_of_what_was_signed",
        ),
        "accepted at a price nobody asks": (
            _taken(unit_cents=1),
            "acceptance_names_the_price_shown",
        ),
        "accepted at the price of another pack": (
            lambda a: _taken(price_id=a.facts["other_price"])(a),
            "acceptance_names_the_price_shown",
        ),
        "accepted at tomorrow's price": (
            lambda a: _taken(price_id=a.facts["dear"], unit_cents=9900)(a),
            "accepted_at_todays_price",
        ),
        "accepted for another client": (
            lambda a: (
                a.run("SELECT set_config('app.actor', 'person:' || %(stranger)s, true)"),
                _accept(a, client_id=a.facts["stranger"]),
            ),
            "acceptance_is_of_its_request",
        ),
        "accepted beside an older one for the pack": (
            _accepted_beside_an_older_one,
            "new_prescription_replaces_the_others",
        ),
        "a fill before she accepts": (_a_fill_before_she_accepts, "prescription_is_accepted"),
        "taken elsewhere before she accepts": (
            (
                "INSERT INTO prescriptions_taken_away (prescription_id, fills)"
                " VALUES (%(offered_signed)s, 3)"
            ),
            "prescription_taken_away_is_in_force",
        ),
        "an acceptance rewritten": (
            "UPDATE acceptances SET unit_cents = 1 WHERE request_id = %(taken)s",
            "permission denied for table acceptances",
        ),
    }
)

ATTACKS.each(
    {
        "an acceptance rewritten by the owner": (
            "UPDATE acceptances SET unit_cents = 1 WHERE request_id = %(taken)s",
            "acceptances_are_kept",
        ),
        "an acceptance removed by the owner": (
            "DELETE FROM acceptances WHERE request_id = %(taken)s",
            "acceptances_are_kept",
        ),
    },
    OWNER,
)

ATTACKS.each(
    {
        "accepted by the worker": (
            lambda a: (_as_the_client(a), _accept(a)),
            "permission denied for table acceptances",
        ),
    },
    WORKER,
)


def _price_of(attacker: Sql, signed: str) -> Any:
    found = attacker.run(
        "SELECT prices.id FROM prices JOIN prescriptions USING (variant_id)"
        " WHERE prescriptions.id = %(signed)s",
        signed=attacker.facts[signed],
    )
    return found["id"]


@ATTACKS.undone("acceptance_guard", OWNER)
def _accepted_long_ago(attacker: Sql) -> bool:
    """The database says when."""
    _taken(accepted_at=LONG_AGO)(attacker)
    found = attacker.run("SELECT accepted_at FROM acceptances WHERE request_id = %(offered)s")
    return bool(found["accepted_at"] > LONG_AGO)
