"""The lives of an export and of a closure, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class ExportStatus(StrEnum):
    ASKED = "asked"  # its files are being made
    READY = "ready"  # it waits for its client, for seven days
    FAILED = "failed"  # a person has to look; it can be begun again
    FETCHED = "fetched"
    LAPSED = "lapsed"  # nobody fetched it


E = ExportStatus
EXPORT_ARROWS: dict[ExportStatus | None, set[ExportStatus]] = {
    None: {E.ASKED},
    E.ASKED: {E.READY, E.FAILED},
    E.FAILED: {E.ASKED},
    E.READY: {E.FETCHED, E.LAPSED},
    E.FETCHED: set(),
    E.LAPSED: set(),
}
OPEN = frozenset({E.ASKED, E.READY, E.FAILED})


class ClosureStatus(StrEnum):
    ASKED = "asked"  # seven days in which she may think better of it
    WITHDRAWN = "withdrawn"
    DONE = "done"


C = ClosureStatus
CLOSURE_ARROWS: dict[ClosureStatus | None, set[ClosureStatus]] = {
    None: {C.ASKED},
    C.ASKED: {C.WITHDRAWN, C.DONE},
    C.WITHDRAWN: set(),
    C.DONE: set(),
}
