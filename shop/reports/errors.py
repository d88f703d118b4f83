"""What reports refuse."""

from __future__ import annotations

from shop.core.errors import Refused


class BadSpan(Refused):
    """A time that no report is about; `fields` say why."""

    code = "bad_span"


class TooLong(Refused):
    """A file that nobody should wait for: it is asked for, and fetched when it is made."""

    code = "report_too_long"
