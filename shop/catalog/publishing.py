"""Put a product before clients, and take it away again."""

from __future__ import annotations

from datetime import date, datetime

from shop.accounts.models import Person
from shop.catalog.errors import NotPublishable
from shop.catalog.filings import LICENCE_INACTIVE, REFERENCE, UNAPPROVED
from shop.catalog.models import LegalClass, Product
from shop.core import events
from shop.core.events import Kind


def publish(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Show the product in the shop, once a variant of it is for sale. Safe to repeat.

    Raises NotPublishable for what may never be sold or no longer be marketed.
    """
    if reason := barred(product, at.date()):
        raise NotPublishable(reason, product=product.slug)
    if product.published_at is None:
        product.published_at = at
        events.record(Kind.PRODUCT_PUBLISHED, product)
    return product


def withdraw(product: Product, *, by: Person | None, at: datetime) -> Product:
    """Show the product no longer. What was ordered stays ordered. Safe to repeat."""
    if product.published_at is not None:
        product.published_at = None
        events.record(Kind.PRODUCT_WITHDRAWN, product)
    return product


def barred(product: Product, today: date) -> str | None:
    """Why a product may not be sold at all on `today`, or None."""
    flags = {flag.split(":")[0] for flag in product.flags}
    if REFERENCE in flags:
        return "This is kept for reference, not a listing of something sold. It is never sold."
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
