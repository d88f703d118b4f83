"""The gate: may this client have this, now? The one judge, asked on every road.

Pure: everything it may know is in `Facts`. Positive and fail-closed: a doctor-only line is open
only where a prescription that covers exactly this client, pack, quantity and state stands now with
a fill left, or where the line holds a live fill of one. An error is a no.
"""

from __future__ import annotations

from shop.prescriptions.gate.answers import (
    Answer,
    Decision,
    Explained,
    Objection,
    Reason,
    Step,
    Weighed,
)
from shop.prescriptions.gate.deciding import decide, explain
from shop.prescriptions.gate.facts import (
    Asked,
    Authority,
    Client,
    Facts,
    Leaflet,
    Pack,
    Ruling,
    Taken,
    Window,
    Wish,
)
from shop.prescriptions.gate.questions import ADULT, QUESTIONS
from shop.prescriptions.gate.windows import holding, told

# Of the questions, for explanations: the next one where a question is added, dropped, asked
# elsewhere in their order, or asks for something else.
EDITION = "2026-3"

__all__ = [
    "ADULT",
    "EDITION",
    "QUESTIONS",
    "Answer",
    "Asked",
    "Authority",
    "Client",
    "Decision",
    "Explained",
    "Facts",
    "Leaflet",
    "Objection",
    "Pack",
    "Reason",
    "Ruling",
    "Step",
    "Taken",
    "Weighed",
    "Window",
    "Wish",
    "decide",
    "explain",
    "holding",
    "told",
]
