"""What letters refuse."""

from __future__ import annotations

from shop.core.errors import Conflict


class NotGivenUp(Conflict):
    """It was sent, or is still tried: it is resent by itself where need be."""

    code = "letter_not_given_up"


class LetterEnded(Conflict):
    """Its reader wants no letters like it."""

    code = "letter_ended"
