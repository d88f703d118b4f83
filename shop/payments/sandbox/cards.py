"""Stripe's published test numbers, and what a card must look like before it is tried.

Source: https://docs.stripe.com/testing
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

PAYS = "4242424242424242"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
EXPIRED = "4000000000000069"
LOST = "4000000000009987"
STOLEN = "4000000000009979"
WRONG_CVC = "4000000000000127"
PROCESSING_ERROR = "4000000000000119"
TOO_OFTEN = "4000000000006975"
ASKS_TO_AUTHENTICATE = "4000002500003155"
ALWAYS_ASKS = "4000002760003184"
DECLINES_LATER = "4000000000000341"
REFUND_PENDING = "4000000000007726"
REFUND_FAILS = "4000000000005126"
DISPUTED = "4000000000000259"
WARNED = "4000000000005423"

CENTURY = 2000
YEARS_AHEAD = 50

groups = re.compile(r"[\s-]+")
expiry_form = re.compile(r"(\d{1,2})\s*[/-]\s*(?:20)?(\d{2})", re.ASCII)
cvc_form = re.compile(r"\d{3,4}", re.ASCII)
number_form = re.compile(r"\d{12,19}", re.ASCII)


class Fate(StrEnum):
    PAID = "paid"
    DECLINED = "declined"
    AUTHENTICATION = "authentication"


@dataclass(frozen=True)
class Decline:
    """Stripe's words for it: `code` always, `decline_code` when the issuer gave a reason."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True)
class Card:
    """A card as the page took it. Only the last four digits are ever kept."""

    number: str = field(repr=False)
    exp_month: int
    exp_year: int
    name: str | None

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fate(self) -> Fate:
        if self.number in DECLINES:
            return Fate.DECLINED
        return Fate.AUTHENTICATION if self.asks_when_saved else Fate.PAID

    @property
    def asks_when_saved(self) -> bool:
        return self.number in {ASKS_TO_AUTHENTICATE, ALWAYS_ASKS}

    @property
    def charged_later(self) -> Fate:
        """What comes of it once it was kept, and its owner is away."""
        if self.number == DECLINES_LATER:
            return Fate.DECLINED
        return Fate.AUTHENTICATION if self.number == ALWAYS_ASKS else Fate.PAID

    @property
    def decline(self) -> Decline:
        return DECLINES[self.number]

    @property
    def aftermath(self) -> str:
        """What follows at once when it has paid."""
        return {DISPUTED: "dispute", WARNED: "warning"}.get(self.number, "")

    @property
    def refund_status(self) -> str:
        return "pending" if self.number == REFUND_PENDING else "succeeded"


DECLINES = {
    DECLINED: Decline("card_declined", "generic_decline", "Your card was declined."),
    NO_FUNDS: Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    EXPIRED: Decline("expired_card", "expired_card", "Your card has expired."),
    LOST: Decline("card_declined", "lost_card", "Your card was declined."),
    STOLEN: Decline("card_declined", "stolen_card", "Your card was declined."),
    WRONG_CVC: Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    PROCESSING_ERROR: Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    TOO_OFTEN: Decline(
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its"
        " amount limit.",
    ),
    DECLINES_LATER: Decline("card_declined", "generic_decline", "Your card was declined."),
}

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "authentication_required",
    "We are unable to authenticate your payment method."
    " Please choose a different payment method and try again.",
)

NOT_SET_UP = Decline(
    "setup_intent_authentication_failure",
    "authentication_required",
    NOT_AUTHENTICATED.message,
)

# The bank wants to see a client who is away.
ASKED_WHILE_AWAY = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

KNOWN = {
    PAYS,
    ASKS_TO_AUTHENTICATE,
    ALWAYS_ASKS,
    REFUND_PENDING,
    REFUND_FAILS,
    DISPUTED,
    WARNED,
    *DECLINES,
}


@dataclass(frozen=True)
class FieldError:
    code: str
    message: str


def read_card(form: dict[str, str], *, today: date) -> Card | dict[str, FieldError]:
    """The card, or what is wrong with it by field. Nothing wrong reaches the issuer."""
    number = groups.sub("", form.get("number", ""))
    expiry = expiry_form.fullmatch(form.get("exp", "").strip())
    found = {
        "number": _number_error(number),
        "exp": _expiry_error(expiry, today),
        "cvc": _cvc_error(form.get("cvc", "").strip()),
        "name": _name_error(form.get("name", "")),
    }
    errors = {name: error for name, error in found.items() if error is not None}
    if errors or expiry is None:
        return errors
    month, year = int(expiry[1]), CENTURY + int(expiry[2])
    return Card(number, month, year, form.get("name", "").strip() or None)


def _number_error(number: str) -> FieldError | None:
    if not number:
        return FieldError("incomplete_number", "Type a card number.")
    if number_form.fullmatch(number) is None or not _luhn(number):
        return FieldError("incorrect_number", "This card number is not valid. Check the digits.")
    if number not in KNOWN:
        return FieldError(
            "test_number_unknown",
            "The sandbox takes test numbers only, such as 4242 4242 4242 4242."
            " Never type a real card here.",
        )
    return None


def _expiry_error(expiry: re.Match[str] | None, today: date) -> FieldError | None:
    if expiry is None:
        return FieldError("incomplete_expiry", "Type month and year, such as 12 / 34.")
    month, year = int(expiry[1]), CENTURY + int(expiry[2])
    if not 1 <= month <= 12:
        return FieldError("invalid_expiry_month", "There is no such month.")
    if (year, month) < (today.year, today.month):
        return FieldError("invalid_expiry_year_past", "This card's expiry date is in the past.")
    if year > today.year + YEARS_AHEAD:
        return FieldError("invalid_expiry_year", "This expiry date is too far ahead.")
    return None


def _cvc_error(cvc: str) -> FieldError | None:
    if cvc_form.fullmatch(cvc) is None:
        return FieldError("incomplete_cvc", "Type the 3 or 4 digits of the security code.")
    return None


def _name_error(name: str) -> FieldError | None:
    if len(name) > 200 or any(ord(letter) < ord(" ") for letter in name):
        return FieldError("invalid_name", "Type the name as it stands on the card.")
    return None


def _luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
