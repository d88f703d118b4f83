"""What is refused of a request about one's own record."""

from __future__ import annotations

from shop.core.errors import Conflict, Refused


class ExportUnderWay(Conflict):
    """One copy at a time: there is one that is made, or waits."""

    code = "export_under_way"


class ExportNotReady(Conflict):
    """It is not made yet, was fetched, or nobody came in time."""

    code = "export_not_ready"


class ClosureWaits(Refused):
    """Something is open; `fields` say what, and what to do first."""

    code = "closure_waits"


class ClosureUnderWay(Conflict):
    code = "closure_under_way"


class ClosureOver(Conflict):
    """It was taken back, or it is done."""

    code = "closure_over"


class TooSoonToClose(Conflict):
    """Its seven days are not over."""

    code = "too_soon_to_close"
