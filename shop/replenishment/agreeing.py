"""A client has a pack sent again by itself, on terms that she read; or agrees to other terms."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.core.money import dollars
from shop.orders import checkout
from shop.orders.checkout import Address
from shop.orders.errors import PriceChanged
from shop.orders.models import MAX_QUANTITY
from shop.orders.pricing import Totals
from shop.payments.models import SavedCard
from shop.replenishment import queries, statements
from shop.replenishment.errors import (
    CardGone,
    NotAgreed,
    RefillOver,
    RefillRefused,
    RefillThere,
    RunOutUnknown,
)
from shop.replenishment.models import AutoRefill, RefillConsent
from shop.replenishment.states import RefillStatus
from shop.replenishment.supplying import Supply
from shop.replenishment.timing import due_on


@dataclass(frozen=True)
class Wanted:
    """What is to be sent, where, how, and who pays for it with what."""

    quantity: int
    address: Address
    shipping_method: str
    card: SavedCard


@dataclass(frozen=True)
class Yes:
    """What she said yes to: the version of the statement, and the total that she saw."""

    agreed: bool
    statement_version: str
    total_cents: int


@dataclass(frozen=True)
class Terms:
    """All that is material, before anybody agrees: shown, and kept with the yes."""

    wanted: Wanted
    unit_cents: int
    totals: Totals
    due: date
    statement: str


def terms(variant: Variant, wanted: Wanted, supply: Supply, *, today: date, at: datetime) -> Terms:
    """What it would cost and when, in words. Raises RunOutUnknown, CardGone, RefillRefused,
    NotForSale, StateNotServed, UnknownShippingMethod.
    """
    if supply.run_out is None:
        raise RunOutUnknown(
            f"When this runs out is not known. {supply.why}", sku=supply.sku, why=supply.why
        )
    if not 1 <= wanted.quantity <= MAX_QUANTITY:
        raise RefillRefused(
            f"Choose 1 to {MAX_QUANTITY}.",
            fields={"quantity": [f"Must be 1 to {MAX_QUANTITY}."]},
        )
    _require_as_signed(variant, wanted, supply, at)
    require_usable(wanted.card, today)
    offer = checkout.offer(variant, wanted.quantity, at)
    totals = checkout.quote(
        [offer], shipping_method=wanted.shipping_method, state=wanted.address.state, at=at
    )
    due = max(due_on(supply.run_out.on), today)
    text = statements.statement(
        name=supply.name,
        quantity=wanted.quantity,
        total_cents=totals.total_cents,
        shipping_method=wanted.shipping_method,
        card=wanted.card,
        due=due,
    )
    return Terms(wanted, offer.price.cents, totals, due, text)


def agree(
    client: Person, variant: Variant, offered: Terms, yes: Yes, *, by: Person, at: datetime
) -> AutoRefill:
    """From now on this pack is sent again when it runs out. Raises NotAllowed, NotAgreed,
    PriceChanged, RefillThere.
    """
    _require_yes(offered, yes, client, by)
    # Her other yes, of a second click, waits here and then finds this one.
    db.session.execute(locked(sa.select(Person.id).where(Person.id == client.id), key_share=True))
    there = db.session.scalars(
        db.select(AutoRefill).where(
            AutoRefill.client_id == client.id,
            AutoRefill.variant_id == variant.id,
            AutoRefill.status != RefillStatus.CANCELLED,
        )
    ).one_or_none()
    if there is not None:
        raise RefillThere("It is sent to you by itself already.", number=there.number)
    refill = AutoRefill(
        id=uuid.uuid4(),
        number=numbers.fresh("RF"),
        client_id=client.id,
        variant_id=variant.id,
        status=RefillStatus.ACTIVE,
    )
    db.session.add(refill)
    events.record(Kind.AUTO_REFILL_AGREED, refill, cents=offered.totals.total_cents)
    db.session.flush()  # the consent points at it
    refill.consents.append(_consent(refill, offered))
    db.session.flush()  # the database numbers it
    return refill


def agree_anew(
    refill: AutoRefill, offered: Terms, yes: Yes, *, by: Person, at: datetime
) -> RefillConsent:
    """Other terms for a (locked) auto-refill: another card or address, or a price that rose.

    A charge that was announced may be taken on its day at this price. Raises NotAllowed,
    RefillOver, NotAgreed, PriceChanged.
    """
    if refill.status is RefillStatus.CANCELLED:
        raise RefillOver("This was cancelled. Agree to it anew.", number=refill.number)
    _require_yes(offered, yes, refill.client, by)
    consent = _consent(refill, offered)
    refill.consents.append(consent)
    events.record(Kind.AUTO_REFILL_AGREED, refill, cents=offered.totals.total_cents)
    db.session.flush()  # the database numbers it
    return consent


def require_usable(card: SavedCard, today: date) -> None:
    """A card that is hers to use on a day. Raises CardGone."""
    ended = (card.exp_year, card.exp_month) < (today.year, today.month)
    if card.removed_at is not None or ended:
        why = "has ended" if ended else "was removed"
        raise CardGone(
            f"The card ending in {card.last4} {why}: choose another.",
            fields={"card": [f"It {why}."]},
        )


def _require_as_signed(variant: Variant, wanted: Wanted, supply: Supply, at: datetime) -> None:
    """Another number than her prescription says is never sent. Raises RefillRefused."""
    signed = queries.per_fill(supply.client_id, variant.id, at=at)
    if signed and wanted.quantity not in signed:
        number = min(signed)
        raise RefillRefused(
            f"Your prescription is for {number} at a time. Change the quantity to {number}.",
            fields={"quantity": [f"Must be {number}."]},
        )


def _require_yes(offered: Terms, yes: Yes, client: Person, by: Person) -> None:
    if by.id != client.id:
        raise NotAllowed("Only the client agrees to what she is charged.")
    if not yes.agreed or yes.statement_version != statements.VERSION:
        raise NotAgreed(
            "Read the terms and say yes to them.",
            fields={"agreed": ["Say yes, or nothing is sent by itself."]},
            statement_version=statements.VERSION,
        )
    if yes.total_cents != offered.totals.total_cents:
        raise PriceChanged(
            f"The total is now {dollars(offered.totals.total_cents)}. Look at it again.",
            expected_cents=yes.total_cents,
            total_cents=offered.totals.total_cents,
        )


def _consent(refill: AutoRefill, offered: Terms) -> RefillConsent:
    wanted = offered.wanted
    return RefillConsent(
        id=uuid.uuid4(),
        auto_refill_id=refill.id,
        client_id=refill.client_id,
        quantity=wanted.quantity,
        unit_cents=offered.unit_cents,
        total_cents=offered.totals.total_cents,
        shipping_method=wanted.shipping_method,
        **asdict(wanted.address),
        saved_card_id=wanted.card.id,
        card=wanted.card,
        statement=offered.statement,
        statement_version=statements.VERSION,
    )
