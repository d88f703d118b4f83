"""From how much on a second person is needed. The function `credit_is_large` says the same."""

from __future__ import annotations

LIMIT_CENTS = 100_00  # what one person may make of credit within a day, alone
LEAST_CARD_CENTS, MOST_CARD_CENTS = 5_00, 1_000_00
MOST_CORRECTED_CENTS = 1_000_00
LONGEST_NOTE = 200
