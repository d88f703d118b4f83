"""What discounts refuse, each with its code and the facts that decided it."""

from __future__ import annotations

from shop.core.errors import Conflict, NotFound, Refused, WrongState


class DiscountRefused(Refused):
    """Terms that no discount can have; `fields` say which and why."""

    code = "discount_refused"


class CodeTaken(Conflict):
    """Another discount that was not ended has this code."""

    code = "discount_code_taken"


class NoSuchDiscount(NotFound):
    code = "no_such_discount"


class NoSuchBar(NotFound):
    code = "no_such_discount_bar"


class DiscountEnded(WrongState):
    """It was ended by somebody before."""

    code = "discount_ended"


class BarLifted(WrongState):
    """It was lifted by somebody before."""

    code = "discount_bar_lifted"


class BarThere(Conflict):
    """It is barred there already."""

    code = "discount_bar_there"


# Said to a client who typed a code; all of them name the field `discount_code`.


class DiscountUnknown(Refused):
    """No discount has this code, or the one that had it was withdrawn: the same answer."""

    code = "discount_unknown"


class DiscountNotYet(Refused):
    """Its time has not come; facts: `valid_from`."""

    code = "discount_not_yet"


class DiscountOver(Refused):
    """Its time is over; facts: `valid_until`."""

    code = "discount_over"


class DiscountUsedUp(Refused):
    """As many orders have it as may."""

    code = "discount_used_up"


class DiscountUsedByClient(Refused):
    """This client has used it as often as one may; facts: `most`."""

    code = "discount_used_by_client"


class BelowMinimum(Refused):
    """Less of what it applies to than it asks for; facts: `least_cents`, `cents`."""

    code = "discount_below_minimum"


class NothingToDiscount(Refused):
    """Nothing in the order that it may touch."""

    code = "discount_applies_to_nothing"
