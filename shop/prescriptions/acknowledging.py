"""A client reads the leaflet of a product before its first fill, and that she may choose where."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Ingredient, IngredientName, Product, ProductIngredient
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound
from shop.core.events import Kind
from shop.prescriptions.errors import LeafletChanged
from shop.prescriptions.gate import Leaflet
from shop.prescriptions.models import LeafletAcknowledgement, Prescription
from shop.prescriptions.paper import leaflets


def told(client_id: UUID, product_ids: Collection[UUID]) -> dict[UUID, Leaflet]:
    """The leaflet of each product, and whether this client has read it as it is now. One query."""
    classes = (
        sa.select(sa.func.array_agg(sa.distinct(Ingredient.active_class), type_=_TEXTS))
        .join(IngredientName, IngredientName.ingredient_id == Ingredient.id)
        .join(ProductIngredient, ProductIngredient.name_id == IngredientName.id)
        .where(
            ProductIngredient.product_id == Product.id,
            ProductIngredient.active,
            Ingredient.active_class.is_not(None),
        )
        .scalar_subquery()
    )
    read = (
        sa.select(sa.func.array_agg(LeafletAcknowledgement.leaflet_version, type_=_TEXTS))
        .where(
            LeafletAcknowledgement.client_id == client_id,
            LeafletAcknowledgement.product_id == Product.id,
            LeafletAcknowledgement.choice_version == leaflets.CHOICE,
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(Product.id, classes.label("classes"), read.label("read")).where(
            Product.id.in_(product_ids)
        )
    )
    found = {row.id: (leaflets.version_for(row.classes or ()), row.read or ()) for row in rows}
    return {key: Leaflet(version, version in read) for key, (version, read) in found.items()}


def of_product(client_id: UUID, product_id: UUID) -> Leaflet:
    """The leaflet of one product. Raises NotFound."""
    found = told(client_id, [product_id])
    if product_id not in found:
        raise NotFound("There is no such product.")
    return found[product_id]


def acknowledge(
    client: Person, product_id: UUID, *, version: str, by: Person, at: datetime
) -> LeafletAcknowledgement:
    """She has read this version of the product's leaflet, and the choice of pharmacy with it.

    Saying it again changes nothing. Raises NotAllowed where another says it for her, and
    LeafletChanged where the leaflet is another by now.
    """
    if by.id != client.id:
        raise NotAllowed("Only the client confirms what she has read.")
    now_in_force = of_product(client.id, product_id).version
    if version != now_in_force:
        raise LeafletChanged(
            "There is a newer leaflet. Read it, and confirm that one.", leaflet=now_in_force
        )
    known = _acknowledgement(client.id, product_id, version)
    return known or _written(client.id, product_id, version)


def acknowledge_all(client: Person, version: str, *, by: Person, at: datetime) -> list[UUID]:
    """The same for every product she has a prescription for and whose leaflet this is.

    The ids of the products. Raises NotFound where it is the leaflet of none.
    """
    prescribed = sa.select(Prescription.variant_id).where(Prescription.client_id == client.id)
    query = sa.select(Product.id).where(
        Product.variants.any(id=sa.any_(prescribed.scalar_subquery()))
    )
    known = told(client.id, db.session.scalars(query).all())
    products = [key for key, leaflet in known.items() if leaflet.version == version]
    if not products:
        raise NotFound("Nothing that was prescribed to you has this leaflet now.")
    for product_id in products:
        acknowledge(client, product_id, version=version, by=by, at=at)
    return products


def acknowledged(client_id: UUID, product_id: UUID) -> LeafletAcknowledgement | None:
    """When she read the leaflet as it is now, if she did."""
    return _acknowledgement(client_id, product_id, of_product(client_id, product_id).version)


def _acknowledgement(
    client_id: UUID, product_id: UUID, version: str
) -> LeafletAcknowledgement | None:
    return db.session.scalars(
        sa.select(LeafletAcknowledgement).where(
            LeafletAcknowledgement.client_id == client_id,
            LeafletAcknowledgement.product_id == product_id,
            LeafletAcknowledgement.leaflet_version == version,
            LeafletAcknowledgement.choice_version == leaflets.CHOICE,
        )
    ).one_or_none()


def _written(client_id: UUID, product_id: UUID, version: str) -> LeafletAcknowledgement:
    row = LeafletAcknowledgement(
        id=uuid.uuid4(),
        client_id=client_id,
        product_id=product_id,
        leaflet_version=version,
        choice_version=leaflets.CHOICE,
    )
    db.session.add(row)
    db.session.flush()  # the database stamps when
    events.record(Kind.LEAFLET_ACKNOWLEDGED, row)
    return row


_TEXTS = sa.ARRAY(sa.Text())
