"""A client saves a card with her consent, sees what she has saved, and takes it back."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.models import Order
from shop.payments import calls, chasing, following, queries, reconciling, removing, webhook
from shop.payments.gateway import Gateway
from shop.payments.models import CardSetup, ProviderEvent
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.saving import STATEMENT, STATEMENT_VERSION
from tests.accounts.test_access import a_session, a_token
from tests.payments.conftest import Control, Inbox
from tests.payments.orders_to_pay import OutsideTransactions, an_order, how
from tests.payments.refill_orders import planned
from tests.payments.saved_cards import a_card_at_the_bank, a_saved_card
from tests.payments.test_settling_doors import hear
from tests.payments.test_settling_faults import grown_old
from tests.people import alice, bob


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    """The real one, which fails the test when the shop calls it inside a transaction."""
    return OutsideTransactions(gateway)


@pytest.fixture
def shop(app: Flask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The shop, with the sandbox as its bank."""
    monkeypatch.setitem(app.extensions, "gateway", gateway)
    return app


@pytest.fixture
def client(shop: Flask) -> Person:
    somebody = alice(name="Canary Moreno")
    db.session.commit()
    return somebody


@pytest.fixture
def program(client: Person) -> dict[str, str]:
    """The headers of the client's own program."""
    return a_token(client, ["shop", "read"]) | {"Idempotency-Key": "pay-1"}


@pytest.fixture
def browser_of(shop: Flask, client: Person) -> FlaskClient:
    session, _ = a_session(shop, client)
    return session


def sent(browser: FlaskClient, page: str, path: str, **form: str) -> Any:
    """A form of a page, sent with the page's own token."""
    token = browser.get(page).text.split('name="csrf_token" value="')[-1].split('"')[0]
    return browser.post(path, data={"csrf_token": token, **form})


def pay(shop: Flask, order: Order, headers: dict[str, str], **body: Any) -> Any:
    return shop.test_client().post(
        f"/api/v1/orders/{order.number}/payment", headers=headers, json=body
    )


def test_a_card_is_saved_while_its_owner_pays(
    shop: Flask,
    client: Person,
    program: dict[str, str],
    visitor: Visitor,
    gateway: Gateway,
    browser_of: FlaskClient,
) -> None:
    order = an_order(client)
    answer = pay(shop, order, program, save_card=STATEMENT_VERSION)
    assert "The card is saved" in visitor.look(answer.json["url"]).page
    visitor.pay(answer.json["url"])

    browser_of.get(f"/orders/{order.number}/paid")

    act_as("system:test")
    assert how(order) == ("paid", ["succeeded"])
    [card] = queries.cards_of(client)
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 12, 2049)
    assert (card.setup.statement, card.setup.statement_version) == (STATEMENT, STATEMENT_VERSION)
    later = an_order(client)
    planned(later, card)
    calls.send_for(later.id, gateway)
    assert how(later) == ("paid", ["succeeded"])
    assert reconciling.differences(gateway) == []


def test_who_does_not_ask_for_it_keeps_her_card_to_herself(
    shop: Flask, client: Person, program: dict[str, str], visitor: Visitor, gateway: Gateway
) -> None:
    order = an_order(client)
    visitor.pay(pay(shop, order, program).json["url"])
    act_as("system:test")
    (payment,) = queries.payments_of(order.id)
    db.session.commit()

    following.payment(payment.id, gateway)

    assert queries.cards_of(client) == []


def test_an_open_page_does_with_the_card_what_was_agreed(
    shop: Flask, client: Person, program: dict[str, str]
) -> None:
    order = an_order(client)
    pay(shop, order, program)
    other = pay(shop, order, program | {"Idempotency-Key": "pay-2"}, save_card=STATEMENT_VERSION)
    stale = pay(shop, an_order(client), program | {"Idempotency-Key": "pay-3"}, save_card="2020-01")

    assert (other.status_code, other.json["code"]) == (409, "payment_page_saves_differently")
    assert (stale.status_code, stale.json["code"]) == (409, "card_statement_changed")
    assert db.session.scalar(sa.select(CardSetup).where(CardSetup.client_id == client.id)) is None


