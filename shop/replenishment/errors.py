"""What replenishment refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, Refused


class RefillRefused(Refused):
    """Something of what was given cannot be used; `fields` say which and why."""

    code = "refill_refused"


class NotAgreed(Refused):
    """Nothing is charged by itself unless the client said yes to these very terms."""

    code = "not_agreed"


class RunOutUnknown(Refused):
    """A refill follows what was handed out, and how long it lasts has to be known."""

    code = "run_out_unknown"


class RefillThere(Conflict):
    """The client has an auto-refill of this pack already."""

    code = "refill_there"


class RefillOver(Conflict):
    """The auto-refill was cancelled: nothing of it can be changed."""

    code = "refill_over"


class CardGone(Refused):
    """The card of the consent was removed or has ended."""

    code = "card_gone"


class OnItsWay(Refused):
    """An order of hers holds the same pack already."""

    code = "on_its_way"


class ReportWaits(Refused):
    """The clinic looks at her skin first."""

    code = "report_waits"
