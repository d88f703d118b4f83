"""Attacks on charges of refills: of what, to which card, sent where; and on who goes on with one."""

from __future__ import annotations

import dataclasses
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.replenishment import stopping
from tests.attacks.acts import update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.orders import begin_payment
from tests.orders.things import HOME, placed
from tests.payments.saved_cards import a_saved_card
from tests.replenishment.builders import a_noticed_refill, agreed_anew

ACT_AS = "SELECT set_config('app.actor', %(actor)s, true)"


def scene() -> dict[str, Any]:
    """An auto-refill that may be charged now, orders of its client's, and one that is paused."""
    ready, paused = agreed_anew(a_noticed_refill()), a_noticed_refill()
    stopping.pause(paused, by=paused.client, at=now())
    elsewhere = dataclasses.replace(HOME, line1="99 Other St")
    facts = {
        "cycle": ready.cycles[-1].id,
        "card": ready.consent.saved_card_id,
        "other_card": a_saved_card(ready.client).id,
        "order": placed(ready.client, {ready.variant: 1}).id,
        "elsewhere": placed(ready.client, {ready.variant: 1}, address=elsewhere).id,
        "paused": paused.id,
        "owner": paused.client_id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _charge(attacker: Sql, order: str = "order", card: str = "card") -> None:
    facts = attacker.facts
    begin_payment(attacker, facts[order], card_id=facts[card], page_ends_at=None)


def _refilled(attacker: Sql, order: str = "order") -> None:
    """The cycle is charged with an order."""
    key = attacker.facts["cycle"]
    seq = attacker.tell("refill_cycle", key, "charging")
    fields = {"status": "charging", "state_seq": seq, "order_id": attacker.facts[order]}
    update(attacker, "refill_cycles", key, **fields)


def _go_on(attacker: Sql) -> None:
    attacker.move("auto_refill", attacker.facts["paused"], "active")


@ATTACKS.passes(APP, WORKER)
def _charged_as_she_agreed_whichever_is_written_first(attacker: Sql) -> None:
    _charge(attacker)
    _refilled(attacker)


@ATTACKS.passes(APP)
def _gone_on_with_by_herself(attacker: Sql) -> None:
    attacker.run(ACT_AS, actor=f"person:{attacker.facts['owner']}")
    _go_on(attacker)


ATTACKS.each(
    {
        "a card charged for what is no refill": (_charge, "charge_is_of_a_refill"),
        "another card of hers charged": (
            lambda a: (_refilled(a), _charge(a, card="other_card")),
            "refill_is_charged_to_the_card_she_named",
        ),
        "charged for what goes somewhere else": (
            lambda a: (_refilled(a, "elsewhere"), _charge(a, "elsewhere")),
            "refill_goes_where_she_said",
        ),
    },
    APP,
    WORKER,
)

ATTACKS.each(
    {
        "gone on with by somebody else": (_go_on, "she_goes_on_with_her_refill"),
        "gone on with by the run": (
            lambda a: (a.run(ACT_AS, actor="system:worker"), _go_on(a)),
            "she_goes_on_with_her_refill",
        ),
        "gone on with by nobody": (
            lambda a: (
                a.tell("auto_refill", a.facts["paused"], "active"),
                a.run(ACT_AS, actor=""),
                a.run(
                    "UPDATE auto_refills SET status = 'active', state_seq ="
                    " (SELECT max(seq) FROM events WHERE subject_id = %(paused)s)"
                    " WHERE id = %(paused)s"
                ),
            ),
            "she_goes_on_with_her_refill",
        ),
    },
    APP,
    WORKER,
    OWNER,
)
