"""Bundles: packs that go together, put together and shown by a manager."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.errors import BadBundle, NotPublishable, Taken
from shop.catalog.models import Bundle, BundleItem, Variant
from shop.catalog.states import ShopStatus
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind

MOST_ITEMS = 20
MOST_UNITS = 20
Items = Sequence[tuple[str, int]]  # SKU, units; in the order shown


def create(
    *, slug: str, name: str, description: str, items: Items, by: Person | None, at: datetime
) -> Bundle:
    """A bundle as a draft. Raises Taken where the slug is in use, BadBundle."""
    if db.session.execute(sa.select(Bundle.id).where(Bundle.slug == slug)).first():
        raise Taken(
            "Another bundle has this address.", fields={"slug": ["Choose another."]}, slug=slug
        )
    bundle = Bundle(
        id=uuid.uuid4(), slug=slug, name=name, description=description, status=ShopStatus.DRAFT
    )
    db.session.add(bundle)
    bundle.items = _items(bundle, items)
    events.record(Kind.BUNDLE_CREATED, bundle, items=_said(items))
    db.session.flush()  # pictures may point at it next
    return bundle


def change(
    bundle: Bundle, changes: Mapping[str, Any], *, by: Person | None, at: datetime
) -> Bundle:
    """Change `name`, `description` or `items`. `bundle` is locked. Raises BadBundle."""
    changed = [
        name
        for name in ("name", "description")
        if name in changes and getattr(bundle, name) != changes[name]
    ]
    for name in changed:
        setattr(bundle, name, changes[name])
    facts: dict[str, object] = {}
    if "items" in changes:
        before = [(item.variant.sku, item.quantity) for item in bundle.items]
        if list(changes["items"]) != before:
            made = _items(bundle, changes["items"])
            bundle.items.clear()
            db.session.flush()  # the old rows are gone before the same packs come again
            bundle.items = made
            changed.append("items")
            facts = {"before": _said(before), "items": _said(changes["items"])}
    if changed:
        events.record(Kind.BUNDLE_CHANGED, bundle, fields=changed, **facts)
        db.session.flush()  # the answer shows it
    return bundle


def publish(bundle: Bundle, *, by: Person | None, at: datetime) -> Bundle:
    """Show it in the shop. Safe to repeat. Raises NotPublishable."""
    if not bundle.items:
        raise NotPublishable("This bundle holds nothing yet.", bundle=bundle.slug)
    if bundle.status is ShopStatus.RETIRED:
        raise NotPublishable("This is retired. Restore it first.", bundle=bundle.slug)
    if bundle.status is ShopStatus.DRAFT:
        bundle.publish(at=at)
        events.record(Kind.BUNDLE_PUBLISHED, bundle)
    return bundle


def withdraw(bundle: Bundle, *, by: Person | None, at: datetime) -> Bundle:
    """Show it no longer, for now. Safe to repeat. Raises WrongState where it is retired."""
    if bundle.status is ShopStatus.RETIRED:
        raise WrongState("This is retired: it is not shown.", status=bundle.status)
    if bundle.status is ShopStatus.PUBLISHED:
        bundle.withdraw()
        events.record(Kind.BUNDLE_WITHDRAWN, bundle)
    return bundle


def retire(bundle: Bundle, *, by: Person | None, at: datetime) -> Bundle:
    """Offer it no longer; its packs are sold as before. Safe to repeat. Raises WrongState."""
    if bundle.status is ShopStatus.DRAFT:
        raise WrongState("Only what is published can be retired.", status=bundle.status)
    if bundle.status is ShopStatus.PUBLISHED:
        bundle.retire(at=at)
        events.record(Kind.BUNDLE_RETIRED, bundle)
    return bundle


def restore(bundle: Bundle, *, by: Person | None, at: datetime) -> Bundle:
    """Bring it back as a draft. Raises WrongState."""
    if bundle.status is not ShopStatus.RETIRED:
        raise WrongState("This is not retired.", status=bundle.status)
    bundle.restore()
    events.record(Kind.BUNDLE_RESTORED, bundle)
    return bundle


def _items(bundle: Bundle, items: Items) -> list[BundleItem]:
    skus = [sku for sku, _units in items]
    known = {
        one.sku: one for one in db.session.scalars(sa.select(Variant).where(Variant.sku.in_(skus)))
    }
    wrong: dict[str, list[str]] = {}
    for place, (sku, units) in enumerate(items):
        if sku not in known:
            wrong[f"items.{place}.sku"] = ["There is no such pack."]
        elif sku in skus[:place]:
            wrong[f"items.{place}.sku"] = ["This pack stands in the bundle already."]
        elif not 1 <= units <= MOST_UNITS:
            wrong[f"items.{place}.quantity"] = [f"Must be 1 to {MOST_UNITS}."]
    if len(items) > MOST_ITEMS:
        wrong["items"] = [f"At most {MOST_ITEMS} packs."]
    if wrong:
        raise BadBundle("These packs cannot be put together.", fields=wrong)
    return [
        BundleItem(bundle_id=bundle.id, variant=known[sku], quantity=units, position=place)
        for place, (sku, units) in enumerate(items)
    ]


def _said(items: Items) -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": units} for sku, units in items]
