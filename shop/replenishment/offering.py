"""The terms of an auto-refill for a client, from what she was handed out and what she typed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.core.clock import day_in
from shop.orders.checkout import Address
from shop.payments import queries as payments
from shop.replenishment import agreeing, supplying
from shop.replenishment.agreeing import Terms, Wanted
from shop.replenishment.errors import RunOutUnknown
from shop.replenishment.supplying import Supply


def offer(
    client: Person,
    sku: str,
    *,
    quantity: int,
    shipping_address: Address,
    shipping_method: str,
    card: UUID,
    zone: str,
    at: datetime,
) -> tuple[Variant, Terms]:
    """What it would cost, and when it is due. Raises NotFound, and what `agreeing.terms` raises."""
    variant = catalog.variant(sku)
    wanted = Wanted(quantity, shipping_address, shipping_method, payments.card_for(client, card))
    supply = of_pack(client, sku, zone=zone, at=at)
    return variant, agreeing.terms(variant, wanted, supply, today=day_in(zone, at), at=at)


def of_pack(client: Person, sku: str, *, zone: str, at: datetime) -> Supply:
    """What she was handed out of this pack last. Raises RunOutUnknown."""
    hers = supplying.of_client(client, at=at, zone=zone)
    found = next((one for one in hers if one.sku == sku), None)
    if found is None:
        raise RunOutUnknown(
            "A refill follows a pack that you have: order this once first.", sku=sku
        )
    return found
