"""The rows of the catalogue, by what they are about."""

from __future__ import annotations

from typing import Any

from shop.catalog.models.bundles import Bundle, BundleItem, RelatedProduct
from shop.catalog.models.imports import (
    LARGEST_SHEET,
    BeautyFact,
    Import,
    ImportPart,
    ImportProfile,
    ImportRow,
    ImportSheet,
    Outcome,
)
from shop.catalog.models.ingredients import (
    FILED,
    ActiveClass,
    Ingredient,
    IngredientName,
    Irritancy,
    Pregnancy,
    Way,
)
from shop.catalog.models.law import (
    RULINGS,
    LegalClassRule,
    Release,
    Visibility,
    VisibilityRule,
    interval,
    law_over,
    percents,
)
from shop.catalog.models.pictures import Picture, PictureFile, PictureSize
from shop.catalog.models.products import (
    MOST_GRAMS,
    USUAL_GRAMS,
    Brand,
    Displayed,
    LegalClass,
    Price,
    Product,
    ProductIngredient,
    ProductSource,
    Variant,
)
from shop.catalog.models.search import CatalogueVersion, ProductSearch, SearchWord
from shop.catalog.states import IMPORT_ARROWS, RELEASE_ARROWS, SHOP_ARROWS
from shop.core.rules import RULE_ARROWS

__all__ = [
    "FILED",
    "LARGEST_SHEET",
    "MOST_GRAMS",
    "RULINGS",
    "USUAL_GRAMS",
    "ActiveClass",
    "BeautyFact",
    "Brand",
    "Bundle",
    "BundleItem",
    "CatalogueVersion",
    "Displayed",
    "Import",
    "ImportPart",
    "ImportProfile",
    "ImportRow",
    "ImportSheet",
    "Ingredient",
    "IngredientName",
    "Irritancy",
    "LegalClass",
    "LegalClassRule",
    "Outcome",
    "Picture",
    "PictureFile",
    "PictureSize",
    "Pregnancy",
    "Price",
    "Product",
    "ProductIngredient",
    "ProductSearch",
    "ProductSource",
    "RelatedProduct",
    "Release",
    "SearchWord",
    "Variant",
    "Visibility",
    "VisibilityRule",
    "Way",
    "arrows",
    "interval",
    "law_over",
    "percents",
]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {
        "legal_class_rule": RULE_ARROWS,
        "visibility_rule": RULE_ARROWS,
        "release": RELEASE_ARROWS,
        "product": SHOP_ARROWS,
        "bundle": SHOP_ARROWS,
        "import": IMPORT_ARROWS,
    }
