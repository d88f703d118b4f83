"""What reports refuse."""

from __future__ import annotations

from shop.core.errors import Refused


class BadSpan(Refused):
    """A time that no report is about; `fields` say why."""

    code = "bad_span"
