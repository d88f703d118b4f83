"""From how much on a correction of stock takes a second person: what pages say.

The function `takes_two` of the database decides; a test compares the two.
"""

from __future__ import annotations

LIMIT_UNITS = 5  # up to so many one person may correct alone,
LIMIT_CENTS = 100_00  # worth up to so much at the price of the day
