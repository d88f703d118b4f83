"""The manager says how long deliveries of a variant take, and how much is kept beside."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.planning.models import StockPolicy


def set_policy(
    variant: Variant, *, lead_days: int, safety_days: int, by: Person, at: datetime
) -> StockPolicy:
    """Both in days; the variant is locked. Its history says what held before."""
    policy = db.session.get(StockPolicy, variant.id)
    if policy is None:
        policy = StockPolicy(variant_id=variant.id)
        db.session.add(policy)
    policy.lead_days, policy.safety_days, policy.set_by_id = lead_days, safety_days, by.id
    events.record(Kind.STOCK_POLICY_SET, variant, lead_days=lead_days, safety_days=safety_days)
    db.session.flush()  # the database stamps when
    return policy
