"""Windows: what the sessions of a plan ask of home care, day by day, and what a change changes.

Pure. `calendar` reckons, `changes` tells the difference, `wording` says it.
"""

from __future__ import annotations

from shop.treatments.windows.calendars import Calendar, calendar
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.outlook import Outlook
from shop.treatments.windows.reckoning import Conflict, Ground, Interval, Unknown
from shop.treatments.windows.rescheduling import Change, changes, settled
from shop.treatments.windows.risks import Code, Reason
from shop.treatments.windows.rules import SUBJECTS, Action, Anchor, Conduct, When, WindowRule
from shop.treatments.windows.ways_out import Option, Way

__all__ = [
    "SUBJECTS",
    "Action",
    "Anchor",
    "Calendar",
    "Change",
    "Code",
    "Conduct",
    "Conflict",
    "Facts",
    "Ground",
    "Interval",
    "Option",
    "Outlook",
    "Reason",
    "Session",
    "Unknown",
    "Way",
    "When",
    "WindowRule",
    "calendar",
    "changes",
    "settled",
]
