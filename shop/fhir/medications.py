"""A pack as medicationCodeableConcept: its package NDC where it has one, and always our SKU."""

from __future__ import annotations

from shop.catalog.models import Variant
from shop.fhir.elements import NDC, Element, Place, coding, concept


def medication(variant: Variant, place: Place) -> Element:
    """Product and pack in words, and the numbers of the pack."""
    name = variant.product.name
    numbers = [coding(place.numbers("sku"), variant.sku, variant.name)]
    if variant.package_ndc:
        numbers.insert(0, coding(NDC, variant.package_ndc, name))
    return concept(*numbers, text=f"{name}, {variant.name}")
