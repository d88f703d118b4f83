"""The life cycle of what the shop shows, products and bundles alike, as data."""

from __future__ import annotations

from enum import StrEnum


class ShopStatus(StrEnum):
    """Where a product or a bundle stands before clients."""

    DRAFT = "draft"  # being worked on; nobody but its keepers sees it
    PUBLISHED = "published"
    RETIRED = "retired"  # no longer sold; its page says so


S = ShopStatus
SHOP_ARROWS: dict[ShopStatus | None, set[ShopStatus]] = {
    None: {S.DRAFT},
    S.DRAFT: {S.PUBLISHED},
    S.PUBLISHED: {S.DRAFT, S.RETIRED},
    S.RETIRED: {S.DRAFT},
}
