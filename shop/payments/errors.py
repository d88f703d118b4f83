"""What payments refuse, exactly."""

from __future__ import annotations

from shop.core.errors import Conflict, Refused, Unavailable, WrongState


class NotPayable(WrongState):
    """The order does not wait for money."""

    code = "order_not_payable"


class TooLate(Conflict):
    """The time to pay has run out; the order is about to be closed."""

    code = "too_late_to_pay"


class PageClosed(Conflict):
    """The provider's page has closed and what came of it is being looked up."""

    code = "payment_page_closed"


class RefundTooLarge(Refused):
    """More than what was taken and is not yet on its way back."""

    code = "refund_too_large"


class ProviderAway(Unavailable):
    """The provider's page could not be opened just now."""

    code = "payment_provider_away"
