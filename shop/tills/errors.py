"""What the desk refuses, exactly."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, NotFound, Refused, WrongState


class RegisterRefused(Refused):
    """A register that cannot be added as typed; `fields` says why."""

    code = "register_refused"


class NoOpenDrawer(WrongState):
    """Who takes or gives money opens a drawer first."""

    code = "no_open_drawer"


class DrawerTaken(Conflict):
    """The register, or the person, has an open drawer already; facts: `drawer`."""

    code = "drawer_taken"


class CountRefused(Refused):
    """A count that cannot be used as typed; `fields` says why."""

    code = "count_refused"


class NotYourDrawer(NotAllowed):
    """A drawer is counted and explained by who opened it, or by a manager."""

    code = "not_your_drawer"


class SecondPersonNeeded(NotAllowed):
    """Who opened or counted a drawer does not sign for its difference."""

    code = "second_person_needed"


class NotExplained(WrongState):
    """A difference is explained before anybody signs for it."""

    code = "difference_not_explained"


class TenderRefused(Refused):
    """What was handed over does not pay what is due; `fields` says why."""

    code = "tender_refused"


class AmountChanged(Conflict):
    """What is due is not what the person at the desk saw; facts: `due_cents`."""

    code = "amount_changed"


class NotPaidOut(WrongState):
    """The refund does not wait at the desk; facts: `status`."""

    code = "not_paid_out"


class NotEnoughCash(Refused):
    """There is less cash in the drawer than is to be paid out."""

    code = "not_enough_cash"


class NoReceipt(NotFound):
    """The payment was not taken at the desk."""

    code = "no_receipt"
