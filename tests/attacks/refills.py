"""Attacks on refills: nothing is charged that she did not agree to, was not told of, or twice."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.payments import removing
from shop.replenishment import choosing, stopping
from shop.replenishment.models import AutoRefill, RefillCycle
from tests.attacks.acts import insert, later, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, sam
from tests.replenishment.builders import (
    a_charged_refill,
    a_charging_refill,
    a_noticed_refill,
    agreed_anew,
    handed_out,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Auto-refills at every turn, packs that left and one that did not, orders to abuse."""
    noticed, ready, paused = (a_noticed_refill() for _ in range(3))
    agreed_anew(ready)
    agreed_anew(paused)
    stopping.pause(paused, by=paused.client, at=now())
    cancelled = a_noticed_refill()
    stopping.cancel(cancelled, by=cancelled.client, at=now())
    charging, charged = a_charging_refill(), a_charged_refill()
    named = {
        "noticed": noticed,
        "ready": ready,
        "paused": paused,
        "cancelled": cancelled,
        "charging": charging,
        "charged": charged,
    }
    facts: dict[str, Any] = {"sam": sam().id, "today": now().date()}
    for name, refill in named.items():
        facts |= {name: refill.id, f"{name}_cycle": _cycle(refill).id}
    facts |= {
        "card": noticed.consent.saved_card_id,
        "noticed_order": _order(noticed),
        "ready_order": _order(ready),
        "dear_order": _order(ready, shipping_method="express"),
        "two_packs": placed(ready.client, {ready.variant: 2}).id,
        "paused_order": _order(paused),
        "charging_other": _order(charging),
    }
    client, soap = alice(), a_variant()
    a_lot(soap, 9)
    removed = a_saved_card(client)
    removing.remove(removed, by=client, at=now())
    facts |= {
        "alice": client.id,
        "soap": soap.id,
        "her_card": a_saved_card(client).id,
        "removed_card": removed.id,
        "line": handed_out(client, soap).id,
        "unsent": placed(client, {soap: 1}).lines[0].id,
    }
    choosing.choose(client, wanted=False, at=now())
    db.session.commit()
    return facts


def _cycle(refill: AutoRefill) -> RefillCycle:
    return refill.cycles[-1]


def _order(refill: AutoRefill, **given: Any) -> Any:
    return placed(refill.client, {refill.variant: 1}, **given).id


ATTACKS = Attacks(scene)


def _refill(attacker: Sql, *, agreed: bool = True, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"RF-{key.hex[:8]}",
        "client_id": attacker.facts["alice"],
        "variant_id": attacker.facts["soap"],
        "status": "active",
    } | given
    if "state_seq" not in values:
        values["state_seq"] = attacker.tell("auto_refill", key, "active")
    insert(attacker, "auto_refills", values)
    if agreed:
        card = "her_card" if values["client_id"] == attacker.facts["alice"] else "card"
        _consent(attacker, key, client_id=values["client_id"], card=card)
    return key


def _consent(attacker: Sql, refill: Any, *, card: str = "her_card", **given: Any) -> Any:
    refill_id = attacker.facts.get(refill, refill)
    values = {
        "id": uuid.uuid4(),
        "auto_refill_id": refill_id,
        "client_id": row(attacker, "auto_refills", refill_id)["client_id"],
        "quantity": 1,
        "unit_cents": 2400,
        "total_cents": 3095,
        "shipping_method": "standard",
        "name": "A",
        "line1": "1 Way",
        "city": "Oakland",
        "state": "CA",
        "postal_code": "94607",
        "saved_card_id": attacker.facts[card],
        "statement": "I agree to be charged for this until I cancel it. " * 2,
        "statement_version": "2026-1",
    } | given
    insert(attacker, "refill_consents", values)
    return values["id"]


def _new_cycle(attacker: Sql, refill: Any, line: str = "line", **given: Any) -> Any:
    key, refill_id = uuid.uuid4(), attacker.facts.get(refill, refill)
    values = {
        "id": key,
        "auto_refill_id": refill_id,
        "client_id": row(attacker, "auto_refills", refill_id)["client_id"],
        "after_line_id": attacker.facts[line],
        "act_on": attacker.facts["today"],
        "status": "noticed",
    } | given
    if "state_seq" not in values:
        values["state_seq"] = attacker.tell("refill_cycle", key, values["status"])
    insert(attacker, "refill_cycles", values)
    return key


def _notice(attacker: Sql, cycle: Any, *, days: int = 8, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "cycle_id": attacker.facts.get(cycle, cycle),
        "charge_on": attacker.facts["today"] + timedelta(days=days),
        "total_cents": 3095,
        "rises": False,
    } | given
    insert(attacker, "refill_notices", values)
    return values["id"]


