"""What papers refuse."""

from __future__ import annotations

from shop.core.errors import NotFound, Refused


class NoSuchPaper(NotFound):
    """No paper of the reader's has this number; a paid order's is written within minutes."""

    code = "no_such_paper"


class BadPeriod(Refused):
    """No period that can be shown; `fields` says which day is wrong."""

    code = "bad_period"
