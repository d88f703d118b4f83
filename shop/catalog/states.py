"""The life cycles of products and bundles, of a release and of an import, as data."""

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


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


I = ImportStatus  # noqa: E741
IMPORT_ARROWS: dict[ImportStatus | None, set[ImportStatus]] = {
    None: {I.QUEUED, I.RUNNING},
    I.QUEUED: {I.RUNNING, I.STOPPED},
    I.RUNNING: {I.DONE, I.FAILED, I.STOPPED},
    # What was committed stays: run again, the same file goes on behind it.
    I.FAILED: {I.RUNNING},
    I.STOPPED: {I.RUNNING},
    I.DONE: set(),
}
