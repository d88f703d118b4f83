"""Whether a client is ready for a session, and what speaks against it.

Pure: what is known of her comes in (`facts.Known`), findings in words go out (`judging.judge`).
Computed whenever it is shown, never stored: it follows from dispenses, reports, windows and the
chart, and would be wrong with the next of them (docs/decisions/0023, 0026).
"""

from __future__ import annotations

from shop.treatments.readiness.facts import Booked, Care, Given, Known, Reported, Waived
from shop.treatments.readiness.findings import WAIVABLE, Code, Finding, Judged, Readiness
from shop.treatments.readiness.judging import judge

__all__ = [
    "WAIVABLE",
    "Booked",
    "Care",
    "Code",
    "Finding",
    "Given",
    "Judged",
    "Known",
    "Readiness",
    "Reported",
    "Waived",
    "judge",
]