def test_a_page_that_saves_the_card_is_gone_back_to(
    shop: Flask, client: Person, program: dict[str, str], browser_of: FlaskClient
) -> None:
    order = an_order(client)
    url = pay(shop, order, program, save_card=STATEMENT_VERSION).json["url"]
    for page in (f"/orders/{order.number}", f"/orders/{order.number}/paid"):
        shown = browser_of.get(page).text
        field = f'<input type="hidden" name="save_card" value="{STATEMENT_VERSION}">'
        assert (field in shown, "checkbox" in shown) == (True, False)
    path = f"/orders/{order.number}/payment"
    led = sent(browser_of, f"/orders/{order.number}", path, save_card=STATEMENT_VERSION)
    assert led.headers["Location"] == url


def test_the_order_says_how_its_charge_stands(
    shop: Flask, client: Person, visitor: Visitor, gateway: Gateway, browser_of: FlaskClient
) -> None:
    order = an_order(client)
    card = a_card_at_the_bank(client, gateway, visitor, number=cards.DECLINES_LATER)
    planned(order, card)
    waiting = browser_of.get(f"/orders/{order.number}").text
    act_as("system:test")
    calls.send_for(order.id, gateway)
    declined = browser_of.get(f"/orders/{order.number}").text

    assert "Your card ending in 0341 is being charged" in waiting
    assert "<button>Pay" not in waiting
    assert "Your card ending in 0341 was not charged" in declined
    assert "Your bank declined it" in declined
    assert "<button>Pay" in declined


@pytest.mark.parametrize(
    ("removed", "told"), [(True, "You removed it"), (False, "Your bank could not be asked in time")]
)
def test_the_order_blames_no_bank_that_was_not_asked(
    removed: bool, told: str, shop: Flask, client: Person, gateway: Gateway, browser_of: FlaskClient
) -> None:
    order, card = an_order(client), a_saved_card(client)
    payment = planned(order, card)
    if removed:
        removing.remove(card, by=client, at=now())
        db.session.commit()
        calls.send_for(order.id, gateway)
    else:
        grown_old(payment, "charge_card")
        order.pay_by = now()
        db.session.commit()
        chasing.overdue_orders(gateway)

    page = browser_of.get(f"/orders/{order.number}").text

    assert "was not charged" in page
    assert told in page
    assert "declined" not in page


@pytest.mark.parametrize("first", ["webhook", "client"])
def test_a_card_is_saved_alone_and_removed(
    first: str,
    shop: Flask,
    client: Person,
    visitor: Visitor,
    gateway: Gateway,
    sandbox: Any,
    inbox: Inbox,
    browser_of: FlaskClient,
) -> None:
    refused = sent(browser_of, "/account/cards", "/account/cards")
    assert (refused.status_code, "Your consent" in refused.text) == (422, True)
    led = sent(browser_of, "/account/cards", "/account/cards", consent=STATEMENT_VERSION)
    again = sent(browser_of, "/account/cards", "/account/cards", consent=STATEMENT_VERSION)
    assert again.headers["Location"] == led.headers["Location"]
    assert (
        visitor.pay(led.headers["Location"]).location
        == f"{led.request.host_url}account/cards/saved"
    )
    sandbox.courier.deliver_due()
    if first == "client":
        browser_of.get("/account/cards/saved")
    for body, header in inbox.taken[::-1]:
        assert hear(shop, body, header).status_code == 200
    act_as("system:worker")
    for told in db.session.scalars(sa.select(ProviderEvent.id)).all():
        webhook.follow(told, gateway)
    browser_of.get("/account/cards/saved")

    page = browser_of.get("/account/cards").text
    assert "Visa ending in 4242" in page
    act_as("system:test")
    [card] = queries.cards_of(client)
    gone = sent(browser_of, "/account/cards", f"/account/cards/{card.id}/removal")
    assert gone.status_code == 303
    assert "ending in 4242</td>" not in browser_of.get("/account/cards").text
    act_as("system:test")
    assert queries.cards_of(client) == []
    assert [event.kind for event in events.of(card.id)] == ["card_saved", "card_removed"]
    db.session.commit()
    assert gateway.card(card.provider_method_id).customer_id is None


