"""The life of a drawer, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class DrawerStatus(StrEnum):
    OPEN = "open"
    COUNTED = "counted"  # takes nothing more; what was found is written down
    CLOSED = "closed"  # it adds up, or why not is explained and, where it is much, signed


D = DrawerStatus
DRAWER_ARROWS: dict[DrawerStatus | None, set[DrawerStatus]] = {
    None: {D.OPEN},
    D.OPEN: {D.COUNTED},
    D.COUNTED: {D.CLOSED},
    D.CLOSED: set(),
}
