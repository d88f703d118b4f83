"""Saved cards: one that is only here, one that the sandbox keeps, too."""

from __future__ import annotations

import uuid
from typing import Any

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.payments import calls, following, saving
from shop.payments.gateway import Card, Gateway
from shop.payments.models import SavedCard
from shop.payments.queries import card_of_setup
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.saving import STATEMENT_VERSION, CardTold


def a_saved_card(client: Person, **given: Any) -> SavedCard:
    """A card that `client` saved; committed. The provider is not asked."""
    word = uuid.uuid4().hex
    setup = saving.begin(client, consent=STATEMENT_VERSION, at=now(), base_url="http://localhost")
    fields = {
        "id": f"pm_{word}",
        "customer_id": f"cus_{word}",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2049,
    }
    db.session.flush()
    saving.apply_card(CardTold(str(setup.id), Card(**(fields | given))))
    db.session.commit()
    card = card_of_setup(setup.id)
    assert card is not None
    return card


def a_card_at_the_bank(
    client: Person, gateway: Gateway, visitor: Visitor, *, number: str = cards.PAYS
) -> SavedCard:
    """A card that `client` saved alone, on the sandbox's page."""
    setup = saving.begin(client, consent=STATEMENT_VERSION, at=now(), base_url="http://localhost")
    db.session.commit()
    calls.send_about(setup.id, gateway)
    db.session.refresh(setup)
    url, session_id = setup.url, setup.provider_session_id
    db.session.commit()
    assert url is not None
    assert session_id is not None
    visitor.pay(url, number=number)
    if number in {cards.ALWAYS_ASKS, cards.ASKS_TO_AUTHENTICATE}:
        visitor.authenticate(url, authorise=True)
    following.session(session_id, gateway)
    card = card_of_setup(setup.id)
    assert card is not None
    return card
