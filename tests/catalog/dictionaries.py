"""Small dictionaries, as files would say them."""

from __future__ import annotations

from shop.catalog.dictionary import Files
from shop.catalog.models import ActiveClass, Pregnancy

SMALL = {
    "WATER": ["AQUA"],
    "GLYCERIN": ["GLYCEROL"],
    "TRETINOIN": ["RETINOIC ACID", "VITAMIN A ACID"],
    "ZINC OXIDE": [],
    "SALICYLIC ACID": [],
}


def said(**more: list[str]) -> Files:
    """What small files would say."""
    files = Files()
    for inci_name, synonyms in (SMALL | more).items():
        found = files.substance(inci_name, "cosing")
        if inci_name == "TRETINOIN":
            found.active_class, found.pregnancy = ActiveClass.RETINOID, Pregnancy.AVOID
        for synonym in synonyms:
            files.called(synonym, inci_name, "own")
    return files
