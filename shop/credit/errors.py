"""What credit refuses, each with its code and the facts that decided it."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused


class GiftCardRefused(Refused):
    """A gift card that cannot be made or voided so; `fields` says what is wrong."""

    code = "gift_card_refused"


class CodeRefused(Refused):
    """No card that can be redeemed has this code. Says no more: it may be somebody's guess."""

    code = "gift_card_code_refused"


class GiftCardMade(Conflict):
    """The same form made this card before; facts: `number`."""

    code = "gift_card_made_already"


class CorrectionRefused(Refused):
    """A correction of somebody's credit that cannot be made so; `fields` says what is wrong."""

    code = "credit_correction_refused"


class NotEnoughCredit(Refused):
    """More than the account holds; facts: `wanted_cents`, `held_cents`."""

    code = "not_enough_credit"


class CreditNotSpent(Refused):
    """More than the order spent and has not got back; facts: `wanted_cents`, `left_cents`."""

    code = "credit_not_spent"


class SecondPersonNeeded(NotAllowed):
    """What two people decide, one has decided alone."""

    code = "second_person_needed"
