"""What is refused of goods that came back."""

from __future__ import annotations

from shop.core.errors import NotAllowed, Refused


class ReturnRefused(Refused):
    """It cannot be booked or looked at as typed; `fields` say which and why."""

    code = "return_refused"


class TooLateToReturn(Refused):
    """The days in which it may come back are over."""

    code = "too_late_to_return"


class NothingCameBack(Refused):
    """There is nothing to refund, or it was refunded."""

    code = "nothing_to_refund"


class NotRestocked(Refused):
    """Nothing of this goes back on the shelf; the fact `why` names the rule."""

    code = "not_restocked"


class WitnessNeeded(NotAllowed):
    """Who looked at it is not the witness of what becomes of it."""

    code = "witness_needed"
