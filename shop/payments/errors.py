"""What payments refuse, exactly."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused, Unavailable, WrongState


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


class UnitsRefunded(Refused):
    """Fewer units of a line can go back than were asked for."""

    code = "units_refunded"


class RefundRefused(Refused):
    """It cannot go back as typed; `fields` say which and why."""

    code = "refund_refused"


class RefundedMeanwhile(Conflict):
    """Somebody sent money back since the caller looked."""

    code = "refunded_meanwhile"


class PaymentDisputed(Conflict):
    """The client's bank is deciding about the same money."""

    code = "payment_disputed"


class SecondPersonNeeded(NotAllowed):
    """Who proposed a refund does not sign it."""

    code = "second_person_needed"


class EvidenceRefused(Conflict):
    """No evidence is waited for, or it was sent."""

    code = "evidence_not_wanted"


class AlreadyReviewed(Conflict):
    """Somebody looked at the warning before."""

    code = "already_reviewed"


class ProviderAway(Unavailable):
    """The provider's page could not be opened just now."""

    code = "payment_provider_away"


class PaymentUnderWay(Conflict):
    """Another attempt to pay the order is under way; what comes of it decides."""

    code = "payment_under_way"


class CardRemoved(Conflict):
    """The client has removed this card: it is not charged any more."""

    code = "card_removed"


class OtherStatement(Conflict):
    """What the client agreed to is not what saving a card means today."""

    code = "card_statement_changed"


class SavingDiffers(Conflict):
    """A payment page is open that does with the card what the client did not ask for now."""

    code = "payment_page_saves_differently"
