"""Put a product before clients, take it away again, and end its sale for good."""

from __future__ import annotations

from datetime import date, datetime

from shop.accounts.models import Person
from shop.catalog.errors import NotPublishable
from shop.catalog.filings import LICENCE_INACTIVE, REFERENCE, UNAPPROVED
from shop.catalog.models import LegalClass, Product
from shop.catalog.states import ShopStatus
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind


def publish(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Show the product in the shop, once a variant of it is for sale. Safe to repeat.

    Raises NotPublishable for what may never be sold, no longer be marketed, or is retired: that is
    restored first, on purpose.
    """
    if reason := barred(product, at.date()):
        raise NotPublishable(reason, product=product.slug)
    if product.status is not ShopStatus.PUBLISHED:
        product.publish(at=at)
        events.record(Kind.PRODUCT_PUBLISHED, product)
    return product


def withdraw(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Show the product no longer, for now: it is a draft again. What was ordered stays ordered.

    Safe to repeat. Raises WrongState for what is retired: it is not shown anyway.
    """
    if product.status is ShopStatus.RETIRED:
        raise WrongState("This is retired: it is not shown.", status=product.status)
    if product.status is ShopStatus.PUBLISHED:
        product.withdraw()
        events.record(Kind.PRODUCT_WITHDRAWN, product)
    return product


def retire(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Sell the product no longer: it is not shown, its packs leave the sale, its page says so.

    What was promised is still delivered. Safe to repeat. Raises WrongState for a draft, which no
    client has seen.
    """
    if product.status is ShopStatus.RETIRED:
        return product
    if product.status is ShopStatus.DRAFT:
        raise WrongState("Only what is published can be retired.", status=product.status)
    packs = [variant for variant in product.variants if variant.for_sale]
    for variant in packs:
        variant.for_sale = False
        events.record(Kind.VARIANT_CHANGED, variant, sku=variant.sku, fields=["for_sale"])
    db.session.flush()  # the database lets nothing retire that has packs for sale
    product.retire(at=at)
    events.record(Kind.PRODUCT_RETIRED, product, packs=[variant.sku for variant in packs])
    return product


def restore(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Bring a retired product back as a draft; its packs stay off sale. Raises WrongState."""
    if product.status is not ShopStatus.RETIRED:
        raise WrongState("This is not retired.", status=product.status)
    product.restore()
    events.record(Kind.PRODUCT_RESTORED, product)
    return product


def barred(product: Product, today: date) -> str | None:
    """Why a product may not be sold at all on `today`, or None."""
    flags = {flag.split(":")[0] for flag in product.flags}
    if REFERENCE in flags:
        return "This is kept for reference, not a listing of something sold. It is never sold."
    if product.status is ShopStatus.RETIRED:
        return "This is retired: no longer sold. Restore it first."
    if not product.finished:
        return "This is filed as an unfinished drug. Unfinished drugs are never sold."
    if product.legal_class is LegalClass.CLINIC_USE:
        return "This product is for use in the clinic only. It is never sold."
    if ended(product, today):
        return f"Its marketing ended on {product.marketing_ends_on}."
    if LICENCE_INACTIVE in flags:
        return "Its licence is no longer active."
    if UNAPPROVED in flags:
        return "It is filed as an unapproved drug without a prescription."
    return None


def ended(product: Product, today: date) -> bool:
    """Past its marketing end date (the last day it may be sold). A listing's expiry only warns."""
    return product.marketing_ends_on is not None and product.marketing_ends_on < today