def test_a_program_sees_saves_and_removes(
    shop: Flask, client: Person, program: dict[str, str]
) -> None:
    card, other = a_saved_card(client), a_saved_card(bob())
    del program["Idempotency-Key"]
    web = shop.test_client()

    key = {"Idempotency-Key": "save-1"}
    opened = web.post(
        "/api/v1/me/cards", headers=program | key, json={"consent": STATEMENT_VERSION}
    )
    shown = web.get("/api/v1/me/cards", headers=program).json
    removed = [web.delete(f"/api/v1/me/cards/{one.id}", headers=program) for one in (card, other)]

    assert (opened.status_code, "/c/pay/" in opened.json["url"]) == (201, True)
    assert [one["id"] for one in shown["items"]] == [str(card.id)]
    assert shown["statement"] == {"version": STATEMENT_VERSION, "text": STATEMENT}
    assert [answer.status_code for answer in removed] == [204, 404]
    act_as("system:test")
    assert queries.cards_of(client) == []


def test_a_card_whose_words_were_lost_is_found_by_the_reconciler(
    shop: Flask, client: Person, visitor: Visitor, gateway: Gateway, browser_of: FlaskClient
) -> None:
    led = sent(browser_of, "/account/cards", "/account/cards", consent=STATEMENT_VERSION)
    visitor.pay(led.headers["Location"])
    act_as("system:test")
    [told] = [one for one in reconciling.differences(gateway) if "card" in one.kind]

    reconciling.repair(gateway)

    assert told.kind == "card_not_written_down"
    assert len(queries.cards_of(client)) == 1
    assert reconciling.differences(gateway) == []


def test_a_page_that_cannot_be_opened_is_told(
    shop: Flask, client: Person, control: Control, browser_of: FlaskClient
) -> None:
    control.post("faults", mode="dropped_before", times=2)
    told = sent(browser_of, "/account/cards", "/account/cards", consent=STATEMENT_VERSION)
    assert (told.status_code, "could not be opened" in told.text) == (503, True)


def test_a_card_the_provider_let_go_is_removed_here(
    shop: Flask, client: Person, visitor: Visitor, gateway: Gateway
) -> None:
    card = a_card_at_the_bank(client, gateway, visitor)
    db.session.commit()
    gateway.detach(card.provider_method_id, key="somebody at the provider's own desk")

    following.event("payment_method", card.provider_method_id, gateway)

    assert queries.cards_of(client) == []


def test_the_provider_learns_nothing_of_who_she_is_or_what_she_buys(
    shop: Flask,
    client: Person,
    program: dict[str, str],
    visitor: Visitor,
    gateway: Gateway,
    sandbox_database_url: str,
) -> None:
    order = an_order(client)
    visitor.pay(
        pay(shop, order, program, save_card=STATEMENT_VERSION).json["url"], name="Typed Byherself"
    )
    act_as("system:test")
    card = a_card_at_the_bank(client, gateway, visitor)
    later = an_order(client)
    planned(later, card)
    calls.send_for(later.id, gateway)

    with psycopg.connect(sandbox_database_url) as connection:
        kept = connection.execute("SELECT body::text FROM stripe_sandbox.objects").fetchall()
        answers = connection.execute("SELECT params::text FROM stripe_sandbox.answers").fetchall()
    told = " ".join(text for (text,) in kept + answers)
    assert order.number in told
    assert str(card.setup_id) in told
    lines = [word for one in (order, later) for line in one.lines for word in (line.sku, line.name)]
    for word in ("Canary", client.email, str(client.id), STATEMENT[:20], *lines):
        assert word not in told
