"""Save a card for later orders: asked for by the client, typed at the provider, known here by name.

The card is typed on the provider's page only: while she pays an order (`settling.begin` with her
consent), or alone, on a page that takes no money. Each saving has a customer of its own at the
provider, which knows of her nothing but what she types there.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.payments import queries
from shop.payments.errors import OtherStatement
from shop.payments.gateway import Card, SessionState, SetupPage
from shop.payments.models import CardSetup, SavedCard
from shop.payments.planning import Operation, plan

# What a client agrees to. Other words need another version: what was agreed to stays as it was.
STATEMENT_VERSION = "2026-11"
STATEMENT = (
    "Save my card with the clinic's payment provider. The clinic may charge it without asking me"
    " again for orders that I place or that I have set to be refilled, each for the total that I"
    " am told of. I can remove the card at any time in my account; it is not charged from then on."
)
# As for a payment's page: longer than the provider's 30 minutes, so that a lost call can go again.
PAGE_OPEN = timedelta(minutes=35)

log = structlog.get_logger()


@dataclass(frozen=True)
class CardTold:
    """What the provider says of the card that was typed for a setup."""

    setup_ref: str | None
    card: Card


def begin(client: Person, *, consent: str, at: datetime, base_url: str) -> CardSetup:
    """Begin to save a card without paying, or go on where a page for it is open.

    Plans the call that opens the provider's page. `consent` is the version of the statement she
    agreed to. Raises OtherStatement.
    """
    under_way = queries.open_setup(client, at=at)
    if under_way is not None and under_way.statement_version == consent:
        return under_way
    setup = consented(client, consent)
    page_ends_at = (at + PAGE_OPEN).replace(microsecond=0)
    setup.page_ends_at = page_ends_at
    db.session.flush()
    page = f"{base_url}/account/cards"
    plan(
        Operation.OPEN_SETUP,
        setup.id,
        order_id=None,
        setup_ref=str(setup.id),
        success_url=f"{page}/saved",
        cancel_url=page,
        expires_at=page_ends_at.isoformat(),
    )
    return setup


def consented(client: Person, version: str) -> CardSetup:
    """Keep what she agreed to. Raises OtherStatement when it is not what stands here today."""
    if version != STATEMENT_VERSION:
        raise OtherStatement(
            "What saving a card means has changed. Read it again.", version=STATEMENT_VERSION
        )
    setup = CardSetup(
        id=uuid.uuid4(),
        client_id=client.id,
        statement=STATEMENT,
        statement_version=STATEMENT_VERSION,
    )
    db.session.add(setup)
    events.record(Kind.CARD_SAVING_BEGUN, setup, client=str(client.id), statement=version)
    return setup


def apply_page(page: SetupPage, *, setup_id: uuid.UUID | None = None) -> None:
    """Apply what the provider says of a page to save a card on. Repeatable, in any order."""
    setup = queries.locked_setup(setup_id or page.setup_ref)
    if setup is None or setup.page_ends_at is None:
        log.warning("foreign_setup", session=page.id)
        return
    setup.provider_session_id = page.id
    setup.url = page.url if page.state is SessionState.OPEN else None


def apply_card(told: CardTold) -> None:
    """A card was typed and kept for a setup: from now on it is saved. Repeatable."""
    setup, card = queries.locked_setup(told.setup_ref), told.card
    if setup is None:
        log.warning("foreign_card", method=card.id)
        return
    if queries.card_of_setup(setup.id) is not None or card.customer_id is None:
        return
    setup.url = None
    saved = SavedCard(
        id=uuid.uuid4(),
        setup_id=setup.id,
        client_id=setup.client_id,
        provider_customer_id=card.customer_id,
        provider_method_id=card.id,
        brand=card.brand,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
    )
    db.session.add(saved)
    events.record(Kind.CARD_SAVED, saved, client=str(setup.client_id), setup=str(setup.id))
