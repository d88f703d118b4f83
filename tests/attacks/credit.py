"""Attacks on store credit: spent twice or by nobody, more than there is, made by one, or rewritten."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.credit import codes, correcting, ledger, making, voiding
from shop.credit.models import GiftCard, Origin
from shop.orders import cancelling
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.builders import a_variant
from tests.credit.builders import a_card, redeemed, with_credit
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.people import alice, bob, mona, sam

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LARGE = 200_00
HASHES = [codes.hashed(code) for code in ("one", "two")]


def scene() -> Mapping[str, Any]:
    """A client with some credit and orders that credit pays in part, not at all, and that are over.

    Cards and corrections in every state.
    """
    client, other, staff, manager = with_credit(20_00), with_credit(90_00, bob()), sam(), mona()
    soap = a_variant(cents=2400)
    a_lot(soap, 30)
    cards = {name: a_card(20_00, by=sam()) for name in ("issued", "voided", "redeemed")}
    voiding.void(cards["voided"].card, reason="Lost.", by=manager, at=now())
    redeemed(cards["redeemed"], client)
    declined = _large_card()
    making.decline(declined, by=manager, at=now())
    waiting = placed(client, {soap: 1}, use_credit=True, shipping_method="express")
    with_credit(20_00, client)
    plain, over = placed(client, {soap: 1}), placed(other, {soap: 1}, use_credit=True)
    part = placed(other, {soap: 3}, use_credit=True)
    cancelling.cancel(over, reason="changed_mind", by=other, at=now())
    asked = correcting.propose(client, LARGE, note="Much.", by=staff, at=now())
    refused = correcting.propose(client, LARGE, note="Much.", by=staff, at=now())
    correcting.decline(refused, by=manager, at=now())
    booked = correcting.propose(client, 1_00, note="A little.", by=manager, at=now())
    facts = {
        "alice": client.id,
        "bob": other.id,
        "poor": ledger.opened(alice().id).client_id,
        "new_client": alice().id,
        "sam": staff.id,
        "mona": manager.id,
        "gone": mona(disabled_at=now()).id,
        "proposed": _large_card().id,
        "declined": declined.id,
        **{name: made.card.id for name, made in cards.items()},
        "waiting": waiting.id,
        "plain": plain.id,
        "over": over.id,
        "part": part.id,
        "part_line": part.lines[0].id,
        "part_units": part.lines[0].reservation_id,
        "asked": asked.id,
        "refused": refused.id,
        "booked": booked.id,
        "code": codes.hashed("attack"),
    }
    db.session.commit()
    return facts


def _large_card() -> GiftCard:
    made = making.make(LARGE, origin=Origin.GIVEN, note="Much.", by=sam(), at=now())
    return made.card


ATTACKS = Attacks(scene)


def _entry(attacker: Sql, kind: str, cents: int, who: str = "alice", **of: Any) -> Any:
    """An entry, of things by the names that the scene gives them; it as it was kept."""
    client = attacker.facts[who]
    known = {name: attacker.facts.get(key, key) for name, key in of.items()}
    values = {"client_id": client, "kind": kind, "delta_cents": cents} | known
    insert(attacker, "credit_entries", values)
    return attacker.run(
        "SELECT * FROM credit_entries WHERE client_id = %(client)s ORDER BY seq DESC LIMIT 1",
        client=client,
    )


def _back(attacker: Sql, order: str, cents: int, who: str = "alice", key: str = "again") -> Any:
    more = {"request_key": key, "reason": "refund"}
    return _entry(attacker, "returned", cents, who, order_id=order, **more)


def _make(attacker: Sql, cents: int = 20_00, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"G-{key.hex[:8]}",
        "cents": cents,
        "origin": "given",
        "note": "Why not.",
        "status": "proposed",
        "proposed_by_id": attacker.facts["mona"],
    } | given
    seq = attacker.tell("gift_card", key, "proposed")
    insert(attacker, "gift_cards", values | {"state_seq": seq})
    return key


def _issue(attacker: Sql, which: Any, **given: Any) -> None:
    code = {"code_hash": attacker.facts["code"], "last4": "TACK"}
    _to(attacker, "gift_card", which, "issued", **(code | given))


def _correct(attacker: Sql, cents: int = 1_00, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"CR-{key.hex[:8]}",
        "client_id": attacker.facts["alice"],
        "delta_cents": cents,
        "note": "Why not.",
        "status": "proposed",
        "proposed_by_id": attacker.facts["mona"],
    } | given
    seq = attacker.tell("credit_correction", key, "proposed")
    insert(attacker, "credit_corrections", values | {"state_seq": seq})
    return key


def _to(attacker: Sql, machine: str, which: Any, to: str, **given: Any) -> None:
    """Change a status with its event, and other columns with it."""
    key = attacker.facts.get(which, which)
    seq = attacker.tell(machine, key, to)
    table = {"gift_card": "gift_cards", "credit_correction": "credit_corrections"}[machine]
    update(attacker, table, key, status=to, state_seq=seq, **given)


def _void(attacker: Sql, who: str) -> None:
    by = {"voided_by_id": attacker.facts[who], "void_reason": "Why not."}
    _to(attacker, "gift_card", "issued", "voided", **by)


def _redeem(attacker: Sql, which: str = "issued", who: str = "alice") -> None:
    _to(attacker, "gift_card", which, "redeemed", redeemed_by_id=attacker.facts[who])


def _end_order(attacker: Sql, order: str = "part") -> None:
    """Give the units back and cancel it, as the code does; the credit is somebody else's."""
    attacker.run(
        "UPDATE reservation_parts SET ended_at = shop_now()"
        " WHERE reservation_id = %(part_units)s AND ended_at IS NULL"
    )
    attacker.run("UPDATE reservations SET released_at = shop_now() WHERE id = %(part_units)s")
    attacker.move("order_line", attacker.facts["part_line"], "cancelled")
    attacker.move("order", attacker.facts[order], "cancelled")


