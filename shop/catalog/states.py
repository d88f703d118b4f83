"""The life cycle of a release, as data."""

from __future__ import annotations

from enum import StrEnum


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
