"""What orders refuse, each with its code and the facts that decided it."""

from __future__ import annotations

from shop.core.errors import Conflict, NotFound, Refused, WrongState


class CartEmpty(Refused):
    """Nothing to place: the cart is empty, or what was in it has just been placed."""

    code = "cart_empty"


class NotInCart(Refused):
    """A named line is not in the cart; facts: `skus`."""

    code = "not_in_cart"


class NotForSale(Refused):
    """A pack that cannot be bought now; facts: `sku`."""

    code = "not_for_sale"


class BadQuantity(Refused):
    """Not a quantity anybody may order; facts: `quantity`, `most`."""

    code = "bad_quantity"


class TooSoon(Refused):
    """The gate opens on a later day; facts: `lines`."""

    code = "too_soon"


class NeedsClientAction(Refused):
    """The client can change something so that the gate opens; facts: `lines`."""

    code = "needs_client_action"


class LineBlocked(Refused):
    """The gate is closed for a line; facts: `lines`."""

    code = "line_blocked"


class PriceChanged(Conflict):
    """The total is not the one the client saw; facts: `expected_cents`, `total_cents`."""

    code = "price_changed"


class TotalTooSmall(Refused):
    """What is due is something, and below what a card can pay.

    Facts: `total_cents`, `least_cents`.
    """

    code = "total_too_small"


class AlreadyShipped(WrongState):
    """Something has left, so the order can no longer be cancelled; facts: `skus`."""

    code = "already_shipped"


class BadReason(Refused):
    """Not a reason of who cancels; facts: `reason`, `reasons` (those there are)."""

    code = "bad_reason"


class PlacedJustNow(Conflict):
    """The same was placed for this client a moment ago; facts: `order` (its number)."""

    code = "placed_just_now"


class NotOrderableForHer(Refused):
    """The gate is closed for a line, and only she may read why; facts: `lines`."""

    code = "not_orderable_for_her"


class NotDueYet(WrongState):
    """The time to pay is not over; facts: `pay_by`."""

    code = "not_due_yet"


class NotPaid(WrongState):
    """Only what is paid is shipped; facts: `status`."""

    code = "not_paid"


class NotInOrder(NotFound):
    """No line of this order has the SKU; facts: `skus`."""

    code = "not_in_order"


class LineNotReady(WrongState):
    """A line that is not waiting to be shipped; facts: `sku`, `status`."""

    code = "line_not_ready"


class NothingToShip(WrongState):
    """No line of this order waits to be shipped."""

    code = "nothing_to_ship"


class NoFill(Refused):
    """A line that takes no fill of a prescription; facts: `sku`."""

    code = "no_fill"


class LabelOutdated(Conflict):
    """The label names other lots than those that would leave; facts: `sku`, both."""

    code = "label_outdated"


class MoneyGone(WrongState):
    """The order was paid, and its money went back."""

    code = "money_went_back"


class BadTracking(Refused):
    """No carrier of ours, or no number of its; `fields` says which."""

    code = "bad_tracking"


class NotTheClient(Refused):
    """Who stands at the desk did not say the client's name and day of birth."""

    code = "not_the_client"


class WrongItem(Refused):
    """What was scanned is not what a line of the order waits for; facts: `item`."""

    code = "wrong_item"


class NothingWaitsForIt(Refused):
    """No paid order that can go waits for what was scanned; facts: `item`."""

    code = "nothing_waits_for_it"


class WrongLot(Refused):
    """The item is right and its lot is not; facts: `sku`, `lot`, and `take` (what to take)."""

    code = "wrong_lot"


class TooMany(Refused):
    """More units than are to be taken there; facts: `sku`, `wanted`, `left`."""

    code = "too_many"


class NotPicked(WrongState):
    """A line that is not picked as it would leave; facts: `sku`, `picked`, `quantity`."""

    code = "not_picked"


class NoSuchPick(NotFound):
    """No pick of this order that stands has this id."""

    code = "no_such_pick"


class LabelMissing(WrongState):
    """A line under a prescription leaves with its label on; facts: `sku`."""

    code = "label_missing"