# The honest ways.


@ATTACKS.passes()
def _made_issued_and_redeemed(attacker: Sql) -> None:
    card = _make(attacker)
    _issue(attacker, card)
    _to(attacker, "gift_card", card, "redeemed", redeemed_by_id=attacker.facts["alice"])
    _entry(attacker, "redeemed", 20_00, card_id=card)


@ATTACKS.passes()
def _a_large_one_confirmed_and_voided(attacker: Sql) -> None:
    _issue(attacker, "proposed", decided_by_id=attacker.facts["mona"])
    _void(attacker, "mona")


@ATTACKS.passes()
def _corrected(attacker: Sql) -> None:
    made = _correct(attacker)
    _to(attacker, "credit_correction", made, "booked")
    _entry(attacker, "issued", 1_00, correction_id=made)
    _to(attacker, "credit_correction", "asked", "booked", decided_by_id=attacker.facts["mona"])
    _entry(attacker, "issued", LARGE, correction_id="asked")


@ATTACKS.passes()
def _an_account_opened(attacker: Sql) -> None:
    insert(attacker, "credit_accounts", {"client_id": attacker.facts["new_client"]})


@ATTACKS.passes()
def _an_order_ended_and_its_credit_back(attacker: Sql) -> None:
    _end_order(attacker)
    spent = row(attacker, "orders", attacker.facts["part"])["credit_cents"]
    _back(attacker, "part", spent, "bob")


# The ledger.

ATTACKS.each(
    {
        "more spent than there is": (
            lambda a: _entry(a, "spent", -1, "poor", order_id="plain"),
            "credit_is_never_negative",
        ),
        "the account of nobody": (
            lambda a: _entry(a, "spent", -1, "new_client", order_id="plain"),
            "credit_entries_client_id_fkey",
        ),
        "an account of staff": (
            lambda a: insert(a, "credit_accounts", {"client_id": a.facts["sam"]}),
            "credit_account_is_a_clients",
        ),
        "another's credit spent": (
            lambda a: _entry(a, "spent", -100, "bob", order_id="plain"),
            "credit_is_of_the_orders_client",
        ),
        "spent for an order that does not say so": (
            lambda a: _entry(a, "spent", -100, order_id="plain"),
            "order_spent_its_credit",
        ),
        "spent twice for an order": (
            lambda a: _entry(a, "spent", -100, order_id="waiting"),
            "order_spends_credit_once",
        ),
        "more came back than was spent": (
            lambda a: _back(a, "waiting", 50_00),
            "no_more_credit_returns_than_was_spent",
        ),
        "came back from an order that spent nothing": (
            lambda a: _back(a, "plain", 1),
            "no_more_credit_returns_than_was_spent",
        ),
        "came back twice of an order that is over": (
            lambda a: _back(a, "over", 1, "bob"),
            "no_more_credit_returns_than_was_spent",
        ),
        "came back twice for one request": (
            lambda a: [_back(a, "waiting", 1) for _ in "ab"],
            "credit_is_returned_once_a_request",
        ),
        "an order ended and kept the credit": (_end_order, "ended_order_gave_its_credit_back"),
        "an order ended and gave half of it back": (
            lambda a: (_end_order(a), _back(a, "part", 1, "bob")),
            "ended_order_gave_its_credit_back",
        ),
        "corrected before it was confirmed": (
            lambda a: _entry(a, "issued", LARGE, correction_id="asked"),
            "credit_is_corrected_as_was_booked",
        ),
        "booked twice": (
            lambda a: _entry(a, "issued", 1_00, correction_id="booked"),
            "correction_is_booked_once",
        ),
        "more booked than was corrected": (
            lambda a: (
                _to(a, "credit_correction", "asked", "booked", decided_by_id=a.facts["mona"]),
                _entry(a, "issued", LARGE + 1, correction_id="asked"),
            ),
            "entry_is_what_was_corrected",
        ),
        "redeemed into an account that the card does not name": (
            lambda a: (_redeem(a), _entry(a, "redeemed", 20_00, "bob", card_id="issued")),
            "card_is_redeemed_whole",
        ),
        "more redeemed than the card is of": (
            lambda a: (_redeem(a), _entry(a, "redeemed", 20_01, card_id="issued")),
            "card_is_redeemed_whole",
        ),
        "booked and not redeemed": (
            lambda a: _entry(a, "redeemed", 20_00, card_id="issued"),
            "card_is_redeemed_whole",
        ),
        "redeemed and not booked": (_redeem, "redeemed_card_is_in_the_account"),
        "redeemed twice": (
            lambda a: _entry(a, "redeemed", 20_00, card_id="redeemed"),
            "gift_card_is_redeemed_once",
        ),
    }
)

