"""What a manager sets beside a product: shown with it, in this order."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import queries
from shop.catalog.errors import BadRelation
from shop.catalog.models import Product, RelatedProduct
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

MOST_RELATED = 12


def relate(product: Product, slugs: Sequence[str], *, by: Person | None) -> list[Product]:
    """Show these beside the product, in this order, instead of what was set before.

    None of them: its nearest neighbours are found by the shop. `product` is locked. Raises
    BadRelation, naming each slug that cannot stand there.
    """
    query = sa.select(Product).where(Product.slug.in_(slugs))
    known = {one.slug: one for one in db.session.scalars(query)}
    wrong: dict[str, list[str]] = {}
    for place, slug in enumerate(slugs):
        if slug not in known:
            wrong[f"related.{place}"] = ["There is no such product."]
        elif slug == product.slug:
            wrong[f"related.{place}"] = ["This is the product itself."]
        elif slug in slugs[:place]:
            wrong[f"related.{place}"] = ["Stands in the list already."]
    if len(slugs) > MOST_RELATED:
        wrong["related"] = [f"At most {MOST_RELATED}."]
    if wrong:
        raise BadRelation("Some of these cannot stand beside this product.", fields=wrong)
    before = [one.slug for one in queries.related(product)]
    if before != list(slugs):
        mine = RelatedProduct.product_id == product.id
        db.session.execute(sa.delete(RelatedProduct).where(mine))
        db.session.add_all(
            RelatedProduct(product_id=product.id, related_id=known[slug].id, position=place)
            for place, slug in enumerate(slugs)
        )
        events.record(Kind.RELATED_SET, product, before=before, related=list(slugs))
        db.session.flush()  # the list is read again
    return [known[slug] for slug in slugs]
