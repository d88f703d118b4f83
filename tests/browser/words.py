"""What pages call things: every word of a page that a test looks for stands here, and nowhere else.

Roles and names, as a screen reader says them; patterns where a page may say it at more length.
"""

from __future__ import annotations

import re
from re import Pattern

# accounts
REGISTER = re.compile(r"^Open (the|an) account$")
NAME, MAIL, PASSWORD = "Your name", "Mail address", re.compile(r"^Password")
BORN, LIVES_IN = "Date of birth", "State you live in"
CONFIRM = re.compile(r"^Confirm")
SIGN_IN = re.compile(r"^Sign in$")
LOOK_IN_THE_MAIL = "Look in your mail"

# the shop
SUNSCREENS = re.compile(r"mineral|zinc|sunscreen", re.IGNORECASE)
TRETINOINS = re.compile(r"tretinoin", re.IGNORECASE)
SEARCH = re.compile(r"^Search")
IN_STOCK, WITHOUT_IN_STOCK = re.compile(r"^In stock only"), re.compile(r"^Remove In stock")
TO_CART = re.compile(r"^(Add to cart|Put it in the cart)$")
ASK = re.compile(r"^Ask the physician$")
CART, CHECKOUT = (
    re.compile(r"^(Your cart|Cart)$"),
    re.compile(r"^(Go to checkout|Checkout|Check out)$"),
)
STREET, CITY, ZIP, STATE = "Street and number", "City", "ZIP code", "State"
ONLINE = re.compile(r"online|by card", re.IGNORECASE)
PLACE = re.compile(r"^(Place the order|Place order|Order and pay)")
PAY = re.compile(r"^Pay \$")
CARD, EXPIRES, CODE, HOLDER = "Card number", "Expires", "Security code", "Name on card"
ORDER_NUMBER = re.compile(r"A-[0-9A-Z]{8}")
PAID_FOR = re.compile(r"To be packed|Ready to pack|Paid")

# asking
BEGIN = re.compile(r"^(Go on to the questions|Begin|Start|Ask)")
AGREE = re.compile(r"^I agree that a physician")
NEXT_QUESTION = re.compile(r"^(Next|Continue|Go on)")
HAND_IN = re.compile(r"^(Agree and send|Send it to the physician|Ask the physician|Send it)")
REQUEST_NUMBER = re.compile(r"Q-[0-9A-Z]{8}")
READ_LEAFLET = re.compile(r"^I have read it")
ASK_FOR_MORE = re.compile(r"^(Ask for more|Renew)")
ORDER_IT = re.compile(r"^Order it")

# the physician
TAKE = re.compile(r"^(Take|Claim)")
FILLS, DAYS, EACH = (
    re.compile(r"^Fills"),
    re.compile(r"^Days supply"),
    re.compile(r"^Quantity of each fill"),
)
DIRECTIONS, INDICATION = re.compile(r"^Directions"), re.compile(r"^Indication")
EXAMINED, EXAMINED_ON = re.compile(r"^How you examined"), re.compile(r"^When( you examined.*)?$")
STATEMENT = re.compile(r"^(Read the statement|Read and sign)")
YOUR_PASSWORD, SIGN = re.compile(r"^Your password"), re.compile(r"^Sign$")
IN_PERSON = re.compile(r"in person", re.IGNORECASE)
WHY_ALL_THE_SAME = re.compile(r"^Why it may be signed all the same")
APPROVED = re.compile(r"Approved|In force")

# the esthetician
PLAN_FOR, PLAN_FROM, PLAN_BEGINS = (
    "The client's mail address",
    re.compile(r"^Start from"),
    re.compile(r"^First session"),
)
DRAFT, PROPOSE = re.compile(r"^(Draft it|Draft the plan)"), re.compile(r"^Propose")
PROPOSED = re.compile(
    r"Proposed|Waits for a physician|Waiting for a physician|Awaiting", re.IGNORECASE
)

# the shelf
SKU, LOT, EXPIRY, UNITS = (
    re.compile(r"^(SKU|Pack|Product number)"),
    re.compile(r"^Lot number"),
    re.compile(r"^Expir"),
    re.compile(r"^(Units|Quantity)"),
)
BOOK = re.compile(r"^Book the delivery")
SCAN, PICKED = re.compile(r"^Scan"), re.compile(r"^Picked$")
CARRIER, TRACKING, SHIP = re.compile(r"^Carrier"), re.compile(r"^Tracking"), re.compile(r"^Ship")

# the manager
DISCOUNT_CODE, HOW_MUCH, MOST_USES = (
    re.compile(r"^Code"),
    re.compile(r"^How much"),
    re.compile(r"^Orders that may"),
)
MAKE_IT = re.compile(r"^Make it")
SEND_BACK, WHY = (
    re.compile(r"^(Send it back|Send money back|Propose)"),
    re.compile(r"^(Why|Reason)"),
)
OTC = re.compile(r"over the counter|without a prescription", re.IGNORECASE)


def exactly(text: str) -> Pattern[str]:
    """A name that begins with this text, whatever a page adds behind it."""
    return re.compile(rf"^{re.escape(text)}")