ATTACKS.each(
    {
        "an order says that more was spent": (
            "UPDATE orders SET credit_cents = credit_cents + 1 WHERE id = %(part)s",
            "order_spent_its_credit",
        ),
        "an account begins rich": (
            (
                "INSERT INTO credit_accounts (client_id, balance_cents)"
                " VALUES (%(new_client)s, 1000)"
            ),
            "account_shows_its_last_entry",
        ),
        "an account made rich": (
            "UPDATE credit_accounts SET balance_cents = 1000 WHERE client_id = %(poor)s",
            "account_shows_its_last_entry",
        ),
        "an account forgets its ledger": (
            "UPDATE credit_accounts SET ledger_seq = NULL WHERE client_id = %(alice)s",
            "account_shows_its_last_entry",
        ),
        "an account shows an earlier entry": (
            (
                "UPDATE credit_accounts a SET ledger_seq = e.seq, balance_cents = e.balance_cents"
                " FROM credit_entries e WHERE e.client_id = a.client_id AND e.seq = 1"
                " AND a.client_id = %(alice)s"
            ),
            "account_shows_its_last_entry",
        ),
    },
    OWNER,
)


@ATTACKS.undone("credit_entry_chained", OWNER)
def _numbers_and_balances_made_up(attacker: Sql) -> bool:
    forged = {"seq": 1, "previous_cents": 0, "balance_cents": 99_00, "actor": "", "at": LONG_AGO}
    before = attacker.run("SELECT * FROM credit_accounts WHERE client_id = %(alice)s")
    kept = _entry(
        attacker,
        "returned",
        1,
        order_id="waiting",
        request_key="forged",
        reason="refund",
        **forged,
    )
    told = (kept["seq"], kept["previous_cents"], kept["balance_cents"])
    true = (before["ledger_seq"] + 1, before["balance_cents"], before["balance_cents"] + 1)
    return told == true and kept["actor"] == "person:mallory" and kept["at"] > LONG_AGO


@ATTACKS.undone("account_guard", OWNER)
def _an_account_opened_long_ago(attacker: Sql) -> bool:
    values = {"client_id": attacker.facts["new_client"], "opened_at": LONG_AGO}
    insert(attacker, "credit_accounts", values)
    kept = attacker.run("SELECT opened_at FROM credit_accounts WHERE client_id = %(new_client)s")
    return bool(kept["opened_at"] > LONG_AGO)


# Gift cards.

ATTACKS.each(
    {
        "a card made by a client": (
            lambda a: _make(a, proposed_by_id=a.facts["alice"]),
            "gift_card_is_by_who_works_at_the_desk",
        ),
        "a card made by whoever left": (
            lambda a: _make(a, proposed_by_id=a.facts["gone"]),
            "gift_card_is_by_who_works_at_the_desk",
        ),
        "a large card of one person": (
            lambda a: _issue(a, "proposed"),
            "large_gift_card_is_confirmed",
        ),
        "a large card in small steps": (
            lambda a: [_issue(a, _make(a, 60_00), code_hash=hashed) for hashed in HASHES],
            "large_gift_card_is_confirmed",
        ),
        "a large card confirmed by a client": (
            lambda a: _issue(a, "proposed", decided_by_id=a.facts["alice"]),
            "gift_card_is_by_who_works_at_the_desk",
        ),
        "a large card confirmed by who proposed it": (
            lambda a: _issue(
                a,
                "proposed",
                decided_by_id=row(a, "gift_cards", a.facts["proposed"])["proposed_by_id"],
            ),
            "gift_card_is_decided_by_another",
        ),
        "another code put on a card": (
            lambda a: update(a, "gift_cards", a.facts["issued"], code_hash=a.facts["code"]),
            "gift_card_is_issued_once",
        ),
        "said to be confirmed by another": (
            lambda a: update(a, "gift_cards", a.facts["issued"], decided_by_id=a.facts["mona"]),
            "gift_card_is_issued_once",
        ),
        "said to be voided by another": (
            lambda a: update(a, "gift_cards", a.facts["voided"], voided_by_id=a.facts["gone"]),
            "gift_card_ends_once",
        ),
        "voided by staff": (lambda a: _void(a, "sam"), "gift_card_is_voided_by_a_manager"),
        "voided by a manager who left": (
            lambda a: _void(a, "gone"),
            "gift_card_is_voided_by_a_manager",
        ),
        "a voided card redeemed": (
            lambda a: update(
                a,
                "gift_cards",
                a.facts["voided"],
                status="issued",
                state_seq=2,
            ),
            "gift_card_goes_along_an_arrow",
        ),
    }
)