def _remind(attacker: Sql, line: str = "line", **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "line_id": attacker.facts[line],
        "client_id": attacker.facts["alice"],
        "runs_out_on": attacker.facts["today"],
        "moved_days": 0,
    } | given
    insert(attacker, "refill_reminders", values)
    return values["id"]


def _charge(attacker: Sql, which: str, order: str) -> None:
    key = attacker.facts[f"{which}_cycle"]
    seq = attacker.tell("refill_cycle", key, "charging")
    update(
        attacker,
        "refill_cycles",
        key,
        status="charging",
        state_seq=seq,
        order_id=attacker.facts[order],
    )


def _charge_later(attacker: Sql, which: str, order: str) -> None:
    """Two weeks and two days after the day that was named."""
    later(attacker, "23 days")
    _charge(attacker, which, order)


def _to(attacker: Sql, which: str, status: str) -> None:
    attacker.move("refill_cycle", attacker.facts[f"{which}_cycle"], status)


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _agreed_announced_and_changed(attacker: Sql) -> None:
    refill = _refill(attacker)
    cycle = _new_cycle(attacker, refill)
    _notice(attacker, cycle)
    _notice(attacker, cycle, days=15, total_cents=4000, rises=True)
    _consent(attacker, refill)
    _remind(attacker)


@ATTACKS.passes(WORKER, APP)
def _charged_as_she_agreed(attacker: Sql) -> None:
    _charge(attacker, "ready", "ready_order")


@ATTACKS.passes(WORKER)
def _not_paid_then(attacker: Sql) -> None:
    _to(attacker, "charging", "failed")


ATTACKS.each(
    {
        "an auto-refill of a colleague": (
            lambda a: _refill(a, client_id=a.facts["sam"], agreed=False),
            "auto_refill_is_of_a_client",
        ),
        "an auto-refill that nobody agreed to": (
            lambda a: _refill(a, agreed=False),
            "auto_refill_rests_on_a_consent",
        ),
        "a cancelled one taken up again": (
            "UPDATE auto_refills SET status = 'active', state_seq = 1 WHERE id = %(cancelled)s",
            "auto_refill_goes_along_an_arrow",
        ),
        "agreed to what was cancelled": (
            lambda a: _consent(a, "cancelled"),
            "cancelled_refill_takes_no_consent",
        ),
        "paid by somebody else's card": (
            lambda a: _consent(a, "noticed"),
            "refill_is_charged_to_a_card_of_hers",
        ),
        "paid by a card that was removed": (
            lambda a: _consent(a, _refill(a), card="removed_card"),
            "refill_is_charged_to_a_card_of_hers",
        ),
        "a cycle of a paused one": (
            lambda a: _new_cycle(a, "paused"),
            "only_an_active_refill_has_cycles",
        ),
        "a cycle of a cancelled one": (
            lambda a: _new_cycle(a, "cancelled"),
            "only_an_active_refill_has_cycles",
        ),
        "a cycle after somebody else's pack": (
            lambda a: _new_cycle(a, "noticed"),
            "cycle_follows_a_pack_of_hers",
        ),
        "a cycle after a pack that never left": (
            lambda a: _new_cycle(a, _refill(a), "unsent"),
            "cycle_follows_a_pack_of_hers",
        ),
        "charged while paused": (
            lambda a: _charge(a, "paused", "paused_order"),
            "only_an_active_refill_is_charged",
        ),
        "charged for more packs": (
            lambda a: _charge(a, "ready", "two_packs"),
            "refill_order_is_what_she_agreed_to",
        ),
        "charged before the day she was told": (
            lambda a: _charge(a, "noticed", "noticed_order"),
            "refill_is_charged_as_she_was_told",
        ),
        "charged more than she was told": (
            lambda a: _charge(a, "ready", "dear_order"),
            "refill_is_charged_as_she_was_told",
        ),
        "charged to somebody else": (
            lambda a: _charge(a, "ready", "noticed_order"),
            "refill_order_is_what_she_agreed_to",
        ),
        "charged once more": (
            "UPDATE refill_cycles SET order_id = %(charging_other)s WHERE id = %(charging_cycle)s",
            "cycle_is_charged_once",
        ),
        "an order put beside it": (
            "UPDATE refill_cycles SET order_id = %(ready_order)s WHERE id = %(ready_cycle)s",
            "cycle_is_charged_once",
        ),
        "said to be charged": (lambda a: _to(a, "charging", "charged"), "charged_cycle_was_paid"),
        "let go while its money may come": (
            lambda a: _to(a, "charging", "lapsed"),
            "lapsed_cycle_costs_nothing",
        ),
        "a charged one let go while its money is kept": (
            lambda a: _to(a, "charged", "lapsed"),
            "lapsed_cycle_costs_nothing",
        ),
        "charged long after she was told": (
            lambda a: _charge_later(a, "noticed", "noticed_order"),
            "refill_is_charged_as_she_was_told",
        ),
        "charged long after she agreed": (
            lambda a: _charge_later(a, "ready", "ready_order"),
            "refill_is_charged_as_she_was_told",
        ),
        "a charged one begun again": (
            (
                "UPDATE refill_cycles SET status = 'noticed', state_seq = 1"
                " WHERE id = %(charged_cycle)s"
            ),
            "refill_cycle_goes_along_an_arrow",
        ),
        "told after the charge": (
            lambda a: _notice(a, "charging_cycle"),
            "notice_comes_before_the_charge",
        ),
        "a higher price told as the same": (
            lambda a: _notice(a, "noticed_cycle", days=20, total_cents=9900),
            "higher_price_is_told_as_such",
        ),
        "told for tomorrow": (
            lambda a: _notice(a, "noticed_cycle", days=1),
            "notice_comes_days_before",
        ),
        "a higher price told a week before": (
            lambda a: _notice(a, "noticed_cycle", days=8, total_cents=9900, rises=True),
            "notice_comes_days_before",
        ),
        "reminded of what never left": (
            lambda a: _remind(a, "unsent"),
            "reminder_is_of_a_pack_of_hers",
        ),
        "reminded of somebody else's pack": (
            lambda a: _remind(a, client_id=row(a, "auto_refills", a.facts["noticed"])["client_id"]),
            "reminder_is_of_a_pack_of_hers",
        ),
    }
)


