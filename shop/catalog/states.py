"""The life cycles of what the shop shows (products and bundles alike) and of a release, as data."""

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


class ReleaseStatus(StrEnum):
    PROPOSED = "proposed"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


R = ReleaseStatus
RELEASE_ARROWS: dict[ReleaseStatus | None, set[ReleaseStatus]] = {
    None: {R.PROPOSED},
    R.PROPOSED: {R.RELEASED, R.WITHDRAWN},
    R.RELEASED: set(),
    R.WITHDRAWN: set(),
}