@ATTACKS.refused("gift_card_begins_proposed", OWNER)
def _a_card_that_begins_issued(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("gift_card", key, "proposed")
    seq = attacker.tell("gift_card", key, "issued")
    values = {"id": key, "number": "G-X", "cents": 1000, "origin": "given", "note": "x"}
    values |= {"status": "issued", "state_seq": seq, "proposed_by_id": attacker.facts["sam"]}
    values |= {"code_hash": attacker.facts["code"], "last4": "TACK", "issued_at": LONG_AGO}
    insert(attacker, "gift_cards", values)


@ATTACKS.undone("gift_card_guard", OWNER)
def _a_large_card_said_to_be_small_and_old(attacker: Sql) -> bool:
    forged = {"large": False, "proposed_at": LONG_AGO}
    kept = row(attacker, "gift_cards", _make(attacker, LARGE, **forged))
    return bool(kept["large"] and kept["proposed_at"] > LONG_AGO)


@ATTACKS.undone("gift_card_guard", OWNER)
def _issued_and_voided_long_ago(attacker: Sql) -> bool:
    card = _make(attacker)
    _issue(attacker, card, issued_at=LONG_AGO)
    by = {"voided_by_id": attacker.facts["mona"], "void_reason": "x", "ended_at": LONG_AGO}
    _to(attacker, "gift_card", card, "voided", **by)
    kept = row(attacker, "gift_cards", card)
    return bool(kept["issued_at"] > LONG_AGO and kept["ended_at"] > LONG_AGO)


# Corrections.


ATTACKS.each(
    {
        "credit given by a client": (
            lambda a: _correct(a, proposed_by_id=a.facts["alice"]),
            "credit_correction_is_by_who_works_at_the_desk",
        ),
        "confirmed by a client": (
            lambda a: _to(
                a, "credit_correction", "asked", "booked", decided_by_id=a.facts["alice"]
            ),
            "credit_correction_is_by_who_works_at_the_desk",
        ),
        "much given by one": (
            lambda a: _to(a, "credit_correction", "asked", "booked"),
            "large_credit_correction_is_confirmed",
        ),
        "a cent taken back by one": (
            lambda a: _to(a, "credit_correction", _correct(a, -1), "booked"),
            "large_credit_correction_is_confirmed",
        ),
        "much given by who proposed it": (
            lambda a: _to(a, "credit_correction", "asked", "booked", decided_by_id=a.facts["sam"]),
            "credit_correction_is_decided_by_another",
        ),
        "said to be declined by another": (
            lambda a: update(
                a, "credit_corrections", a.facts["refused"], decided_by_id=a.facts["gone"]
            ),
            "credit_correction_is_decided_once",
        ),
        "booked and not in the account": (
            lambda a: _to(a, "credit_correction", _correct(a), "booked"),
            "booked_correction_moved_its_credit",
        ),
        "asked for again": (
            (
                "UPDATE credit_corrections SET status = 'proposed', state_seq = 1,"
                " decided_by_id = NULL WHERE id = %(booked)s"
            ),
            "credit_correction_goes_along_an_arrow",
        ),
    }
)


@ATTACKS.refused("credit_correction_begins_proposed", OWNER)
def _a_correction_that_begins_booked(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("credit_correction", key, "proposed")
    seq = attacker.tell("credit_correction", key, "booked")
    values = {"id": key, "number": "CR-X", "delta_cents": 1, "note": "x", "status": "booked"}
    values |= {"state_seq": seq, "client_id": attacker.facts["alice"]}
    insert(attacker, "credit_corrections", values | {"proposed_by_id": attacker.facts["sam"]})


@ATTACKS.undone("credit_correction_guard", OWNER)
def _a_large_correction_said_to_be_small_and_old(attacker: Sql) -> bool:
    forged = {"large": False, "proposed_at": LONG_AGO}
    kept = row(attacker, "credit_corrections", _correct(attacker, LARGE, **forged))
    return bool(kept["large"] and kept["proposed_at"] > LONG_AGO)