@ATTACKS.refused("auto_refill_begins_active", OWNER)
def _an_auto_refill_that_begins_paused(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("auto_refill", key, "active")
    seq = attacker.tell("auto_refill", key, "paused")
    _refill(attacker, agreed=False, id=key, status="paused", state_seq=seq)


@ATTACKS.refused("cycle_begins_ahead", OWNER)
def _a_cycle_that_begins_lapsed(attacker: Sql) -> None:
    refill, key = _refill(attacker), uuid.uuid4()
    attacker.tell("refill_cycle", key, "noticed")
    seq = attacker.tell("refill_cycle", key, "lapsed")
    _new_cycle(attacker, refill, id=key, status="lapsed", state_seq=seq)


@ATTACKS.undone("auto_refill_guard", OWNER)
def _agreed_to_begin_long_ago(attacker: Sql) -> bool:
    key = _refill(attacker, created_at=LONG_AGO)
    return bool(row(attacker, "auto_refills", key)["created_at"] > LONG_AGO)


@ATTACKS.undone("refill_consent_guard", OWNER)
def _agreed_long_ago(attacker: Sql) -> bool:
    key = _consent(attacker, _refill(attacker), number=7, consented_at=LONG_AGO)
    kept = row(attacker, "refill_consents", key)
    return bool(kept["number"] == 2 and kept["consented_at"] > LONG_AGO)


@ATTACKS.undone("refill_cycle_guard", OWNER)
def _begun_long_ago(attacker: Sql) -> bool:
    key = _new_cycle(attacker, _refill(attacker), number=7, created_at=LONG_AGO)
    kept = row(attacker, "refill_cycles", key)
    return bool(kept["number"] == 1 and kept["created_at"] > LONG_AGO)


@ATTACKS.undone("refill_notice_guard", OWNER)
def _told_long_ago(attacker: Sql) -> bool:
    kept = row(
        attacker,
        "refill_notices",
        _notice(attacker, "noticed_cycle", number=7, told_at=LONG_AGO),
    )
    return bool(kept["number"] == 2 and kept["told_at"] > LONG_AGO)


@ATTACKS.undone("refill_reminder_guard", OWNER)
def _reminded_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "refill_reminders", _remind(attacker, told_at=LONG_AGO))
    return bool(kept["told_at"] > LONG_AGO)


@ATTACKS.undone("reminder_choice_stamped", OWNER)
def _chosen_long_ago(attacker: Sql) -> bool:
    key = uuid.uuid4()
    values = {"id": key, "client_id": attacker.facts["alice"], "wanted": True}
    insert(attacker, "reminder_choices", values | {"number": 7, "chosen_at": LONG_AGO})
    kept = row(attacker, "reminder_choices", key)
    return bool(kept["number"] == 2 and kept["chosen_at"] > LONG_AGO)
