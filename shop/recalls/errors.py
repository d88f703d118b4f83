"""What a recall refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused


class RecallRefused(Refused):
    """Something of what was given cannot be used; `fields` say which and why."""

    code = "recall_refused"


class AlreadyRecalled(Conflict):
    """A lot is recalled once; facts: `lot`, `recall`."""

    code = "already_recalled"


class OnlyADrill(Conflict):
    """A drill locks nothing, writes to nobody and moves nothing."""

    code = "only_a_drill"


class StillPromised(Conflict):
    """Orders still hold units of the lot; facts: `lot`, `units`."""

    code = "still_promised"


class NotAccountedFor(Conflict):
    """Units are still open; facts: `clients` that have not answered, or `units` still here."""

    code = "not_accounted_for"


class WitnessNeeded(NotAllowed):
    """Somebody else than who wrote it down sees the units leave."""

    code = "witness_needed"
