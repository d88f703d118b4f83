"""Attacks on saved cards, the consent behind them, and charges of them: whose, how often, removed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.payments import charging, queries, removing, saving
from shop.payments.saving import STATEMENT, STATEMENT_VERSION
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.orders import begin_payment, money_comes, order_moves
from tests.payments.orders_to_pay import an_order
from tests.payments.refill_orders import of_a_refill
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, eva

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """A client with two orders that wait and a charge under way, a card, and one she removed.

    She agreed to save one while she pays, too, and is on a page to save another.
    """
    client = alice()
    order, charged = an_order(client), an_order(client)
    card, removed = a_saved_card(client), a_saved_card(client)
    removing.remove(removed, by=client, at=now())
    for one in (order, charged):
        of_a_refill(one, card)
    charge = charging.charge(queries.locked_order(charged.id), card, at=now())
    agreed = saving.consented(client, STATEMENT_VERSION)
    alone = saving.begin(client, consent=STATEMENT_VERSION, at=now(), base_url="http://x")
    alone.provider_session_id, alone.url = f"cs_{alone.id.hex}", "https://provider.test/page"
    facts = {
        "client": client.id,
        "eva": eva().id,
        "order": order.id,
        "card": card.id,
        "removed": removed.id,
        "charge": charge.id,
        "agreed": agreed.id,
        "alone": alone.id,
        "others_card": a_saved_card(alice()).id,
        "others_consent": saving.consented(alice(), STATEMENT_VERSION).id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _agree(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "client_id": attacker.facts["client"],
        "statement": STATEMENT,
        "statement_version": STATEMENT_VERSION,
    }
    insert(attacker, "card_setups", values | given)
    return key


def _save(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "setup_id": attacker.facts["alone"],
        "client_id": attacker.facts["client"],
        "provider_customer_id": "cus_mine",
        "provider_method_id": f"pm_{key.hex}",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2049,
    }
    insert(attacker, "saved_cards", values | given)
    return key


def _charge(attacker: Sql, card: str = "card", **given: Any) -> Any:
    terms = {"card_id": attacker.facts[card], "page_ends_at": None}
    return begin_payment(attacker, attacker.facts["order"], **(terms | given))


def _pay_and_save(attacker: Sql, consent: str) -> Any:
    return begin_payment(attacker, attacker.facts["order"], setup_id=attacker.facts[consent])


def _call(attacker: Sql, operation: str, order: Any) -> None:
    key = uuid.uuid4()
    values = {
        "id": key,
        "operation": operation,
        "reference_id": key,
        "order_id": order,
        "idempotency_key": f"{operation}:{key}",
        "parameters": "{}",
        "status": "planned",
    }
    insert(attacker, "provider_calls", values)


# The honest ways.


@ATTACKS.passes(APP, WORKER)
def _a_card_agreed_to_and_saved(attacker: Sql) -> None:
    _save(attacker, setup_id=_agree(attacker))


@ATTACKS.passes(APP, WORKER)
def _a_card_charged_and_removed(attacker: Sql) -> None:
    payment = _charge(attacker)
    order_moves(attacker, attacker.facts["order"])
    money_comes(attacker, payment, provider_intent_id="pi_mine", livemode=False)
    update(attacker, "saved_cards", attacker.facts["card"], removed_at=LONG_AGO)
    _call(attacker, "detach_card", None)


@ATTACKS.passes(APP, WORKER)
def _a_card_saved_while_paying(attacker: Sql) -> None:
    _pay_and_save(attacker, "agreed")
    _save(attacker, setup_id=attacker.facts["agreed"])


@ATTACKS.passes(APP, WORKER)
def _a_page_to_save_a_card_opened_and_closed(attacker: Sql) -> None:
    soon = attacker.run("SELECT shop_now() + interval '35 min' AS ends")["ends"]
    key = _agree(attacker, page_ends_at=soon)
    update(attacker, "card_setups", key, provider_session_id="cs_mine", url="https://x.test")
    update(attacker, "card_setups", key, url=None)


# What was agreed to stays, and is hers.

ATTACKS.each(
    {
        "a card saved by who is no client": (
            lambda a: _agree(a, client_id=a.facts["eva"]),
            "card_is_saved_by_a_client",
        ),
        "agreed to nothing": (
            lambda a: _agree(a, statement=""),
            "card_setup_says_what_was_agreed_to",
        ),
        "agreed to words without a version": (
            lambda a: _agree(a, statement_version=""),
            "card_setup_says_what_was_agreed_to",
        ),
        "a setup born with its page": (
            lambda a: _agree(a, url="https://mine.test"),
            "card_setup_begins_without_its_page",
        ),
        "a page beside a payment's": (
            "UPDATE card_setups SET url = 'https://mine.test' WHERE id = %(agreed)s",
            "card_setup_of_a_payment_has_no_page",
        ),
        "another page for a setup": (
            "UPDATE card_setups SET provider_session_id = 'cs_mine' WHERE id = %(alone)s",
            "card_setup_has_one_page",
        ),
        "the page of another setup": (
            (
                lambda a: update(
                    a,
                    "card_setups",
                    _agree(a, page_ends_at=LONG_AGO),
                    provider_session_id=row(a, "card_setups", a.facts["alone"])[
                        "provider_session_id"
                    ],
                )
            ),
            "card_setups_session_key",
        ),
        "a card under another's consent": (
            lambda a: _save(a, setup_id=a.facts["others_consent"]),
            "card_is_saved_with_its_clients_consent",
        ),
        "a second card under one consent": (
            lambda a: (_save(a), _save(a)),
            "saved_cards_setup_key",
        ),
        "the provider's card twice": (
            lambda a: _save(
                a, provider_method_id=row(a, "saved_cards", a.facts["card"])["provider_method_id"]
            ),
            "saved_cards_method_key",
        ),
        "a card that shows its number": (
            lambda a: _save(a, last4="4242424242424242"),
            "card_shows_four_digits",
        ),
        "a brand that says more": (
            lambda a: _save(a, brand="visa 4242 4242"),
            "card_brand_is_a_word",
        ),
        "a card that ends in no month": (
            lambda a: _save(a, exp_month=13),
            "card_ends_in_a_month",
        ),
        "a card without its customer": (
            lambda a: _save(a, provider_customer_id=""),
            "card_has_its_provider_names",
        ),
        "a removed card that is back": (
            "UPDATE saved_cards SET removed_at = NULL WHERE id = %(removed)s",
            "removed_card_stays_removed",
        ),
        "a removed card removed again": (
            (
                "UPDATE saved_cards SET removed_at = shop_now() - interval '1 year'"
                " WHERE id = %(removed)s"
            ),
            "removed_card_stays_removed",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("card_setup_guard", OWNER)
def _agreed_long_ago(attacker: Sql) -> bool:
    made = row(attacker, "card_setups", _agree(attacker, consented_at=LONG_AGO))
    return bool(made["consented_at"] > LONG_AGO)


@ATTACKS.undone("saved_card_guard", OWNER)
def _saved_long_ago(attacker: Sql) -> bool:
    made = row(attacker, "saved_cards", _save(attacker, saved_at=LONG_AGO))
    return bool(made["saved_at"] > LONG_AGO)


@ATTACKS.undone("saved_card_guard", APP, WORKER)
def _removed_long_ago(attacker: Sql) -> bool:
    born = row(attacker, "saved_cards", _save(attacker, removed_at=LONG_AGO))
    update(attacker, "saved_cards", attacker.facts["card"], removed_at=LONG_AGO)
    removed = row(attacker, "saved_cards", attacker.facts["card"])
    return born["removed_at"] is None and bool(removed["removed_at"] > LONG_AGO)


# A card is charged for its owner's orders, while it is hers to be charged.

ATTACKS.each(
    {
        "a removed card charged": (
            lambda a: _charge(a, "removed"),
            "removed_card_is_not_charged",
        ),
        "another's card charged": (
            lambda a: _charge(a, "others_card"),
            "card_is_charged_for_its_owners_order",
        ),
        "a card that nobody saved charged": (
            lambda a: _charge(a, card_id=a.facts["new"]),
            "card_is_charged_for_its_owners_order",
        ),
        "a charge and a page in one": (
            lambda a: _charge(a, page_ends_at=LONG_AGO),
            "payment_has_a_page_a_card_or_a_tender",
        ),
        "a payment by nothing": (
            lambda a: begin_payment(a, a.facts["order"], page_ends_at=None),
            "payment_has_a_page_a_card_or_a_tender",
        ),
        "a charge that saves a card": (
            lambda a: _charge(a, setup_id=a.facts["agreed"]),
            "charge_saves_no_card",
        ),
        "a charge that was given a page": (
            "UPDATE payments SET provider_session_id = 'cs_mine' WHERE id = %(charge)s",
            "charge_has_no_page",
        ),
        "a charge that was given an address": (
            "UPDATE payments SET url = 'https://mine.test' WHERE id = %(charge)s",
            "charge_has_no_page",
        ),
        "a charge that can be paid on a page": (
            lambda a: a.move("payment", a.facts["charge"], "open"),
            "charge_is_never_open",
        ),
        "a page to pay on beside a charge": (
            lambda a: begin_payment(a, row(a, "payments", a.facts["charge"])["order_id"]),
            "payments_one_live",
        ),
        "a card saved while another pays": (
            lambda a: _pay_and_save(a, "others_consent"),
            "card_is_saved_while_its_owner_pays",
        ),
        "a card saved on a page that is not the payment's": (
            lambda a: _pay_and_save(a, "alone"),
            "card_is_saved_while_its_owner_pays",
        ),
        "a refund of no order": (
            lambda a: _call(a, "refund", None),
            "call_is_about_an_order_or_a_card",
        ),
        "a card detached for an order": (
            lambda a: _call(a, "detach_card", a.facts["order"]),
            "call_is_about_an_order_or_a_card",
        ),
        "a call of no kind": (
            lambda a: _call(a, "charge_again", a.facts["order"]),
            "call_operation_is_known",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.refused("payments_setup_key", APP, WORKER)
def _one_consent_for_two_payments(attacker: Sql) -> None:
    first = _pay_and_save(attacker, "agreed")
    attacker.move("payment", first, "cancelled")
    _pay_and_save(attacker, "agreed")


ATTACKS.each(
    {
        "another card for a charge": (
            "UPDATE payments SET card_id = %(others_card)s WHERE id = %(charge)s",
            "charge_is_kept",
        ),
        "a consent for a charge after all": (
            "UPDATE payments SET setup_id = %(agreed)s WHERE id = %(charge)s",
            "charge_is_kept",
        ),
    },
    OWNER,
)

# Kept, even from the owner.

ATTACKS.each(
    {
        f"{verb} {table}": (statement.format(table), f"{table}_are_kept")
        for table in ("card_setups", "saved_cards")
        for verb, statement in {
            "remove": "DELETE FROM {}",
            "empty": "TRUNCATE {} CASCADE",
        }.items()
    },
    OWNER,
)
