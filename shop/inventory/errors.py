"""What the shelf refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused


class NotEnoughStock(Refused):
    """Fewer sellable units than wanted; facts: `sku` (where known), `wanted`, `available`."""

    code = "not_enough_stock"


class BadReceipt(Refused):
    """A delivery that cannot be booked as typed; `fields` names row and field of each mistake."""

    code = "bad_receipt"


class WrongPlace(Refused):
    """Units are not moved there, or not from there; facts: `place`, a location's code."""

    code = "wrong_place"


class LotExpired(Refused):
    """The lot's last day is over."""

    code = "lot_expired"


class LotNotUsable(Refused):
    """Nothing may be used from this lot in a treatment; facts: `lot`."""

    code = "lot_not_usable"


class BadScan(Refused):
    """A code that is not as GS1 wants it; facts: `part`, the application identifier at fault."""

    code = "bad_scan"


class IsCase(Refused):
    """The code of an outer case of packs; facts: `gtin`."""

    code = "is_case"


class GtinKnown(Conflict):
    """The variant has a GTIN already; facts: `sku`, `gtin`."""

    code = "gtin_known"


class NotChecked(Refused):
    """Prescription-only units that nobody else has checked are not released; facts: `lot`."""

    code = "not_checked"


class NotCounted(Conflict):
    """Some units were not found, and nobody has counted since; facts: `lot`, `count`."""

    code = "not_counted"


class BadCertificate(Refused):
    """Not a file that is kept with a lot; `fields` say why."""

    code = "bad_certificate"


class UnitsArePromised(NotEnoughStock):
    """Units cannot leave: they are promised, and no other lot can keep the promise."""

    code = "units_are_promised"


class CountRefused(Refused):
    """A count or what was entered in it, not as it may be; `fields` say which and why."""

    code = "count_refused"


class NotAllCounted(Conflict):
    """Something on the sheet was not counted, or not explained; facts: `lots`."""

    code = "not_all_counted"


class CountOvertaken(Conflict):
    """What was counted was corrected since by somebody else; facts: `lots`."""

    code = "count_overtaken"


class AdjustmentRefused(Refused):
    """A correction of stock that cannot be as typed; `fields` say which and why."""

    code = "adjustment_refused"


class SecondPersonNeeded(NotAllowed):
    """What two people decide, one has decided alone."""

    code = "second_person_needed"


class PlaceRefused(Refused):
    """A place that cannot be opened as typed; `fields` say why."""

    code = "place_refused"


class PlaceInUse(Conflict):
    """Something lies in the place, or the clinic needs it; facts: `place`."""

    code = "place_in_use"


class TransferRefused(Refused):
    """Packs that cannot be sent or received like this; `fields` say why."""

    code = "transfer_refused"


class OwnLoss(NotAllowed):
    """Nobody writes off what they sent themselves."""

    code = "own_loss"


class NoTester(Refused):
    """Of this nobody opens a tester; facts: `lot`."""

    code = "no_tester"
